"""Write the states of all stacks in `tests.states.stacks` with the code of this checkout.

    .venv/bin/python -m tests.states.write NAME

Run it in a clean checkout of a release; NAME, its version or commit, becomes a folder in
`tests/states`. For each stack it holds `STACK.json`, as `pulumi stack export` gives it, and
`STACK.mailgun.json`, the emulator's own state at that moment. Commit the folder: from then on
`test_states` runs the current code on it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from tests.engine.stack import StackFactory
from tests.states.stacks import FOLDER, STACKS, KeptStack


def write(kept: KeptStack, new_stack: StackFactory, state: Path, mailgun: Path) -> None:
    """Create a stack, and write down its state and the emulator's.

    :param state: the new file for the stack's state.
    :param mailgun: the new file for the emulator's state.
    """
    with kept.emulator(mailgun) as emulator:
        kept.before(emulator)
        stack = kept.stack(new_stack, emulator)
        stack.up()
        if kept.after is not None:
            kept.after(emulator)
            stack.refresh()
        exported = without_source_positions(stack.export())
    state.write_text(json.dumps(exported, indent=1) + "\n")
    mailgun.write_text(mailgun.read_text() + "\n")


def without_source_positions(exported: dict[str, Any]) -> dict[str, Any]:
    """A state without this machine's paths, which the engine has no need of."""
    for resource in exported["deployment"]["resources"]:
        for name in ("sourcePosition", "stackTrace"):
            resource.pop(name, None)
    return exported


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.states.write")
    parser.add_argument("name", help="the release's version or commit: a new folder's name")
    folder = FOLDER / parser.parse_args().name
    folder.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        new_stack = StackFactory(Path(scratch) / "stacks")
        for name, kept in STACKS.items():
            write(kept, new_stack, folder / f"{name}.json", folder / f"{name}.mailgun.json")


if __name__ == "__main__":
    main()
