"""Tests of the provider process: concurrency, signals, and an SDK that has changed."""
