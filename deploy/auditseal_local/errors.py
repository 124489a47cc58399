"""The error that callers of the local stack may catch."""


class LocalStackError(Exception):
    """The local stack failed; the text says what happened, where, and what to do."""
