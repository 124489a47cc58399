"""auditseal: audit events on Kafka, sealed into signed Merkle blocks in WORM storage."""
