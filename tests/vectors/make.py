"""Makes the golden vaults: `python -m tests.vectors.make` writes `vectors.json` and `objects/` next to this file.

Keys, times and compression are fixed, so every machine makes the same bytes.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from auditseal_schemas.block import Block
from auditseal_schemas.trust import Trust
from tests.vectors.company import company_vectors
from tests.vectors.curve import curve_vectors
from tests.vectors.good import good_vectors
from tests.vectors.holds import NAME as HOLDS
from tests.vectors.holds import holds_file
from tests.vectors.limits import limit_vectors
from tests.vectors.malformed import malformed_vectors
from tests.vectors.recorded import NAME, signatures_file
from tests.vectors.remembered import remembered_vectors
from tests.vectors.second_signature import second_signature_vectors
from tests.vectors.signed import signed_vectors
from tests.vectors.spelling import spelling_vectors
from tests.vectors.stored_state import stored_state_vectors
from tests.vectors.tampered import tampered_vectors
from tests.vectors.vector import Finding, Vector, Version
from tests.vectors.walk import walk_vectors
from tests.vectors.without_content import without_content_vectors

FOLDER = Path(__file__).parent
INDEX = "vectors.json"


def all_vectors() -> list[Vector]:
    vectors = [
        *good_vectors(),
        *tampered_vectors(),
        *signed_vectors(),
        *malformed_vectors(),
        *stored_state_vectors(),
        *remembered_vectors(),
        *company_vectors(),
        *limit_vectors(),
        *spelling_vectors(),
        *curve_vectors(),
        *walk_vectors(),
        *without_content_vectors(),
        *second_signature_vectors(),
    ]
    assert len({vector.name for vector in vectors}) == len(vectors)
    return vectors


def files() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every file, the index first."""
    vectors = all_vectors()
    lines = ",\n".join(json.dumps(described(vector), ensure_ascii=False) for vector in vectors)
    yield INDEX, f"[\n{lines}\n]\n".encode()
    yield NAME, signatures_file()
    yield HOLDS, holds_file()
    versions = [version for vector in vectors for of_key in vector.objects.values() for version in of_key]
    contents = {part for version in versions for part in parts_of(version)}
    yield from sorted((object_name(content), content) for content in contents)


def parts_of(version: Version) -> list[bytes]:
    """Return the contents that are kept as files: the whole, or its pieces."""
    if version.pieces:
        return [part for part, _ in version.pieces]
    return [] if version.content is None else [version.content]


def object_name(content: bytes) -> str:
    return f"objects/{sha256(content).hexdigest()[:32]}"


def described(vector: Vector) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": vector.name, "about": vector.about, "trust": vector.trust}
    if vector.remembered:
        fields["remembered"] = list(vector.remembered)
    if vector.newest_after is not None:
        fields["newest_after"] = vector.newest_after
    if vector.trust_error:
        fields["trust_error"] = True
    if vector.trust_comments:
        fields["trust_comments"] = vector.trust_comments
    fields["has_store"] = vector.has_store
    fields["objects"] = {
        key: [version_fields(version, has_store=vector.has_store) for version in versions]
        for key, versions in vector.objects.items()
    }
    fields["findings"] = [finding_fields(finding) for finding in vector.findings]
    if not vector.findings and not vector.trust_error:
        fields["values"] = values(vector)
    if vector.quick is not None:
        fields["quick_findings"] = [finding_fields(finding) for finding in vector.quick]
    return fields


def values(vector: Vector) -> dict[str, list[tuple[int, str | None]]]:
    """Return offset and value, in hex, of every record of the pinned logs: what a reader must see."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    for pinned in Trust.parse(vector.trust.encode()).logs:
        first = pinned.origin.block_key(pinned.start.height if pinned.start else 0)
        keys = sorted(key for key in vector.objects if key.startswith(pinned.origin.blocks_prefix) and key >= first)
        blocks = [Block.parse(content) for key in keys if (content := vector.objects[key][0].content)]
        records = (record for block in blocks for record in block.records())
        found[str(pinned.origin)] = [
            (record.offset, None if record.value is None else record.value.hex()) for record in records
        ]
    return found


def version_fields(version: Version, *, has_store: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"file": None if version.content is None else object_name(version.content)}
    if version.pieces:
        fields = {"file": None, "pieces": [[object_name(part), times] for part, times in version.pieces]}
    if version.is_unreadable:
        fields["unreadable"] = True
    if has_store:
        fields["version_id"] = version.version_id
    if version.lock:
        fields |= {"mode": version.lock.mode, "retain_until": version.lock.retain_until}
    return fields


def finding_fields(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in finding._asdict().items() if value is not None}


def main() -> None:
    made = list(files())
    for old in (FOLDER / "objects").glob("*"):
        old.unlink()
    (FOLDER / "objects").mkdir(exist_ok=True)
    for name, data in made:
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
