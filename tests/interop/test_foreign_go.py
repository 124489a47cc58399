"""Go checks what we made: x/mod opens our checkpoints and makes our roots again, and a program checks our proofs."""

import json
import random
import re
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from auditseal_auditor.blocks.prover import prove_consistency, prove_in_block
from auditseal_schemas.block import Block
from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.event_proof import check_record_proof, prove_record
from auditseal_schemas.header import Gap
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import consistency_proof, inclusion_proof, leaf_hash, tree_root
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_vault.log_reader import LogReader
from tests.factory.blocks import resigned
from tests.factory.keys import signing_key, verifier_key
from tests.factory.programs import go_program
from tests.factory.vaults import MemoryVault, make_trust
from tests.vectors.example import KEY, ORIGIN, example_blocks
from tests.vectors.good import plain, simple_run
from tests.vectors.make import FOLDER, INDEX

HERE = Path(__file__).parent
VECTORS = {vector["name"]: vector for vector in json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))}
# x/mod takes the first of two equal lines and ignores what it doesn't need, and formats takes any time; our verifiers
# are stricter.
STRICTER_HERE = {"signature-doubled", "second-signature-doubled", "second-signature-time-too-large"}
GOOD = (
    "plain",
    "rich",
    "next-run",
    "rotation",
    "two-keys",
    "signature-by-a-stranger",
    "start",
    "second-signature",
    "second-signature-not-pinned",
    "second-signature-start",
    "second-signature-time",
    "second-key-announced",
)


@pytest.fixture(scope="module")
def notecheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return go_program(HERE / "notecheck", tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def proofcheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return go_program(HERE / "proofcheck", tmp_path_factory.mktemp("go"))


def run(program: Path, **given: Any) -> str:
    done = subprocess.run([program], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def text(data: bytes) -> str:
    return b64encode(data).decode()


def tree(leaves: Sequence[bytes]) -> dict[str, Any]:
    """Return leaves with our hashes, roots, and every proof there is."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    sizes = range(1, len(leaves) + 1)
    inclusion = [(index, size, inclusion_proof(hashes[:size], index)) for size in sizes for index in range(size)]
    consistency = [(old, size, consistency_proof(hashes[:size], old)) for size in sizes for old in range(1, size)]
    return {
        "Leaves": list(map(text, leaves)),
        "LeafHashes": list(map(text, hashes)),
        "Roots": [text(tree_root(hashes[:size])) for size in sizes],
        "Inclusion": list(map(proof, inclusion)),
        "Consistency": list(map(proof, consistency)),
    }


def proof(parts: tuple[int, int, list[bytes]]) -> dict[str, Any]:
    index, size, hashes = parts
    return {"Index": index, "Size": size, "Hashes": list(map(text, hashes))}


def checkpoints(vector: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every checkpoint of a good vault with the keys that are valid at its height."""
    found = []
    for log in Trust.parse(vector["trust"].encode()).logs:
        state = LogState.genesis(log.origin, log.keys)
        for key in sorted(key for key in vector["objects"] if key.startswith(log.origin.blocks_prefix)):
            block = Block.parse((FOLDER / vector["objects"][key][0]["file"]).read_bytes())
            keys = list(map(str, state.keys))
            found.append({"Keys": keys, "Note": block.note.format().decode(), "Text": block.note.text})
            state = state.accept(block)
    return found


@pytest.mark.parametrize("name", [name for name in GOOD if not name.endswith("start")])
def test_note_opens_our_checkpoints(notecheck: Path, name: str) -> None:
    opened = checkpoints(VECTORS[name])
    assert run(notecheck, Checkpoints=opened) == f"0 trees, {len(opened)} checkpoints\n"


def test_note_refuses_the_checkpoints_that_we_refuse(notecheck: Path) -> None:
    """Every vector whose block 1 fails at its note; `BAD_SIGNATURE` here is a note that doesn't open there."""
    refused = [
        vector
        for vector in VECTORS.values()
        if any((finding["verdict"], finding.get("height")) == ("BAD_SIGNATURE", 1) for finding in vector["findings"])
        and vector["name"].startswith("signature-")
        and vector["name"] not in STRICTER_HERE
    ]
    assert len(refused) == 12
    (run_0, _) = plain()
    key = run_0.blocks[1].key
    notes = [
        Block.parse((FOLDER / vector["objects"][key][0]["file"]).read_bytes()).note.format().decode()
        for vector in refused
    ]
    keys = list(map(str, run_0.pinned))
    run(notecheck, Checkpoints=[{"Keys": keys, "Note": note, "Bad": True} for note in notes])


def test_note_refuses_the_second_signatures_that_we_refuse(notecheck: Path) -> None:
    """`note.Open` takes a note that one of its keys signed, so each is opened by the ML-DSA-44 key alone."""
    key = f"v1/{plain()[0].origin}/blocks/000000000001.avro"
    refused = {
        name: vector
        for name, vector in VECTORS.items()
        if name.startswith("second-signature-")
        and any((finding["verdict"], finding.get("height")) == ("BAD_SIGNATURE", 1) for finding in vector["findings"])
        and name not in STRICTER_HERE | {"second-signature-first-missing"}
    }
    assert len(refused) == 11
    notes = [
        Block.parse((FOLDER / vector["objects"][key][0]["file"]).read_bytes()).note.format().decode()
        for vector in refused.values()
    ]
    second = Trust.parse(VECTORS["second-signature"]["trust"].encode()).logs[0].keys[1]
    run(notecheck, Checkpoints=[{"Keys": [str(second)], "Note": note, "Bad": True} for note in notes])


def test_tlog_makes_our_roots_and_checks_our_proofs(notecheck: Path) -> None:
    log = simple_run(0, (signing_key("log 0"),), blocks=19)
    headers = tree([block.header_bytes for block in log.blocks])
    signed = [Block.parse(block.object()).checkpoint.root for block in log.blocks]
    assert headers["Roots"] == list(map(text, signed))
    frontiers = [Block.parse(block.object()).frontier for block in log.blocks]
    as_proofs = [(frontier.size, frontier.size + 1, frontier.path) for frontier in frontiers]
    headers["Inclusion"] += list(map(proof, as_proofs))
    assert run(notecheck, Trees=[headers]) == "1 trees, 0 checkpoints\n"


def test_tlog_makes_our_links_and_the_roots_over_them(notecheck: Path) -> None:
    trees = []
    for block in (Block.parse(sealed.object()) for log in plain() for sealed in log.blocks):
        link, leaves = block.header.first_link, []
        for record in block.encoded_records():
            leaves.append(link + record)
            link = leaf_hash(link + record)
        trees.append(tree(leaves))
        assert trees[-1]["Roots"][-1] == text(block.header.events_root)
    assert run(notecheck, Trees=trees) == "6 trees, 0 checkpoints\n"


@pytest.mark.parametrize("part", ["Inclusion", "Consistency"])
def test_tlog_refuses_an_altered_proof(notecheck: Path, part: str) -> None:
    """The program does check: a proof with one altered hash makes it fail."""
    altered = tree([bytes((number,)) for number in range(5)])
    victim = next(entry for entry in altered[part] if entry["Hashes"])
    victim["Hashes"][0] = text(bytes(32))
    done = subprocess.run(
        [notecheck], input=json.dumps({"Trees": [altered]}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "tree 0" in done.stderr


# Proofs, checked by a program that was written from docs/reference/proofs.md.

Case = tuple[bytes, Trust]


def in_go(program: Path, cases: Sequence[Case]) -> list[str]:
    """Return the program's line for each proof: OK and what it establishes, or the verdict and the reason."""
    given = [{"Proof": text(data), "Trust": trust_text(trust)} for data, trust in cases]
    done = subprocess.run([program], input=json.dumps(given).encode(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace").splitlines()


def trust_text(trust: Trust) -> str:
    lines = [f"log {key}\n" for log in trust.logs for key in log.keys]
    starts = [(log.origin, log.start) for log in trust.logs if log.start]
    lines += [f"start {origin} {start.height} {text(start.root)}\n" for origin, start in starts]
    return "".join(lines)


def in_python(data: bytes, trust: Trust) -> str:
    """Return what the core finds, as the program writes it, without the reason of a refusal."""
    try:
        if data.startswith(b"auditseal/"):
            old, new = ConsistencyFile.parse(data).check(trust)
            return f"OK {new.origin} {old.size} {new.size}"
        proven = check_record_proof(TlogProof.parse(data), trust)
    except VerificationError as error:
        return error.verdict
    digest = sha256(proven.record.value or b"").hexdigest()
    return f"OK {proven.header.origin} {proven.header.height} {proven.record.offset} {digest}"


def good_cases() -> list[Case]:
    """Return the proof of every record, and of every pair of heads, of the good golden vaults."""
    cases = list[Case]()
    for name in GOOD:
        vector = VECTORS[name]
        trust = Trust.parse(vector["trust"].encode())
        vault = MemoryVault(enforces_worm=False)
        for key, versions in vector["objects"].items():
            vault.put(key, (FOLDER / versions[0]["file"]).read_bytes())
        for log in trust.logs:
            reader, first = LogReader(vault, log.origin), log.start.height if log.start else 0
            sizes = range(first + 1, (reader.height() or 0) + 2)
            cases += [
                (prove_in_block(vault, log, size - 1, record.offset).format(), trust)
                for size in sizes
                for record in reader.block(size - 1).records()
            ]
            cases += [
                (prove_consistency(vault, log, old, new).format(), trust)
                for new in sizes
                for old in sizes
                if old <= new
            ]
    return cases


def test_go_accepts_every_proof_of_the_golden_vaults(proofcheck: Path) -> None:
    cases = good_cases()
    assert len(cases) > 100
    found = in_go(proofcheck, cases)
    assert all(line.startswith("OK ") for line in found)
    assert found == [in_python(*case) for case in cases]


def test_go_accepts_the_proofs_on_the_page(proofcheck: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proofs.md").read_text("utf-8")
    shown = re.findall(r"^```text (?:proof_\d|heads_1_4)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found = in_go(proofcheck, [(proof.encode(), example_trust()) for proof in shown])
    two, three = (sha256(value).hexdigest() for value in (b"two", b"three"))
    assert found == [f"OK a.example/t/0/0 0 2 {two}", f"OK a.example/t/0/0 3 3 {three}", "OK a.example/t/0/0 1 4"]


def test_go_gives_each_foreign_proof_its_verdict(proofcheck: Path) -> None:
    cases = foreign_cases()
    found = [line.split(" ")[0] for line in in_go(proofcheck, cases)]
    assert found == [in_python(*case) for case in cases]
    assert set(found) == {
        "BAD_KEY",
        "BAD_RECORD",
        "BAD_ROOT",
        "BAD_SIGNATURE",
        "BROKEN_CHAIN",
        "MALFORMED",
        "MISSING_LOG",
    }


def foreign_cases() -> list[Case]:
    """Return proofs with one part of another proof, log, key or height."""
    blocks, trust = example_blocks(), example_trust()
    (log,) = trust.logs
    proof = prove_record(blocks[3], 0, [Rotation.of(blocks[1])])
    other = prove_record(blocks[0], 1)
    stranger = Trust((replace(log, keys=(verifier_key(log.origin, signing_key("stranger")),)),))
    start = Trust((replace(log, start=Start(4, blocks[3].checkpoint.root)),))
    moved = resigned(blocks[0], signers=(KEY,), first_offset=1, last_offset=3, gaps=(Gap(2, 2, 0),))
    changed = [
        replace(proof, index=2),
        replace(proof, path=proof.path[:-1]),
        replace(proof, path=proof.path[::-1]),
        replace(proof, note=other.note),
        replace(proof, extra=other.extra),
        replace(proof, extra=proof.extra[:-1]),
        replace(proof, extra=prove_record(blocks[3], 0).extra),
        replace(proof, extra=prove_record(blocks[3], 0, [Rotation.of(blocks[0])]).extra),
        replace(proof, extra=prove_record(blocks[3], 0, [Rotation.of(blocks[3])]).extra),
        replace(proof, extra=prove_record(blocks[3], 0, [Rotation.of(blocks[1])] * 2).extra),
        replace(other, extra=other.extra.replace(b"two", b"owt")),
        prove_record(moved, 1),
    ]
    cases = [(one.format(), trust) for one in changed]
    cases += [(proof.format(), stranger), (proof.format(), start), (proof.format(), make_trust())]
    data = proof.format()
    cases += [(data.replace(b"index 3", b"index 03"), trust), (data.replace(b"=\n", b"\n", 1), trust)]
    cases += [(data + data.splitlines(keepends=True)[-1], trust), (data[:-1], trust), (b"", trust)]
    return cases


def test_go_refuses_every_changed_byte_and_every_cut(proofcheck: Path) -> None:
    dice, trust = random.Random(1), example_trust()
    data = prove_record(example_blocks()[3], 0, [Rotation.of(example_blocks()[1])]).format()
    changed = [data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :] for at in range(len(data))]
    found = in_go(proofcheck, [(one, trust) for one in [*changed, *(data[:at] for at in range(len(data)))]])
    assert len(found) == 2 * len(data)
    assert not [line for line in found if line.startswith("OK")]


def example_trust() -> Trust:
    return Trust((PinnedLog(ORIGIN, (verifier_key(ORIGIN, KEY),)),))
