"""Command-line options that several benchmarks have."""

from __future__ import annotations

import click


def whole_numbers(_context: click.Context, _option: click.Parameter, text: str) -> list[int]:
    """A callback for an option such as `1,10,100`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise click.BadParameter("must be whole numbers separated by commas") from None
