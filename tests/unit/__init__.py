"""Tests of the library's parts, without the engine and without the emulator."""
