"""Text from a vault, made fit for a terminal or a log."""


def printable(text: str) -> str:
    """Return the text with everything that isn't plainly visible written as an escape.

    Control characters, terminal sequences, line breaks, marks that turn the direction of writing and stray surrogates
    all are, in Unicode's classes, not printable.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
