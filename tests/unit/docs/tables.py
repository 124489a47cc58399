"""The SQL of the page about scaling out."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/how-to/scale-out.md"


def sql_of_page() -> tuple[str, str, str]:
    """Return the table for Athena and Spark, that for Trino, and the query."""
    hive, trino, query = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return hive, trino, query
