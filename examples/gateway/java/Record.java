import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;

/**
 * Records one event from Java 17 or newer, without libraries. A retry sends the same event_id.
 *
 * <p>usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token java Record.java
 */
public class Record {
  /** Makes an event's id (RFC 9562, section 5.7). */
  static UUID uuid7() {
    SecureRandom random = new SecureRandom();
    long high = System.currentTimeMillis() << 16 | 0x7000 | random.nextInt(0x1000);
    return new UUID(high, random.nextLong() & 0x3FFFFFFFFFFFFFFFL | 0x8000000000000000L);
  }

  static String record(String gateway, String token, String event) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(gateway + "/v1/events"))
            .timeout(Duration.ofSeconds(30))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(event))
            .build();
    for (int attempt = 1; ; attempt++) {
      IOException problem;
      long seconds = 1;
      boolean isLast = attempt == 5;
      try {
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        int status = answer.statusCode();
        if (status == 200) return answer.body();
        problem = new IOException("the gateway answers " + status + ": " + answer.body());
        isLast |= status != 503 && status != 429;
        seconds = Long.parseLong(answer.headers().firstValue("Retry-After").orElse("1"));
      } catch (IOException error) {
        problem = error;
      }
      if (isLast) throw problem;
      Thread.sleep(1000 * seconds);
    }
  }

  public static void main(String[] arguments) throws Exception {
    String token = Files.readString(Path.of(System.getenv("TOKEN_FILE"))).strip();
    String event =
        """
        {
          "event_id": "%s",
          "occurred_at": "%s",
          "actor": {"type": "user", "id": "u-1842"},
          "action": "approve",
          "resources": [{"type": "invoice", "id": "2026-0815"}],
          "outcome": "SUCCESS"
        }
        """
            .formatted(uuid7(), Instant.now());
    System.out.println(record(System.getenv("GATEWAY"), token, event));
  }
}
