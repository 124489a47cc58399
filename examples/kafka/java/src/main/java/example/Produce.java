package example;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Publishes events from Java without auditseal's own producer: Avro encodes, Kafka's client sends.
 *
 * <p>usage: BOOTSTRAP_SERVERS=127.0.0.1:9092 TOPIC=audit.events SCHEMA=audit_event.v1.avsc COUNT=3 mvn -q compile exec:java
 */
public class Produce {
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Makes an id (RFC 9562, section 5.7). */
  static UUID uuid7() {
    long high = System.currentTimeMillis() << 16 | 0x7000 | RANDOM.nextInt(0x1000);
    return new UUID(high, RANDOM.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L);
  }

  /** Makes a record of a part of the event, with the schema's defaults for what is not given. */
  static GenericRecord part(Schema schema, Map<String, ?> fields) {
    GenericRecordBuilder builder = new GenericRecordBuilder(schema);
    fields.forEach(builder::set);
    return builder.build();
  }

  static Schema field(Schema schema, String name) {
    Schema found = schema.getField(name).schema();
    if (found.getType() == Schema.Type.UNION) found = found.getTypes().get(1);
    return found.getType() == Schema.Type.ARRAY ? found.getElementType() : found;
  }

  static GenericRecord event(Schema schema, UUID stream, long number) {
    long now = Math.multiplyExact(Instant.now().toEpochMilli(), 1000L);
    return part(
        schema,
        Map.ofEntries(
            Map.entry("event_id", uuid7().toString()),
            Map.entry("schema_version", 1),
            Map.entry("occurred_at", now),
            Map.entry("category", new GenericData.EnumSymbol(field(schema, "category"), "DATA")),
            Map.entry("source", part(field(schema, "source"), Map.of("service", "java-example", "environment", "test"))),
            Map.entry("actor", part(field(schema, "actor"), Map.of("type", "user", "id", "u-1842"))),
            Map.entry("action", "approve"),
            Map.entry("resources", List.of(part(field(schema, "resources"), Map.of("type", "invoice", "id", "2026-0815")))),
            Map.entry("outcome", new GenericData.EnumSymbol(field(schema, "outcome"), "DENIED")),
            Map.entry("reason", part(field(schema, "reason"), Map.of("text", "over the limit"))),
            Map.entry("authorization", part(field(schema, "authorization"), Map.of("granted", false))),
            Map.entry("changes", List.of(part(field(schema, "changes"), Map.of("field", "state", "after", "denied")))),
            // Without gaps: a missing number is a lost event.
            Map.entry("stream", part(field(schema, "stream"), Map.of("id", stream.toString(), "sequence", number))),
            // More than one: in the order of their keys, as in a TreeMap.
            Map.entry("attributes", Map.of("language", "java"))));
  }

  /** The fingerprint of audit_event.v1: an encoding by another schema is not an event. */
  static final long FINGERPRINT = 0x6620c98721f53c0bL;

  /** Returns C3 01, the schema's fingerprint (little-endian) and the event, arrays and maps as one block each. */
  static byte[] encode(Schema schema, GenericRecord event) throws IOException {
    java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
    long fingerprint = SchemaNormalization.parsingFingerprint64(schema);
    out.write(0xC3);
    out.write(0x01);
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(fingerprint).array());
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(schema).write(event, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  /** Keeps the order of one actor's events, as docs/reference/events.md says. */
  static byte[] key(GenericRecord event) throws Exception {
    GenericRecord actor = (GenericRecord) event.get("actor");
    Object tenant = event.get("tenant");
    String text = (tenant == null ? "" : tenant) + "\0" + actor.get("type") + "\0" + actor.get("id");
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    return Arrays.copyOf(digest, 2);
  }

  public static void main(String[] arguments) throws Exception {
    Schema schema = new Schema.Parser().parse(Path.of(System.getenv("SCHEMA")).toFile());
    if (SchemaNormalization.parsingFingerprint64(schema) != FINGERPRINT) {
      throw new IllegalArgumentException("SCHEMA is not audit_event.v1.avsc: take that file");
    }
    Properties settings = new Properties();
    settings.put("bootstrap.servers", System.getenv("BOOTSTRAP_SERVERS"));
    settings.put("acks", "all"); // and idempotent, which is the default
    UUID stream = uuid7();
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      for (long number = 0; number < Long.parseLong(System.getenv("COUNT")); number++) {
        GenericRecord event = event(schema, stream, number);
        producer.send(new ProducerRecord<>(System.getenv("TOPIC"), key(event), encode(schema, event))).get();
        System.out.println(event.get("event_id"));
      }
    }
  }
}
