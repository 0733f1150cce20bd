"""What docs/behaviour.md promises, on the real engine against the emulator."""
