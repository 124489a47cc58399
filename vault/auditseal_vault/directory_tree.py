"""The tree of a directory vault: which entries are listed as keys, and how a file is opened without following a link.

The directories down to `v1/<origin>` may be links, so that an operator can put logs on several disks. Below a log's
directory no link is followed.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from auditseal_schemas.errors import UnavailableError
from auditseal_vault.errors import UnreadableObjectError

STAGING = ".staging"
"""The folder of the vault's root in which files are written before they get their names."""
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_LOG_DEPTH = 5  # parts of `v1/<cluster>/<topic>/<partition>/<run>`
_BLOCKS = re.compile(r"(?:[^/]+/){5}blocks")
_BLOCK = re.compile(r"(?:[^/]+/){5}blocks/[0-9]{12}\.avro", re.ASCII)


def walk(root: Path, prefix: str, after: str = "") -> Iterator[str]:
    """Yield, in ascending order, the key of each entry below `root` that a listing of the prefix has after a key.

    Such entries are everything that isn't a directory; a directory at a block's key; and below a log's directory each
    empty directory other than `blocks`. A directory is read when its turn comes, so that a short listing is quick.

    Raises:
        OSError: A directory can't be read.
    """
    parent = prefix.rpartition("/")[0]
    pending = [(f"{parent}/" if parent else "", False)]  # sorted, the lowest last
    while pending:
        name, only_if_empty = pending.pop()
        if name and not name.endswith("/"):
            if not only_if_empty or not any(_scan(root / name)):
                yield name
            continue
        found = (part for entry in _scan(root / name) for part in _parts(name, entry))
        pending += sorted((part for part in found if _is_wanted(part[0], prefix, after)), reverse=True)


def _parts(base: str, entry: os.DirEntry[str]) -> Iterator[tuple[str, bool]]:
    """Yield an entry's key, if it may be listed, and its name with a slash, if it is a directory to be read.

    The flag says that the key is listed only if the directory is empty.
    """
    key = base + entry.name
    if key == STAGING:
        return
    if not entry.is_dir(follow_symlinks=key.count("/") < _LOG_DEPTH):
        yield key, False
        return
    if _BLOCK.fullmatch(key) or _is_foreign(key):
        yield key, not _BLOCK.fullmatch(key)
    yield f"{key}/", False


def _is_wanted(name: str, prefix: str, after: str) -> bool:
    """Return whether a key is listed, or a directory, whose name ends in a slash, can have a key that is."""
    return name.startswith(prefix) and (name > after or (name.endswith("/") and after.startswith(name)))


def check_way(root: Path, key: str) -> None:
    """Check that the entries on the way to a key are directories.

    Raises:
        UnreadableObjectError: A file is on the way, or below the log's directory a link.
        UnavailableError: A link above it leads nowhere: is its disk mounted?
        OSError: A directory can't be read.
    """
    parts = key.split("/")[:-1]
    for depth in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:depth])
        follows = depth <= _LOG_DEPTH
        try:
            mode = path.stat(follow_symlinks=follows).st_mode
        except FileNotFoundError as error:
            if path.is_symlink():
                raise UnavailableError(f"{path} is a link that leads nowhere: is its disk mounted?") from error
            return
        if not stat.S_ISDIR(mode):
            kind = "directory" if follows else "directory of the log's own"
            raise UnreadableObjectError(f"{path} is not a {kind}, so it holds no blocks: who put it there?")


def open_file(root: Path, key: str) -> int:
    """Return a descriptor of a key's regular file. Nothing else is opened, since opening a device may change it.

    Raises:
        UnreadableObjectError: The entry isn't a regular file, or below the log's directory a link is on the way.
        OSError: It can't be opened.
    """
    parts = key.split("/")
    depth = min(_LOG_DEPTH, len(parts) - 1)
    folder = os.open(root.joinpath(*parts[:depth]), os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[depth:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        mode = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableObjectError(
                f"{root / key} is {_KINDS[stat.S_IFMT(mode)]} and not a file, so it isn't a block"
            )
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _scan(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield a directory's entries; a missing one has no entries."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return


def _is_foreign(folder: str) -> bool:
    """Return whether a directory is below a log's own and isn't the one for its blocks."""
    return folder.count("/") >= _LOG_DEPTH and not _BLOCKS.fullmatch(folder)
