"""Tests of the emulator, over HTTP and against Mailgun's official schemas."""
