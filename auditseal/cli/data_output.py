"""Standard output for data: as it is for a program, and with every character escaped that a terminal would obey."""

import sys

from auditseal_auditor.report_text import printable
from auditseal_search.export import Output


def data_output() -> Output:
    """Return where data is written to; on a terminal nothing of it is raw."""
    return _Escaping() if sys.stdout.isatty() else sys.stdout.buffer


class _Escaping:
    """Writes lines of UTF-8 to standard output, escaped."""

    def write(self, data: bytes, /) -> None:
        """Write whole lines, and parts of lines as they come."""
        text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        sys.stdout.write("\n".join(map(printable, text.split("\n"))))
