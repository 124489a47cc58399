"""The plan on paper: its arithmetic, and that its page has what the script computes."""

from dataclasses import replace
from pathlib import Path

import pytest

from auditseal_schemas.block_draft import BlockLimits
from tests.bench.paper_plan import PLANS, Assumed, Measured, Plan, tables

PAGES = Path(__file__).parents[2] / "docs" / "explanation"


def test_the_page_has_the_tables_of_the_script() -> None:
    assert tables(*PLANS) in (PAGES / "paper-plan.md").read_text()


def test_the_page_names_each_input() -> None:
    page = (PAGES / "paper-plan.md").read_text()
    for inputs in (Measured(), Assumed()):
        for name in inputs.__slots__:
            value = getattr(inputs, name)
            assert f"| {value:,} |" in page, name


def test_a_block_has_the_default_limits() -> None:
    assert (PLANS[0].block_records, PLANS[0].block_bytes) == (BlockLimits().records, BlockLimits().bytes)


def test_what_a_day_needs() -> None:
    plan = Plan(
        86_400_000,  # 1,000/s, and 2,000/s at the peak
        Measured(100, 1_000, 500, 200, event_bytes=100, stored_bytes=50, kafka_bytes=25),
        Assumed(2.0, 0.5, broker_bytes=100_000, replicas=3, request_price=5.0, storage_price=0.02, prefix_puts=10),
        block_records=50,
        block_bytes=1_000,
    )
    assert (plan.mean, plan.peak, plan.partitions) == (1_000, 2_000, 40)
    assert (plan.records_a_block, plan.blocks_a_day, plan.fill_seconds) == (10, 8_640_000, 0.4)
    assert plan.brokers == 9  # three copies of 2,000 times 75 bytes, over half of 100,000
    assert (plan.puts_a_second, plan.blocks_a_list) == (200, 150)  # a block each 0.4 s, a listing each minute
    assert plan.request_cost == pytest.approx(0.5 * (1 + 1 / 150))  # of 100,000 blocks of 10 events
    assert plan.storage_cost == pytest.approx(0.012)  # 50 MB for twelve months
    assert (plan.verifying_cores, plan.indexing_cores, plan.pipeline_cores) == (2, 5, 8)
    assert plan.used_up()[0] == ("S3's PUT requests/s if all logs were below one prefix", 20.0)


def test_ten_times_the_events_need_ten_times_the_requests_and_no_more_for_one_event() -> None:
    ten_times = replace(PLANS[0], events=PLANS[0].events * 10)
    assert ten_times.blocks_a_day == pytest.approx(10 * PLANS[0].blocks_a_day)
    assert ten_times.request_cost <= PLANS[0].request_cost  # its partitions are fuller
