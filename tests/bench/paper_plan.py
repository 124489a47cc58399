"""A plan on paper for many events a day, computed from what was measured: `python -m tests.bench.paper_plan` prints it.

Each input is a measured figure, a default of ours, a list price or an assumption. Nothing here was run at that size.
"""

import math
from dataclasses import dataclass

from auditseal_archiver.written_blocks import CHECK_BLOCKS, CHECK_SECONDS

_DAY = 86_400  # s
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one machine of two cores, 2026-11-28, as the pages of the docs have them.

    Attributes:
        sealed: Records/s that one sealer process seals on one partition.
        locked: Events/s from produce to locked object, everything on two cores.
        verified: Records/s that one core verifies.
        indexed: Events/s that one core indexes.
        event_bytes: Bytes of an event's key and value.
        stored_bytes: Bytes of an event in a block object.
        kafka_bytes: Bytes of an event in the events topic, compressed 4:1 by the producer.
    """

    sealed: int = 105_002
    locked: int = 127_714
    verified: int = 445_797
    indexed: int = 100_000
    event_bytes: int = 220
    stored_bytes: int = 90
    kafka_bytes: int = 55


@dataclass(frozen=True, slots=True)
class Assumed:
    """What was not measured.

    Attributes:
        peak: The busiest hour's rate, as a multiple of the mean.
        load: The part of a measured rate that a plan may use.
        broker_bytes: Bytes/s that one broker writes to its disks, replication included.
        replicas: Copies of each partition.
        request_price: USD for a million PUT or LIST requests, Amazon S3 Standard's list price in us-east-1.
        storage_price: USD for a gigabyte and month there, above 500 TB.
        prefix_puts: PUT requests/s that S3 documents for one prefix.
    """

    peak: float = 2.0
    load: float = 0.7
    broker_bytes: int = 200_000_000
    replicas: int = 3
    request_price: float = 5.0
    storage_price: float = 0.021
    prefix_puts: int = 3_500


@dataclass(frozen=True, slots=True)
class Plan:
    """What a number of events a day needs."""

    events: int
    measured: Measured = Measured()
    assumed: Assumed = Assumed()
    block_records: int = 50_000
    block_bytes: int = 8 * 1024**2

    @property
    def mean(self) -> float:
        """Events/s over the day."""
        return self.events / _DAY

    @property
    def peak(self) -> float:
        """Events/s in the busiest hour."""
        return self.mean * self.assumed.peak

    @property
    def partitions(self) -> int:
        """Partitions, each with a sealer process and a core of its own at the peak."""
        return math.ceil(self.peak / (self.measured.sealed * self.assumed.load))

    @property
    def records_a_block(self) -> int:
        """Records of a full block: as many as its limits allow."""
        return min(self.block_records, self.block_bytes // self.measured.event_bytes)

    @property
    def blocks_a_day(self) -> float:
        """Blocks, if each is full."""
        return self.events / self.records_a_block

    @property
    def fill_seconds(self) -> float:
        """Seconds in which a block of one partition fills at the mean rate."""
        return self.records_a_block / (self.mean / self.partitions)

    @property
    def brokers(self) -> int:
        """Brokers that write events and blocks at the peak."""
        written = self.peak * (self.measured.kafka_bytes + self.measured.stored_bytes) * self.assumed.replicas
        return math.ceil(written / (self.assumed.broker_bytes * self.assumed.load))

    @property
    def puts_a_second(self) -> float:
        """PUT requests/s at the peak, over all logs."""
        return self.peak / self.records_a_block

    @property
    def blocks_a_list(self) -> float:
        """Blocks of one partition that the archiver checks by one LIST request, after it stored them."""
        return min(max(CHECK_SECONDS / self.fill_seconds, 1), CHECK_BLOCKS)

    @property
    def request_cost(self) -> float:
        """USD for the requests of a million events: a PUT request for each block, a LIST request for some together."""
        requests = 1 + 1 / self.blocks_a_list
        return 1e6 / self.records_a_block * requests / 1e6 * self.assumed.request_price

    @property
    def storage_cost(self) -> float:
        """USD to store a million events for a year."""
        return 1e6 * self.measured.stored_bytes / 1e9 * self.assumed.storage_price * _MONTHS

    @property
    def stored_terabytes(self) -> float:
        """Terabytes that a day adds to the bucket."""
        return self.events * self.measured.stored_bytes / 1e12

    @property
    def verifying_cores(self) -> int:
        """Cores that verify a day's events within a day."""
        return math.ceil(self.mean / self.measured.verified)

    @property
    def indexing_cores(self) -> int:
        """Cores that index a day's events within a day."""
        return math.ceil(self.mean / self.measured.indexed)

    @property
    def pipeline_cores(self) -> int:
        """Cores for producing, broker, sealing, store and archiving together at the peak, as our bench had them."""
        return math.ceil(2 * self.peak / (self.measured.locked * self.assumed.load))

    def rows(self) -> list[tuple[str, str]]:
        """Return what is needed, and how much of it."""
        return [
            ("events/s, mean and peak", f"{self.mean:,.0f} and {self.peak:,.0f}"),
            ("partitions, and sealer processes of one core", f"{self.partitions:,}"),
            ("brokers", f"{self.brokers:,}"),
            ("cores for everything, as in `make bench`", f"{self.pipeline_cores:,}"),
            ("records a block", f"{self.records_a_block:,}"),
            ("seconds in which a block fills", f"{self.fill_seconds:.2f}"),
            ("blocks a day: each an object and a PUT request", f"{self.blocks_a_day:,.0f}"),
            ("blocks that one LIST request checks", f"{self.blocks_a_list:,.0f}"),
            ("PUT requests/s at the peak, all logs", f"{self.puts_a_second:,.0f}"),
            ("LIST and PUT requests, USD for a million events", f"{self.request_cost:.6f}"),
            ("storage, USD for a million events and a year", f"{self.storage_cost:.4f}"),
            ("storage added a day, TB", f"{self.stored_terabytes:,.1f}"),
            ("LIST and PUT requests, USD a year", f"{self.request_cost * self.events / 1e6 * 365:,.0f}"),
            ("a year of storage for one day's events, USD", f"{self.storage_cost * self.events / 1e6:,.0f}"),
            ("cores that verify as fast as events come", f"{self.verifying_cores:,}"),
            ("cores that index as fast as events come", f"{self.indexing_cores:,}"),
        ]

    def used_up(self) -> list[tuple[str, float]]:
        """Return limits and the part of each that is used at the peak, the fullest first."""
        one_log = self.peak / self.partitions
        limits = [
            ("a sealer's core", one_log / self.measured.sealed),
            ("S3's PUT requests/s for one log's prefix", one_log / self.records_a_block / self.assumed.prefix_puts),
            ("S3's PUT requests/s if all logs were below one prefix", self.puts_a_second / self.assumed.prefix_puts),
            ("one core that verifies one log", one_log / self.measured.verified),
            ("one core that indexes one log", one_log / self.measured.indexed),
        ]
        return sorted(limits, key=lambda limit: -limit[1])


def tables(*plans: Plan) -> str:
    """Return the page's two tables: what each plan needs, and how full its limits are."""
    head = "| | " + " | ".join(f"{plan.events:,} events a day" for plan in plans) + " |"
    rule = "| --- |" + " --- |" * len(plans)
    needs = zip(*(plan.rows() for plan in plans), strict=True)
    limits = [dict(plan.used_up()) for plan in plans]
    return "\n".join(
        [
            head,
            rule,
            *(f"| {row[0][0]} | " + " | ".join(figure for _, figure in row) + " |" for row in needs),
            "",
            head.replace("| |", "| limit |", 1),
            rule,
            *(f"| {name} | " + " | ".join(f"{each[name]:.1%}" for each in limits) + " |" for name in limits[-1]),
        ]
    )


PLANS = (Plan(10**9), Plan(10**12))

if __name__ == "__main__":
    print(tables(*PLANS))
