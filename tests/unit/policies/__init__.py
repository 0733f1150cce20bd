"""Tests of the policies, without an engine."""
