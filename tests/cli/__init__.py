"""The commands, against the emulator in this process."""
