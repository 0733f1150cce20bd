"""Unit tests of the API side, on real sockets and a fake clock."""
