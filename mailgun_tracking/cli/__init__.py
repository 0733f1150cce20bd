"""The command ``mailgun-tracking``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; without its dependencies, say how to install them."""
    try:
        import click  # noqa: F401
    except ImportError:
        sys.exit("mailgun-tracking needs click: install the package as mailgun-tracking[cli]")
    from .commands import commands

    commands(prog_name="mailgun-tracking")
