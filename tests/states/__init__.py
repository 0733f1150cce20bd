"""State files written by earlier releases, and the test that they keep working."""
