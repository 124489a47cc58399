"""A real Kafka and a real MinIO on this machine, without containers."""
