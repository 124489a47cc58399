"""The statements of a ledger of streams. A run is numbers of one stream of which none between two of them is missing.

| table | a row for |
| --- | --- |
| `sighting` | each record: its stream, number and event |
| `fresh` | each run of the records that came last |
| `run` | each run, none of which touches another |
| `clash` | each number that belongs to different events |
| `control` | each event by which a stream speaks of itself, of those that may be its last |
| `head` | each log: how much of it was read |
| `schema` | each line of the trust file about a schema of a registry, by which the records were read |
"""

_RUN = """(
    stream VARCHAR, first BIGINT, last BIGINT, records BIGINT, written BIGINT, latest BIGINT,
    service VARCHAR, environment VARCHAR
)"""

TABLES = f"""
CREATE TABLE IF NOT EXISTS version (number INTEGER);
CREATE TABLE IF NOT EXISTS head (origin VARCHAR PRIMARY KEY, size BIGINT, root BLOB);
CREATE TABLE IF NOT EXISTS "schema" (line VARCHAR);
CREATE TABLE IF NOT EXISTS sighting (stream VARCHAR, number BIGINT, event UUID);
CREATE TABLE IF NOT EXISTS fresh {_RUN};
CREATE TABLE IF NOT EXISTS run {_RUN};
CREATE TABLE IF NOT EXISTS clash (stream VARCHAR, number BIGINT);
CREATE TABLE IF NOT EXISTS control (stream VARCHAR, number BIGINT, kind VARCHAR, until BIGINT);
"""

FOLD = """
INSERT INTO sighting FROM sightings;
INSERT INTO fresh FROM runs;
INSERT INTO clash FROM clashes;
INSERT INTO control SELECT stream_id, stream_sequence, event_type, until FROM own;
"""
"""Takes what records say (`stream_runs`), and in `own` those by which streams speak of themselves."""

SETTLE = """
CREATE OR REPLACE TEMP TABLE mixed AS
SELECT *, max(last) OVER (
    PARTITION BY stream ORDER BY first, last ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
) AS before
FROM (FROM fresh UNION ALL FROM run WHERE stream IN (SELECT stream FROM fresh));
INSERT INTO clash
SELECT stream, number
FROM sighting JOIN (
    SELECT DISTINCT stream, unnest(range(first, least(last, before) + 1)) AS number FROM mixed WHERE first <= before
) USING (stream, number)
GROUP BY stream, number HAVING min(event) <> max(event);
DELETE FROM run WHERE stream IN (SELECT stream FROM fresh);
INSERT INTO run
SELECT stream, min(first), max(last), sum(records), arg_min(written, (first, written)), max(latest),
    arg_min(service, (first, service)), arg_min(environment, (first, environment))
FROM (
    SELECT *, count(*) FILTER (before IS NULL OR first > before + 1) OVER (
        PARTITION BY stream ORDER BY first, last ROWS UNBOUNDED PRECEDING
    ) AS island
    FROM mixed
)
GROUP BY stream, island;
DELETE FROM control USING (SELECT stream, max(last) AS last FROM run GROUP BY stream) AS top
WHERE control.stream = top.stream AND control.number < top.last;
DELETE FROM fresh;
DROP TABLE mixed;
"""
"""Joins the fresh runs with those that they touch; numbers in two runs are compared event by event."""

PREPARE = """
CREATE OR REPLACE TABLE gap AS
SELECT stream, before + 1 AS first, number - 1 AS last, written, written <= $settled AS settled
FROM (
    SELECT stream, first AS number, written, lag(last, 1, $base) OVER (PARTITION BY stream ORDER BY first) AS before
    FROM run
)
WHERE number > before + 1
"""

GAPS = """
SELECT stream, first, last FROM gap WHERE settled
QUALIFY row_number() OVER (PARTITION BY stream ORDER BY first) <= $most ORDER BY stream, first
"""

CLASHES = """
SELECT DISTINCT stream, number FROM clash
QUALIFY dense_rank() OVER (PARTITION BY stream ORDER BY number) <= $most ORDER BY stream, number
"""

STREAMS = """
SELECT stream, service, environment, first, last, numbers, records - numbers, coalesce(clashes, 0),
    coalesce(settled, 0), coalesce(waiting, 0) > 0, latest, kind, until
FROM (
    SELECT stream, arg_min(service, first) AS service, arg_min(environment, first) AS environment, min(first) AS first,
        max(last) AS last, sum(last - first + 1)::BIGINT AS numbers, sum(records)::BIGINT AS records,
        max(latest) AS latest
    FROM run GROUP BY stream
)
LEFT JOIN (
    SELECT stream, count(*) FILTER (settled) AS settled, count(*) FILTER (NOT settled) AS waiting
    FROM gap GROUP BY stream
) USING (stream)
LEFT JOIN (SELECT stream, count(DISTINCT number) AS clashes FROM clash GROUP BY stream) USING (stream)
LEFT JOIN (
    SELECT stream, number AS last, min(kind) AS kind, min(until) AS until FROM control GROUP BY stream, number
) USING (stream, last)
ORDER BY stream
"""
