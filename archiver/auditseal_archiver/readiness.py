"""The conditions that `/readyz` of the archiver shows."""

PARTITIONS, STORE, DRILL = CONDITIONS = ("partitions", "store", "drill")
