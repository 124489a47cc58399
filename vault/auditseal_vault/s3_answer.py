"""The bounds on the cost of reading an S3 store's XML: no more is read, and it is inspected before it is parsed.

expat expands the entities of a document type a hundredfold before it gives up, and a parser makes some hundred bytes of
every tag, of every line of a text, and of every escape in a key. So an answer is taken only as S3 makes it: tags and
texts of bounded number and length, and nothing else of XML.
"""

MOST_BYTES = 5 << 20
"""A whole page of keys and versions of 1,024 bytes each, every byte of a key escaped, has 4.6 MiB."""
MOST_MARKUP = 100_000
"""What begins a tag or a reference, bounds an attribute or ends a line; a page of 1,000 versions has some 40,000."""
MOST_TEXT = 16 << 10
"""Bytes from one tag's beginning to the next's; a key whose bytes are all escaped has 3,072."""
_MARKUP = b"<&\"'\r\n"


def check_answer(body: bytes) -> None:
    """Check what parsing a body can cost.

    Raises:
        ValueError: It is too long, has too much markup or too long a text, or more of XML than tags and texts.
    """
    if len(body) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes, and no more are read")
    text = body.replace(b"\0", b"")  # expat reads UTF-16 as well
    if b"<!" in text or text.count(b"<?") > 1:
        raise ValueError("it has a document type, a comment or another part that no answer of S3 has")
    markup = len(text) - len(text.translate(None, _MARKUP))
    if markup > MOST_MARKUP:
        raise ValueError(f"it has {markup} tags, references, quotes and lines; at most {MOST_MARKUP} are read")
    if max(map(len, text.split(b"<"))) > MOST_TEXT:
        raise ValueError(f"it has a text or a tag of more than {MOST_TEXT} bytes")
