"""The explorer's process: Arrow keeps no memory of its own there, and Parquet's code is not loaded in vain."""

import subprocess
import sys

PROGRAM = """
import sys
import auditseal.cli.explore
import pyarrow as pa
print(pa.default_memory_pool().backend_name, "pyarrow.parquet" in sys.modules)
"""


def test_arrow_takes_memory_from_the_c_library_and_no_parquet_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout == "system False\n", done.stderr
