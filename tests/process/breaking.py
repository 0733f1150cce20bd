"""Provider processes whose SDK, gRPC or Python is not what `plugin_process` expects."""

from __future__ import annotations

import os
from pathlib import Path

from tests.behaviour.mail import MailStack
from tests.engine.stack import ROOT

FOLDER = Path(__file__).parent / "broken"


def break_provider(stack: MailStack, *pieces: str) -> None:
    """Break pieces, as named in broken/sitecustomize.py, in the provider process of a stack."""
    paths = [str(FOLDER), stack.environment.get("PYTHONPATH", str(ROOT))]
    stack.environment["PYTHONPATH"] = os.pathsep.join(paths)
    stack.environment["BROKEN"] = ",".join(pieces)
    stack.environment["BROKEN_NOTES"] = str(stack.directory / "broken-notes")


def broken_in(stack: MailStack) -> set[str]:
    """The pieces that were broken in the stack's commands so far."""
    notes = Path(stack.environment["BROKEN_NOTES"])
    return set(notes.read_text().split()) if notes.exists() else set()
