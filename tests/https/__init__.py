"""Tests of HTTPS tracking with a real DNS server and a real certificate authority."""
