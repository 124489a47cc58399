"""A real Kafka and a real MinIO on this machine, without containers.

Both are child processes on free loopback ports, each with a directory of its own that holds its data, its log and the
files by which another process finds it again. Nothing here is for production: one broker, one drive, no TLS.

    with KafkaNode(directory) as kafka:
        Producer({"bootstrap.servers": kafka.bootstrap_servers})
"""
