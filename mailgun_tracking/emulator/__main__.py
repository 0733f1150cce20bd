"""Runs the command as `python -m mailgun_tracking.emulator`."""

from __future__ import annotations

from .command import main

if __name__ == "__main__":
    main()
