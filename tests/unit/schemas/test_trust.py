"""The trust file: what it says, and every wrong line named by its number."""

from base64 import b64encode
from hashlib import sha256

import pytest

from auditseal_schemas.errors import TrustError, VerificationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_schemas.registry_schema import EVENT_SHA256, PinnedSchema
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, SIGNER
from tests.factory.people import PEOPLE
from tests.oracle import verifier as oracle
from tests.oracle.reader import Refused

NEIGHBOUR = Origin(ORIGIN.cluster, ORIGIN.topic, 4, 0)
NEIGHBOUR_KEY = VerifierKey(str(NEIGHBOUR), SIGNER.public)
ROOT = sha256(b"root").digest()
ROOT_TEXT = b64encode(ROOT).decode()
LOG = f"log {KEY}"
INDEX_KEY = VerifierKey("index.example.com", OTHER_KEY.public)
INDEX = f"index {INDEX_KEY}"


def refuse(text: str) -> str:
    with pytest.raises(TrustError) as caught:
        Trust.parse(text.encode())
    words = str(caught.value)
    assert words.isprintable()
    assert len(words) < 5000
    return words


def test_a_whole_trust_file() -> None:
    text = f"""# the audit logs of example.com

    vault   s3://audit-archive/?endpoint=https://s3.example.com  # in the other building
\tretention\t \t2555\t
    log {NEIGHBOUR_KEY}
    log {KEY}
    start {ORIGIN} 1200 {ROOT_TEXT}
    log {OTHER_KEY}"""
    assert Trust.parse(text.encode()) == Trust(
        (PinnedLog(NEIGHBOUR, (NEIGHBOUR_KEY,)), PinnedLog(ORIGIN, (KEY, OTHER_KEY), Start(1200, ROOT))),
        "s3://audit-archive/?endpoint=https://s3.example.com",
        2555,
    )


def test_schemas_are_pinned_for_all_logs_of_a_topic_in_the_order_of_their_ids() -> None:
    (digest,) = EVENT_SHA256
    topic, guid = f"{ORIGIN.cluster}/{ORIGIN.topic}", "6d9ecb1a-3f51-5f0b-8e5c-0123456789ab"
    other = Origin(ORIGIN.cluster, "other.events", 0, 0)
    lines = [f"schema {topic} 7 {digest}", LOG, f"log {NEIGHBOUR_KEY}", f"log {VerifierKey(str(other), SIGNER.public)}"]
    trust = Trust.parse("\n".join([*lines, f"schema {topic} {guid} {digest}"]).encode())
    schemas = (PinnedSchema(guid, 1), PinnedSchema("7", 1))
    assert [log.schemas for log in trust.logs] == [schemas, schemas, ()]
    assert list(trust.logs[0].schema_lines) == [lines[0].replace(" 7 ", f" {guid} "), lines[0]]
    oracle.read_trust("\n".join([*lines, *trust.logs[0].schema_lines[:1]]))


SCHEMA = f"schema {ORIGIN.cluster}/{ORIGIN.topic} 7 {next(iter(EVENT_SHA256))}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"{SCHEMA}\n{SCHEMA}", r"line 3 .*more than one schema line for 7 of"),
        (SCHEMA.replace(" 7 ", " 07 "), r"line 2 .*'07' is not a number from 1 to 2147483647, nor a GUID"),
        (SCHEMA.replace(" 7 ", " 2147483648 "), r"line 2 .*is not a number from 1"),
        (SCHEMA.replace(" 7 ", " 6D9ECB1A-3F51-5F0B-8E5C-0123456789AB "), r"line 2 .*in lower case"),
        (SCHEMA[:-1], r"line 2 .*is not the SHA-256 of a schema of the audit event"),
        (SCHEMA.upper().replace("SCHEMA", "schema"), r"line 2 .*doesn't fit"),
        (SCHEMA.replace(" 7 ", "/0/0 7 "), r"line 2 .*is not <cluster>/<topic>"),
        (SCHEMA.replace(ORIGIN.topic, "other"), r"line 2 .*no log line pins a log of that topic"),
        (f"{SCHEMA} more", r"line 2 .*isn't one of"),
    ],
)
def test_a_wrong_schema_line_is_named(line: str, said: str) -> None:
    text = f"{LOG}\n{line}\n"
    with pytest.raises(TrustError, match=said):
        Trust.parse(text.encode())
    with pytest.raises((ValueError, Refused)):
        oracle.read_trust(text)


def test_the_least_trust_file() -> None:
    assert Trust.parse(LOG.encode()) == Trust((PinnedLog(ORIGIN, (KEY,)),))


def test_people_have_one_key_each_and_no_two_share_one() -> None:
    lines = [f"person {key}" for key in PEOPLE]
    assert Trust.parse("\n".join([*lines, LOG, ""]).encode()).people == PEOPLE
    with pytest.raises(TrustError, match=r"line 2 .*more than one person line for alice@example.com"):
        Trust.parse(f"person {PEOPLE[0]}\nperson {PEOPLE[0]}\n".encode())
    twin = VerifierKey("mallory@example.com", PEOPLE[0].public)
    with pytest.raises(TrustError, match=r"mallory@example.com has the key of alice@example.com"):
        Trust.parse("\n".join([*lines, f"person {twin}", LOG, ""]).encode())


def test_a_person_signs_by_ed25519() -> None:
    other = VerifierKey("dave@example.com", bytes(1312), ML_DSA_44)
    with pytest.raises(TrustError, match=r"line 2 .*the key of dave@example.com is not an Ed25519 key"):
        Trust.parse(f"{LOG}\nperson {other}\n".encode())


def test_indexes_are_pinned_by_their_names() -> None:
    other = VerifierKey(str(ORIGIN), SIGNER.public)
    trust = Trust.parse(f"{INDEX}\n{LOG}\nindex {other}\n".encode())
    assert trust == Trust((PinnedLog(ORIGIN, (KEY,)),), indexes=(INDEX_KEY, other))
    assert (trust.index_of("index.example.com"), trust.index_of(str(ORIGIN))) == (INDEX_KEY, other)
    with pytest.raises(VerificationError) as caught:
        trust.index_of("index.example")
    assert caught.value.verdict is Verdict.MISSING_LOG
    assert caught.value.problem == "the trust file does not pin the index 'index.example': add its index line"


def test_a_start_may_stand_before_its_log() -> None:
    assert Trust.parse(f"start {ORIGIN} 1 {ROOT_TEXT}\n{LOG}\n".encode()).logs[0].start == Start(1, ROOT)


@pytest.mark.parametrize(
    "line",
    [
        "Log x",
        "logs",
        "\ufefflog x",
        "\x1b[31m",
        "x" * 100_000,
        "log",
        f"log {KEY} {KEY}",
        "log x",
        f"log {KEY}=",
        LOG,
        f"log {VerifierKey('PeterNeumann', SIGNER.public)}",
        f"log {VerifierKey('a/b/01/0', SIGNER.public)}",
        f"log {str(KEY).replace('+', ' ')}",
        "vault",
        "vault a b",
        "retention",
        "retention x",
        "retention -1",
        "retention 01",
        "retention 1_000",
        "retention \u0661",
        "retention 1.5",
        "retention 1000000000000000",
        "start",
        f"start {ORIGIN} 1",
        f"start {ORIGIN} {ROOT_TEXT} 1",
        f"start {ORIGIN} 0 {ROOT_TEXT}",
        f"start {ORIGIN} 00 {ROOT_TEXT}",
        f"start {ORIGIN} -1 {ROOT_TEXT}",
        f"start {ORIGIN} 1 {ROOT_TEXT} 1",
        f"start {ORIGIN} 1 {ROOT.hex()}",
        f"start {ORIGIN} 1 {ROOT_TEXT[:-1]}",
        f"start {ORIGIN} 1 {ROOT_TEXT[:-2]}B=",
        f"start {ORIGIN} 1 {b64encode(ROOT[1:]).decode()}",
        f"start {ORIGIN} 1 ä",
        f"start {ORIGIN} 1000000000000 {ROOT_TEXT}",
        "retention 7\r",
        "# a comment\r",
        "# a comment \x1b[2K",
        "# a comment\x00",
        "# a comment\x85",
        "# a comment\x7f",
        "vault s3://bucket/\x1b[2K",
        "vault s3://bucket/\x9b2K",
        "retention\x0c7",
        "retention\x0b7",
        "retention\x1f7",
        "retention\u00a07",
        "retention\u30007",
        "retention\u20287",
        *(f"# a comment{mark}" for mark in "\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e"),
        *(f"# a comment{mark}" for mark in "\u2066\u2067\u2068\u2069"),
        "vault s3://bucket/\u202egpj",
        "index",
        "index index.example.com",
        "person",
        "person alice@example.com",
        f"{INDEX}=",
        f"{INDEX} {INDEX_KEY}",
        f"start x 1 {ROOT_TEXT}",
        f"start {NEIGHBOUR} 1 {ROOT_TEXT}",
    ],
    ids=lambda line: ascii(line[:40]),
)
def test_every_wrong_line_is_named_by_its_number(line: str) -> None:
    assert "line 4 of the trust file" in refuse(f"# comment\n{LOG}\n\n{line}\nretention 9\n")


def test_the_highest_start() -> None:
    text = f"{LOG}\nstart {ORIGIN} {MAX_HEIGHT} {ROOT_TEXT}"
    assert Trust.parse(text.encode()).logs[0].start == Start(999_999_999_999, ROOT)


def test_a_line_that_another_system_ended_is_told_as_that() -> None:
    assert refuse(f"# comment\r\n{LOG}\r\n") == (
        "line 1 of the trust file has the control character U+000D: end lines by a newline alone, at character 10"
    )


def test_a_comment_may_have_any_other_character() -> None:
    assert Trust.parse(f"# Prüfprotokolle, 監査\t\u2027 \u2065\u206a \U0001f512\n{LOG}".encode()).logs


@pytest.mark.parametrize("line", ["vault file:///v", "retention 7", LOG, f"start {ORIGIN} 2 {ROOT_TEXT}", INDEX])
def test_a_line_twice_is_named_by_its_number(line: str) -> None:
    assert "line 3 of the trust file" in refuse(
        "\n".join(dict.fromkeys((LOG, line))) + "\n" * (2 - (line != LOG)) + line
    )


def test_of_two_wrong_lines_the_first_is_named() -> None:
    assert "line 1 of" in refuse(f"one\ntwo\n{LOG}")


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "vault file:///v\nretention 1\n"])
def test_a_trust_file_pins_something(text: str) -> None:
    assert "pins no log" in refuse(text)


def test_bytes_that_are_no_text() -> None:
    for data, words in ((b"log \xff", "not UTF-8"), (b"#" * (1 << 20) + b"#", "exceeds")):
        with pytest.raises(TrustError, match=words):
            Trust.parse(data)
    assert Trust.parse(LOG.encode() + b"\n" + b"#" * ((1 << 20) - 1 - len(LOG))).logs


def test_a_log_is_found_by_its_origin_and_one_that_is_not_pinned_is_missing() -> None:
    neighbour, log = PinnedLog(NEIGHBOUR, (NEIGHBOUR_KEY,)), PinnedLog(ORIGIN, (KEY,))
    trust = Trust((neighbour, log))
    assert trust.log_of(ORIGIN) is log
    assert trust.log_of(NEIGHBOUR) is neighbour
    with pytest.raises(VerificationError, match="does not pin") as refusal:
        Trust((neighbour,)).log_of(ORIGIN)
    assert (refusal.value.verdict, refusal.value.field) == (Verdict.MISSING_LOG, "origin")
