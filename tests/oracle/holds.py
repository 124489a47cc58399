"""A second reader of the records of holds, written from docs/reference/holds.md alone."""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature

from tests.oracle.reader import check_origin, need, read_key, read_note, refuse, unbase64

TEXT = re.compile(
    r"auditseal\.hold/v1\n"
    r"case ([A-Za-z0-9][A-Za-z0-9._-]{0,63})\n"
    r"number (0|[1-9][0-9]{0,5})\n"
    r"previous (-|[A-Za-z0-9+/]{43}=)\n"
    r"step (add|ask-release|approve-release)\n"
    r"at (0|[1-9][0-9]{0,11})\n"
    r"(?:log ([!-~]+)\n((?:block (?:0|[1-9][0-9]{0,11}) [!-~]+\n)+))?"
)


@dataclass
class Case:
    """What the valid statements of a case say."""

    valid: int = 0
    state: str = "held"
    holds: dict[str, dict[str, str]] = field(default_factory=dict)
    _asked_by: str = ""
    _previous: str = "-"

    def take(self, name: str, note: bytes, people: list[str]) -> None:
        """Take the next statement, or refuse it by the first rule that it breaks."""
        text, signatures = read_note(note)
        match = TEXT.fullmatch(text) or refuse("hold")
        case, number, previous, step, _, log, lines = match.groups()
        need(previous == "-" or len(unbase64(previous.encode(), "hold")) == 32, "hold")
        need((step == "add") == (log is not None), "hold")
        if log:
            check_origin(log)
        blocks = re.findall(r"block (\d+) (.+)", lines or "")
        heights = [int(height) for height, _ in blocks]
        need(heights == sorted(set(heights)), "hold")
        need((case, int(number), previous) == (name, self.valid, self._previous), "hold", "BROKEN_CHAIN")  # rule 1
        need(len(signatures) == 1, "hold", "BAD_SIGNATURE")  # rule 2
        person, blob = signatures[0]
        keys = [read_key(key, person) for key in people if key.split("+")[0] == person]
        need(len(keys) == 1 and keys[0][0] == blob[:4], "hold", "BAD_SIGNATURE")
        try:
            keys[0][1](text, blob[4:])
        except InvalidSignature:
            refuse("hold", "BAD_SIGNATURE")
        need(self.state != "released", "hold", "BROKEN_CHAIN")  # rule 3
        if step == "ask-release":  # rule 4
            need(self.valid and not self._asked_by, "hold", "BROKEN_CHAIN")
        if step == "approve-release":  # rule 5
            need(self._asked_by not in {"", person}, "hold", "BROKEN_CHAIN")
        self.state = {"add": "held", "ask-release": "asked", "approve-release": "released"}[step]
        self._asked_by = person if step == "ask-release" else ""
        if log:
            self.holds.setdefault(log, {}).update(blocks)
        self.valid, self._previous = self.valid + 1, b64encode(sha256(note).digest()).decode()
