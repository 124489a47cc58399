"""golang.org/x/mod/sumdb opens our checkpoints, makes our roots again, and checks our proofs."""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditseal_local.go_toolchain import find_go
from auditseal_local.progress import silent
from auditseal_schemas.block import Block
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import consistency_proof, inclusion_proof, leaf_hash, tree_root
from auditseal_schemas.trust import Trust
from tests.factory.keys import signing_key
from tests.vectors.good import plain, simple_run
from tests.vectors.make import FOLDER, INDEX

PROGRAM = Path(__file__).parent / "notecheck"
VECTORS = {vector["name"]: vector for vector in json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))}
# x/mod takes the first of two equal lines and ignores what it doesn't need; our verifiers are stricter.
STRICTER_HERE = {"signature-doubled"}


@pytest.fixture(scope="module")
def notecheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built once; the module it needs is pinned by go.sum."""
    program = tmp_path_factory.mktemp("go") / "notecheck"
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-mod=readonly", CGO_ENABLED="0")
    built = [find_go(silent), "build", "-o", str(program), "."]
    subprocess.run(built, cwd=PROGRAM, env=environment, check=True, capture_output=True, timeout=240)
    return program


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


@pytest.mark.parametrize("name", ["plain", "rich", "next-run", "rotation", "two-keys", "signature-by-a-stranger"])
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
