"""Fleets: domains of one file over many stacks."""
