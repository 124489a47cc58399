"""The explorer's process: Arrow keeps no memory of its own there, and Parquet's code is not loaded in vain."""

import subprocess
import sys
from pathlib import Path

from tests.unit.search.test_search_command import BLOCKS, Place

PROGRAM = """
import sys
import auditseal.cli.explore
import pyarrow as pa
print(pa.default_memory_pool().backend_name, "pyarrow.parquet" in sys.modules)
"""


def test_arrow_takes_memory_from_the_c_library_and_no_parquet_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "system False\n", done.stderr


SEARCH = """
import sys
from auditseal.cli import app
app(sys.argv[1:], standalone_mode=False)
print("pyarrow.dataset" in sys.modules)
"""


def test_a_search_of_an_index_that_has_all_blocks_loads_no_dataset(tmp_path: Path) -> None:
    """DuckDB loads pyarrow.dataset with the first table that it is given: 8 MiB, if only for an empty one."""
    place = Place(tmp_path)
    place.put(BLOCKS)
    assert place.build().exit_code == 0
    where = ["--trust", str(place.trust), "--vault", place.vault.as_uri(), "--index", str(place.index)]
    words = ["search", "outcome = DENIED", "--csv", *where]
    done = subprocess.run([sys.executable, "-c", SEARCH, *words], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
