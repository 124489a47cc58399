"""The daemon that turns the events of a Kafka topic into signed blocks."""
