"""Whether anything is lost when requests fail and processes are killed: `make chaos`."""
