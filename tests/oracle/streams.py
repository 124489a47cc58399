"""A second maker of completeness certificates, written from docs/reference/streams.md.

It shares no code with auditseal, and keeps every event in memory.
"""

import json
from base64 import b64encode
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.oracle.reader import Refused, read_event
from tests.oracle.verifier import files_of, read_trust, records_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ORDER = ("COMPLETE", "UNCLOSED", "PAUSED", "GAP", "DUPLICATE", "SILENT", "UNEXPECTED")
Event = dict[str, Any]


def make(vault: Path, trust: str, name: str, as_of: int, settle: int, expected: dict[str, int]) -> tuple[str, str]:
    """Return the text of the certificate and its list. Times are ms since the epoch, durations seconds."""
    logs = read_trust(trust)
    streams: dict[str, dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for _, record in records_of(files_of(vault), logs):
        try:
            event = read_event(record["value"] or b"")
        except Refused:
            continue
        time = record["timestamp"]
        event["at"] = event["occurred_at"] // 1000 if time == -1 else time
        streams[event["stream"]["id"]][event["stream"]["sequence"]].append(event)
    began = min((log.began for log in logs.values() if log.began is not None), default=None)
    base = None if any(log.first for log in logs.values()) else 0
    lines, counts = list[str](), Counter[str]()
    heard, paused = dict[str, int](), set[str]()
    for stream in sorted(streams, key=str.encode):
        line = judge(stream, streams[stream], base, as_of, settle, expected)
        lines.append(json.dumps(line, separators=(",", ":")))
        counts[line["states"][0]] += 1
        last = max(event["at"] for events in streams[stream].values() for event in events)
        heard[line["service"]] = max(last, heard.get(line["service"], last))
        if "PAUSED" in line["states"]:
            paused.add(line["service"])
    for service in sorted(expected):
        last_heard = heard.get(service)
        since = last_heard if last_heard is not None else began
        if service in paused or (since is not None and as_of - since <= (expected[service] + 60) * 1000):
            continue
        shown = None if last_heard is None else clock(last_heard)
        line = {"service": service, "states": ["SILENT"], "last_at": shown}
        lines.append(json.dumps(line, separators=(",", ":")))
        counts["SILENT"] += 1
    listed = "".join(f"{line}\n" for line in lines)
    text = [f"{name}/streams", f"as_of {clock(as_of)}", f"settle {settle}"]
    text += [f"log {log.origin} {log.height} {b64encode(log.roots[log.height]).decode()}" for log in logs.values()]
    text += [f"expect {json.dumps(service)} {expected[service]}" for service in sorted(expected)]
    text += [f"{state} {counts[state]}" for state in ORDER]
    text.append(f"list {len(lines)} {sha256(listed.encode()).hexdigest()}")
    return "".join(f"{line}\n" for line in text), listed


def judge(
    stream: str, numbers: dict[int, list[Event]], base: int | None, as_of: int, settle: int, expected: dict[str, int]
) -> dict[str, Any]:
    lowest, highest = min(numbers), max(numbers)
    source = {
        name: min((event["source"][name] for event in numbers[lowest]), key=str.encode)
        for name in ("service", "environment")
    }
    gaps, waiting, before = [], False, (lowest if base is None else base) - 1
    for number in sorted(numbers):
        if number > before + 1:
            if min(event["at"] for event in numbers[number]) <= as_of - settle * 1000:
                gaps.append([before + 1, number - 1])
            else:
                waiting = True
        before = number
    doubled = [number for number in sorted(numbers) if len({event["event_id"] for event in numbers[number]}) > 1]
    states = ["DUPLICATE"] * bool(doubled) + ["GAP"] * bool(gaps)
    if expected and source["service"] not in expected:
        states.append("UNEXPECTED")
    own = [event for event in numbers[highest] if (event["event_type"] or "").startswith("auditseal.stream.")]
    kind = min(event["event_type"] for event in own).rpartition(".")[2] if own else ""
    if kind == "closed" and not waiting:
        states += [] if states else ["COMPLETE"]
    elif kind == "paused" and is_paused(own, as_of):
        states.append("PAUSED")
    else:
        states.append("UNCLOSED")
    records = [event for events in numbers.values() for event in events]
    return {
        "stream": stream,
        "service": source["service"],
        "environment": source["environment"],
        "states": states,
        "first": lowest,
        "last": highest,
        "numbers": len(numbers),
        "repeated": len(records) - len(numbers),
        "gaps": gaps[:1000],
        "gap_count": len(gaps),
        "duplicates": doubled[:1000],
        "duplicate_count": len(doubled),
        "last_at": clock(max(event["at"] for event in records)),
    }


def is_paused(events: list[Event], as_of: int) -> bool:
    ends = []
    for event in events:
        until = {each["key"]: each["value"] for each in event["attributes"]}.get("until", "")
        with suppress(ValueError):
            ends.append(datetime.fromisoformat(until))
    return not ends or min(ends) > EPOCH + timedelta(milliseconds=as_of)


def clock(milliseconds: int) -> str:
    return (EPOCH + timedelta(milliseconds=milliseconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
