// Records one event from Go with the standard library alone. A retry sends the same event_id.
//
// usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token go run .
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

type object map[string]any

// uuid7 makes an event's id (RFC 9562, section 5.7).
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

// record sends one event until the gateway has answered for it, and returns its receipt.
func record(gateway, token string, event object) (string, error) {
	event["event_id"], event["occurred_at"] = uuid7(), time.Now().UTC().Format(time.RFC3339Nano)
	body, err := json.Marshal(event)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 30 * time.Second}
	for attempt := 1; ; attempt++ {
		request, err := http.NewRequest(http.MethodPost, gateway+"/v1/events", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		pause := time.Second
		answer, problem := client.Do(request)
		if problem == nil {
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err == nil && answer.StatusCode == http.StatusOK {
				return string(text), nil
			}
			problem = fmt.Errorf("the gateway answers %s: %s", answer.Status, text)
			if answer.StatusCode != http.StatusServiceUnavailable && answer.StatusCode != http.StatusTooManyRequests {
				return "", problem
			}
			if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil {
				pause = time.Duration(seconds) * time.Second
			}
		}
		if attempt == 5 {
			return "", problem
		}
		time.Sleep(pause)
	}
}

func main() {
	token, err := os.ReadFile(os.Getenv("TOKEN_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := record(os.Getenv("GATEWAY"), strings.TrimSpace(string(token)), object{
		"actor":     object{"type": "user", "id": "u-1842"},
		"action":    "approve",
		"resources": []object{{"type": "invoice", "id": "2026-0815"}},
		"outcome":   "SUCCESS",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt)
}
