"""A process that shares one allocator: Arrow keeps no memory of its own, and Parquet's code is not loaded in vain."""

import subprocess
import sys

PROGRAM = """
import sys
import auditseal.cli.explore
import pyarrow as pa
from auditseal_search.free_memory import share_one_allocator
assert pa.default_memory_pool().backend_name != "system", "it is the default, so this tests nothing"
share_one_allocator()
print(pa.default_memory_pool().backend_name, "pyarrow.parquet" in sys.modules)
"""


def test_arrow_takes_memory_from_the_c_library_and_the_explorer_loads_no_parquet() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "system False\n", done.stderr
