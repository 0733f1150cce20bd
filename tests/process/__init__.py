"""Tests of the provider's process: at work, under signals, and where its SDK has changed."""
