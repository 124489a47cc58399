"""What callers of the local stack may catch."""


class LocalStackError(Exception):
    """The local stack can't do what was asked; the text says what, where, and what to do."""
