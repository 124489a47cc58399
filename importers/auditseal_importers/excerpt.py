"""The beginning of a text that may be too long for a field of an event; the whole of it is in the original."""

EXCERPT_BYTES = 64 * 1024
"""UTF-8 bytes of an excerpt, so that a record of up to 900 KB fits into an event together with its excerpt."""
_CUT = "…"


def excerpt(text: str) -> str:
    """Return a text, or its first EXCERPT_BYTES with `…` at the end."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= EXCERPT_BYTES:
        return text
    return data[: EXCERPT_BYTES - len(_CUT.encode())].decode("utf-8", "ignore") + _CUT
