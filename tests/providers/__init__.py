"""Tests of the providers in this process, against the emulator."""
