"""Fetches and builds the parts of others that most tests need: `python -m tests.factory.parts`.

A build takes minutes on a new machine. Within a test it would count as the test's time.
"""

from auditseal_local.kafka_jars import class_path
from auditseal_local.minio_binary import minio_binary
from tests.factory.prometheus import promtool
from tests.factory.quick_kafka import make_archive


def main() -> None:
    """Fetch and build what is missing."""
    class_path(print)
    minio_binary(print)
    promtool()
    make_archive()


if __name__ == "__main__":
    main()
