"""The conditions that `/readyz` of the archiver shows."""

PARTITIONS, LOGS, STORE, DRILL = CONDITIONS = ("partitions", "logs", "store", "drill")
