// Records one event from Node 18 or newer, without libraries. A retry sends the same event_id.
// usage: GATEWAY=https://gateway.example.com:8787 TOKEN_FILE=billing.token node record.mjs
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

function uuid7() {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function record(event, attempts = 5) {
  const headers = {
    authorization: `Bearer ${readFileSync(process.env.TOKEN_FILE, "utf8").trim()}`,
    "content-type": "application/json",
  };
  const body = JSON.stringify({ event_id: uuid7(), occurred_at: new Date().toISOString(), ...event });
  for (let attempt = 1; ; attempt++) {
    let problem;
    let seconds = 1;
    let isLast = attempt >= attempts;
    try {
      const answer = await fetch(`${process.env.GATEWAY}/v1/events`, { method: "POST", headers, body });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text).results[0];
      problem = new Error(`the gateway answers ${answer.status}: ${text}`);
      isLast ||= answer.status !== 503 && answer.status !== 429;
      seconds = Number(answer.headers.get("retry-after") ?? 1);
    } catch (error) {
      problem = error;
    }
    if (isLast) throw problem;
    await pause(1000 * seconds);
  }
}

const receipt = await record({
  actor: { type: "user", id: "u-1842" },
  action: "approve",
  resources: [{ type: "invoice", id: "2026-0815" }],
  outcome: "SUCCESS",
});
console.log(JSON.stringify(receipt));
