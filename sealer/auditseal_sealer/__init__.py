"""The daemon that turns the events of a Kafka topic into signed blocks: one log for each partition.

| module | what it holds |
| --- | --- |
| `sealer` | the daemon's body: a member of the group, a partition sealer for each assigned partition, the watch |
| `partition_sealer` | one partition: recover the head, seal, and after a failure recover again |
| `sealing_state` | the states that a log can have |
| `new_partition` | whether a partition that halts is new, so that the others continue |
| `restart` | when a partition is sealed again after a failure, and when the sealer gives up (pure) |
| `source_reader` | reads the state of a log from all sources |
| `sources` | the values that it returns |
| `earlier_runs` | the head of the run that a later run continues, from the vault |
| `recovery` | where a log continues: decided from its sources (pure) |
| `signed_block` | which blocks this log's keys signed (pure) |
| `log_keys` | the keys of a log: those that sign, and retired ones (pure) |
| `log_signers` | the signers of all logs, before and after a change of keys |
| `committed_head` | the head, after committing a block that was signed and not committed |
| `block_signer` | signs the next block, and checks it before anybody gets it |
| `signers` | signers whose keys are outside this process |
| `key_expiry` | the days by which keys are to be changed |
| `key_rotation` | announces the next key of a log |
| `session` | sealing from a recovered head: read, fill, sign, publish |
| `batch` | when a block closes before it is full (pure) |
| `clock` | the bound on how far a block's time may lead the broker's clock (pure) |
| `event_reader` | reads one partition of events within a bound of memory |
| `blocks_reader` | reads ranges of the blocks topic |
| `record_source` | one partition's records, by the shared consumer or by one of its own |
| `reading_pace` | when a partition needs a consumer of its own because it is behind (pure) |
| `record_consumer` | a consumer of one partition, by librdkafka's own functions |
| `shared_consumer` | a consumer of many partitions, each with a queue of its own |
| `consumer_pool` | the consumers that partitions share |
| `queue_reader` | reads the messages of one of librdkafka's queues |
| `consumer_handle` | makes librdkafka's consumers |
| `message_reader` | reads librdkafka's messages, and says whether headers could be read |
| `event_record` | a record as it was read |
| `librdkafka` | the functions of librdkafka that it calls |
| `partition_consumer` | a consumer that is assigned one partition |
| `unreadable` | what to do about records that can't be read (pure) |
| `damage_extent` | finds the end of a batch that can't be read |
| `publisher` | publishes one log's blocks, and compresses them |
| `block_writer` | writes one log, from its takeover until it is given up |
| `takeover` | takes a log over, so that no other producer can write to it |
| `mark` | who wrote a record, and who has taken the log over (pure) |
| `fences` | fences producers of others |
| `block_producers` | the producers of a sealer, each of some logs |
| `shares` | how logs are spread over the clients that they share (pure) |
| `block_producer` | gathers the blocks of some logs, and knows whose claims count |
| `batch_commit` | commits blocks with their positions in one transaction |
| `waiting_block` | a block that waits to be committed, and who may write it |
| `transactional_producer` | a producer until its first error |
| `recovery_limit` | bounds how many logs are recovered at once |
| `kafka_errors` | the reaction to an error of a transactional call (pure) |
| `descriptors` | the file descriptors that partitions need, and the limit of the process |
| `watchdog` | ends the process when a call doesn't return |
| `membership` | this sealer's place in the consumer group |
| `watch` | looks at the topics and at the vault while the sealer runs |
| `archive_age` | how long the oldest sealed block has been waiting for the vault |
| `stop` | how a partition is asked to end |
| `context` | the values that all these parts share |
| `config` | the configuration |
| `metrics` | the metrics |
| `hooks` | points between the steps of sealing, for fault campaigns |
| `key_file` | the signing key's file |
| `errors` | the errors of this package |
"""
