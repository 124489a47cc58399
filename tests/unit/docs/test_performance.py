"""docs/explanation/performance.md: the table of block ages is computed, and its default is the sealer's."""

import re
from pathlib import Path

from auditseal.settings_sealer import SealerSection
from auditseal_sealer.batch import BatchPolicy
from tests.bench.bench_reader import LATENCY, LEAST_RATE

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "performance.md").read_text("utf-8")
ROW = re.compile(r"^\| ([\d.]+) s \| ([\d.]+) s \| ([\d,]+) \| ([\d.]+) USD \| ([\d.]+) hours \|$", re.MULTILINE)
DAY, YEAR = 86_400, 365 * 86_400
USD_A_PUT = 5 / 1_000_000


def test_the_table_is_what_it_says_it_is() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) == 5
    for row in rows:
        age = float(row[0])
        blocks = YEAR / age
        hours = blocks / LEAST_RATE / 3600
        assert row == (row[0], row[0], f"{DAY / age:,.0f}", f"{blocks * USD_A_PUT:.2f}", f"{hours:.1f}")


def test_its_assumptions_are_those_of_the_benchmark() -> None:
    assert (
        f"at {LEAST_RATE:,} small blocks per second from a store with {LATENCY * 1000:.0f} ms of latency"
        in " ".join(PAGE.split())
    )


def test_the_default_is_the_sealers() -> None:
    age = SealerSection.model_fields["block_age"].default
    assert f"The default is {age:g} s." in PAGE
    assert BatchPolicy().age == age
