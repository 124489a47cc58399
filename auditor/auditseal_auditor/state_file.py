"""The state file: an auditor's memory outside the vault, which several runs may share. `state_json` has its form."""

from collections.abc import Mapping
from pathlib import Path

from auditseal_auditor.findings import Finding
from auditseal_auditor.heads import Head, forks_between, merge_heads
from auditseal_auditor.shared_file import SharedFile
from auditseal_auditor.state_json import format_heads, parse_heads
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.origin import Origin


def begin_heads(path: Path) -> dict[Origin, Head]:
    """Return the empty memory of a first run. No later run can pass for it.

    Raises:
        ConfigurationError: The file exists already, or the path can't be a state file's.
    """
    if SharedFile.at(path).exists():
        raise ConfigurationError(f"the state file {path} exists, and --state-new is for a first run: leave it out")
    return {}


def read_heads(path: Path) -> dict[Origin, Head]:
    """Return the heads that a state file remembers.

    Raises:
        ConfigurationError: There is no such file, or it is broken. Without the whole memory a run would notice less
            and not say so.
        StateFileError: The file can't be read.
    """
    return _read(SharedFile.at(path))


def remember_heads(path: Path, heads: Mapping[Origin, Head]) -> list[Finding]:
    """Merge heads into a state file, and return the forks between them and the heads that another run wrote meanwhile.

    The larger head of each log is kept, so that no run undoes another. Of two heads of one size with different roots
    the file's is kept, and the finding has both. After a crash the file is the old one or the new one, whole.

    Raises:
        ConfigurationError: The file is broken.
        StateFileError: The file can't be read or written, or another run keeps it locked.
    """
    file = SharedFile.at(path)
    with file.locked():
        known = _read(file) if file.exists() else {}
        file.replace(format_heads(merge_heads(known, heads)))
    return forks_between(known, heads)


def _read(file: SharedFile) -> dict[Origin, Head]:
    try:
        return parse_heads(file.read())
    except FileNotFoundError as error:
        problem = f"the state file {file.path} doesn't exist: is the path right, is its disk mounted?"
        raise ConfigurationError(f"{problem} A first run says --state-new") from error
    except (ValueError, RecursionError, VerificationError) as error:
        problem = f"the state file {file.path} is broken: {error}; restore it, or begin a new one with --state-new"
        raise ConfigurationError(problem) from error
