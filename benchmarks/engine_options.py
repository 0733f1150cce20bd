"""What Pulumi's own options for large stacks save, and what a kill costs with each.

`docs/guides/large-stacks.md` has the figures. Run it as `python3 benchmarks/engine_options.py`.
"""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # this file is run as a script

from benchmarks.cases import DOMAIN_TRACKING  # noqa: E402
from mailgun_tracking.emulator import Emulator  # noqa: E402
from tests.engine.result import Result  # noqa: E402
from tests.engine.stack import Stack, StackFactory  # noqa: E402

TIMEOUT_SECONDS = 3600.0
KILLED_RESOURCES = 40
KILLED_LATENCY_SECONDS = 0.1


@dataclass(frozen=True)
class Option:
    """An option: environment variables, the backend's query, or flags of `pulumi up`."""

    environment: dict[str, str] = field(default_factory=dict)
    query: str = ""
    flags: tuple[str, ...] = ()


OPTIONS = {
    "nothing": Option(),
    "PULUMI_SKIP_CHECKPOINTS": Option({"PULUMI_SKIP_CHECKPOINTS": "true"}),
    "metadata=skip": Option(query="?metadata=skip"),
    "PULUMI_DIY_BACKEND_GZIP": Option({"PULUMI_DIY_BACKEND_GZIP": "true"}),
    "PULUMI_DIY_BACKEND_ZSTD": Option({"PULUMI_DIY_BACKEND_ZSTD": "true"}),
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": Option(
        {"PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true"}
    ),
    "PULUMI_PARALLEL_DIFF": Option({"PULUMI_PARALLEL_DIFF": "true"}),
    "--disable-integrity-checking": Option(flags=("--disable-integrity-checking",)),
}


def stack_with(option: Option, new_stack: StackFactory, emulator: Emulator, size: int) -> Stack:
    """A stack that uses an option, whose domains Mailgun has."""
    emulator.reset()
    for i in range(size):
        emulator.add_domain(f"d{i}.example.com")
    stack = new_stack(DOMAIN_TRACKING.format(n=size, changed=False))
    stack.environment.update(option.environment)
    stack.environment["PULUMI_BACKEND_URL"] += option.query
    stack.environment.update(MAILGUN_BASE_URL=emulator.url, MAILGUN_API_KEY=emulator.key)
    return stack


def measured(stack: Stack, option: Option) -> str:
    """Run `pulumi up`: the processor seconds of all its processes, and those by the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = stack.up(*option.flags, timeout=TIMEOUT_SECONDS)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return f"{seconds:.1f} ({result.seconds:.0f})"


def killed(stack: Stack, option: Option, emulator: Emulator) -> tuple[int, int, Result]:
    """Kill the engine when half of the domains are changed, and run `pulumi up` again.

    Returns how many domains Mailgun then had changed, how many of these were in the state as they
    are, and the result of the next run.
    """
    emulator.forget_requests()

    def changed() -> set[str]:
        done = [one for one in emulator.requests if one.method == "PUT" and one.status == 200]
        return {one.path.split("/")[3] for one in done}

    with stack.start("up", "--yes", "--skip-preview", *option.flags) as running:
        running.wait_until(lambda: len(changed()) > KILLED_RESOURCES // 2, "half of it is done")
        below = running.processes()
        running.process.kill()
        assert all(process.gone_within(60) for process in below), "it leaves with the engine"
    # Where a kill hits Pulumi while it writes the file beside the state, nothing can be read.
    for file in stack.directory.rglob("backend/**/*.attrs"):
        if not file.stat().st_size:
            click.echo(f"{file.name} was empty: without it, the state can be read")
            file.unlink()
    stack.cancel()
    known = [one.get("outputs") or {} for one in stack.export()["deployment"].get("resources", [])]
    kept = 0
    for outputs in known:
        with contextlib.suppress(KeyError):
            wanted = emulator.domain(outputs["domain"]).click["active"]
            kept += outputs["domain"] in changed() and outputs["click"]["active"] == wanted
    return len(changed()), kept, stack.up(*option.flags, check=False)


@click.command()
@click.option("--size", default=300, show_default=True, help="How many resources; 0: only kills.")
@click.option("--only", default="", help="Only options with this text in their name.")
@click.option("--kill/--no-kill", default=True, help="Whether to kill the engine, too.")
def main(size: int, only: str, kill: bool) -> None:
    """Measure `pulumi up` with each option, against the emulator, and kill it."""
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        new_stack = StackFactory(Path(folder) / "stacks")
        for name, option in OPTIONS.items():
            if only not in name:
                continue
            if size:
                stack = stack_with(option, new_stack, emulator, size)
                create = measured(stack, option)
                stack.write_program(DOMAIN_TRACKING.format(n=size, changed=True))
                click.echo(f"{name}: {size} created {create}, changed {measured(stack, option)}")
            if kill:
                stack = stack_with(option, new_stack, emulator, KILLED_RESOURCES)
                emulator.set(latency_seconds=KILLED_LATENCY_SECONDS)
                for what, is_changed in (("create", False), ("change", True)):
                    stack.write_program(
                        DOMAIN_TRACKING.format(n=KILLED_RESOURCES, changed=is_changed)
                    )
                    done, kept, result = killed(stack, option, emulator)
                    same = stack.preview("--expect-no-changes", check=False).code == 0
                    click.echo(
                        f"{name}: {what} killed with {done} done, {kept} of them in the state; the "
                        f"next up exits with {result.code}, then no change is left: {same}"
                    )


if __name__ == "__main__":
    main()
