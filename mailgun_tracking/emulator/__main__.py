"""Lets `python -m mailgun_tracking.emulator` run the command."""

from __future__ import annotations

from .command import main

if __name__ == "__main__":
    main()
