"""The bounds of the format: a reader refuses what exceeds them before it allocates for it.

docs/reference/format.md, section 15, lists them.
"""

KIB = 1024
MIB = 1024 * KIB

MAX_OBJECT_BYTES = 12 * MIB
"""A whole block object; below the blocks topic's 16 MiB message limit with room for Kafka's framing."""

MAX_HEADER_BYTES = 64 * KIB
MAX_NOTE_BYTES = 64 * KIB
MAX_NOTE_SIGNATURES = 32

MAX_RECORDS = 65_536
"""Records in one block."""

MAX_BLOCK_BYTES = 11 * MIB
"""Encoded records of one block before compression: what a verifier holds in memory at most."""

MAX_CHUNK_BYTES = 4 * MIB
"""Encoded records in one Avro data block, unless it holds a single record."""

MAX_CONTENT_BYTES = 8 * MIB
"""Encoded key, headers and value of one record; beyond it the record is sealed as its length and SHA-256."""

MAX_HEIGHT = 10**12 - 1
"""What the 12 digits of an object's key can say."""

MAX_INT = 2**31 - 1
"""Avro's int; fastavro itself lets a wider one pass."""

MAX_GAPS = 1_000
MAX_KEYS = 16
MAX_EXTENSIONS = 64
MAX_TEXT = 255
"""Characters of an origin or of any other short text in a header."""
