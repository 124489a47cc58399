// Publishes events from Go without auditseal's own producer: hamba/avro encodes, franz-go sends.
//
// usage: BOOTSTRAP_SERVERS=127.0.0.1:9092 TOPIC=audit.events SCHEMA=audit_event.v1.avsc COUNT=3 go run .
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The fields have the names of the schema; a pointer is a field that may be absent.
type event struct {
	EventID       string            `avro:"event_id"`
	SchemaVersion int               `avro:"schema_version"`
	EventType     *string           `avro:"event_type"`
	OccurredAt    time.Time         `avro:"occurred_at"`
	Tenant        *string           `avro:"tenant"`
	Category      string            `avro:"category"`
	Source        source            `avro:"source"`
	Actor         actor             `avro:"actor"`
	Action        string            `avro:"action"`
	Resources     []resource        `avro:"resources"`
	Outcome       string            `avro:"outcome"`
	StatusCode    *string           `avro:"status_code"`
	Reason        *reason           `avro:"reason"`
	Authorization *authorization    `avro:"authorization"`
	Changes       []change          `avro:"changes"`
	TraceID       *string           `avro:"trace_id"`
	SpanID        *string           `avro:"span_id"`
	CorrelationID *string           `avro:"correlation_id"`
	Stream        stream            `avro:"stream"`
	Attributes    map[string]string `avro:"attributes"`
}

type source struct {
	Service     string  `avro:"service"`
	Version     *string `avro:"version"`
	Instance    *string `avro:"instance"`
	Environment string  `avro:"environment"`
	Region      *string `avro:"region"`
}

type actor struct {
	Type       string  `avro:"type"`
	ID         string  `avro:"id"`
	Name       *string `avro:"name"`
	AuthMethod *string `avro:"auth_method"`
	SessionID  *string `avro:"session_id"`
	OnBehalfOf *string `avro:"on_behalf_of"`
	IP         *string `avro:"ip"`
	UserAgent  *string `avro:"user_agent"`
}

type resource struct {
	Type   string  `avro:"type"`
	ID     string  `avro:"id"`
	Name   *string `avro:"name"`
	Parent *string `avro:"parent"`
}

type reason struct {
	Code *string `avro:"code"`
	Text *string `avro:"text"`
}

type authorization struct {
	Granted    bool    `avro:"granted"`
	Permission *string `avro:"permission"`
	Policy     *string `avro:"policy"`
}

type change struct {
	Field  string  `avro:"field"`
	Before *string `avro:"before"`
	After  *string `avro:"after"`
}

type stream struct {
	ID       string `avro:"id"`
	Sequence int64  `avro:"sequence"`
}

// uuid7 makes an id (RFC 9562, section 5.7).
func uuid7() string {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		log.Fatal(err)
	}
	var now [8]byte
	binary.BigEndian.PutUint64(now[:], uint64(time.Now().UnixMilli()))
	copy(id[:6], now[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// prefix is what every event of version 1 begins with (docs/reference/event-encoding.md): C3 01 and the fingerprint of the
// schema. hamba/avro's own fingerprint counts logical types, which Avro's canonical form leaves out.
var prefix = []byte{0xc3, 0x01, 0x0b, 0x3c, 0xf5, 0x21, 0x87, 0xc9, 0x20, 0x66}

// fileSHA256 is that of audit_event.v1.avsc without the last line break: by another schema the bytes after the prefix would not be an event.
const fileSHA256 = "5050edfa6e4cdaf96dc76a142f3fb9965763bba0166334f8e31dff6ada5bb528"

// key keeps the order of one actor's events, as docs/reference/events.md says.
func key(e event) []byte {
	tenant := ""
	if e.Tenant != nil {
		tenant = *e.Tenant
	}
	digest := sha256.Sum256([]byte(tenant + "\x00" + e.Actor.Type + "\x00" + e.Actor.ID))
	return digest[:2]
}

func main() {
	text, err := os.ReadFile(os.Getenv("SCHEMA"))
	if err != nil {
		log.Fatal(err)
	}
	if found := fmt.Sprintf("%x", sha256.Sum256(bytes.TrimSpace(text))); found != fileSHA256 {
		log.Fatalf("SCHEMA is not audit_event.v1.avsc, it has the SHA-256 %s: take that file", found)
	}
	schema, err := avro.Parse(string(text))
	if err != nil {
		log.Fatal(err)
	}
	// One block for each array and map, and its keys in order: there is one encoding of an event.
	coder := avro.Config{BlockLength: 1 << 20, DisableBlockSizeHeader: true}.Freeze()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(os.Getenv("BOOTSTRAP_SERVERS")),
		kgo.DefaultProduceTopic(os.Getenv("TOPIC")),
		kgo.RequiredAcks(kgo.AllISRAcks()),                   // and idempotent, which is the default
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), // Java's murmur2, as auditseal's own producer
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	count, err := strconv.Atoi(os.Getenv("COUNT"))
	if err != nil {
		log.Fatal(err)
	}
	id, text2 := uuid7(), "over the limit"
	for number := 0; number < count; number++ {
		e := event{
			EventID:       uuid7(),
			SchemaVersion: 1,
			OccurredAt:    time.Now(),
			Category:      "DATA",
			Source:        source{Service: "go-example", Environment: "test"},
			Actor:         actor{Type: "user", ID: "u-1842"},
			Action:        "approve",
			Resources:     []resource{{Type: "invoice", ID: "2026-0815"}},
			Outcome:       "DENIED",
			Reason:        &reason{Text: &text2},
			Authorization: &authorization{Granted: false},
			Changes:       []change{{Field: "state", After: &text2}},
			Stream:        stream{ID: id, Sequence: int64(number)}, // without gaps: a missing number is a lost event
			Attributes:    map[string]string{"language": "go"},     // more than one: in the order of their keys
		}
		body, err := coder.Marshal(schema, e)
		if err != nil {
			log.Fatal(err)
		}
		record := &kgo.Record{Key: key(e), Value: append(append([]byte{}, prefix...), body...)}
		if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.EventID)
	}
}
