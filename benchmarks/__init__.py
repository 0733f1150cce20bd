"""What the resources cost beside the engine's own work: `make bench`."""
