"""A real Kafka and a real MinIO on this machine, without containers.

Both are child processes on free loopback ports. Each has a directory of its own with its data, its log and the files by
which another process finds it again. Nothing here is for production: one broker, one drive, no TLS.

    with KafkaNode(directory) as kafka:
        Producer({"bootstrap.servers": kafka.bootstrap_servers})

| module | what it holds |
| --- | --- |
| `stack` | a Kafka and a MinIO that stay up in the background |
| `node` | the parts that both have in common: directory, ports, start and stop |
| `kafka` | one Kafka broker |
| `kafka_jars` | Kafka's jars, fetched once |
| `locked_jars` | the list of these jars with their hashes |
| `jar_download` | their download from Maven repositories |
| `kafka_lock` | the program that makes the list |
| `kafka_tools` | Kafka's own command-line tools |
| `java` | the command that runs them and the broker |
| `minio` | one MinIO server |
| `minio_binary` | the MinIO binary, given or built |
| `go_program` | Go programs that are built from source once |
| `go_toolchain` | the Go toolchain that builds it |
| `job` | a command run to its end with its output in a file |
| `process` | long-running processes: started, found again, ended |
| `guard` | the program that ends a process with its parent |
| `descendants` | the end of all processes that a block of code started |
| `ports` | free loopback ports |
| `state_file` | errors of files in which a node keeps its state |
| `cache` | the folder for downloads and builds, and its locks |
| `progress` | how long steps report what they do |
| `errors` | the error that all of these raise |
"""
