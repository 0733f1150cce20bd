"""A small part of what `make chaos` does in full, and tests of what it does it with."""
