"""Tests on the real Pulumi engine, and the harness that drives it."""
