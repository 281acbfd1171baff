"""Work spread over threads and machines: stages, locks, shards, Ray."""
