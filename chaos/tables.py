"""The results as tables in Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.tables import describe, table
from chaos.kills import STEPS, VICTIMS, Kill
from chaos.life import COMMANDS, Command
from chaos.results import Results


def document(results: Results) -> str:
    """The generated part of docs/chaos.md."""
    command = f'make chaos ARGS="{results.arguments}"' if results.arguments else "make chaos"
    lost = results.lost()
    lines = [
        f"{describe(results.date, results.machine)} `{command}` took {results.seconds / 60:.0f} "
        "minutes.",
        "",
        f"What was lost: {'nothing' if not lost else f'{len(lost)}, see the end'}.",
        "",
    ]
    if results.commands:
        lines += ["### Faults", "", *_commands(results.commands), ""]
        lines += ["The responses that were spoiled, by kind:", "", *_kinds(results.commands), ""]
    if results.kills:
        lines += ["### Kills", "", *_kills(results.kills), ""]
    if results.checks:
        rows = [
            [one.name, str(one.tried), str(one.failed), f"{one.seconds:.0f}"]
            for one in results.checks
        ]
        lines += ["### Examples", "", *table(["", "tried", "failed", "seconds"], rows), ""]
    if lost:
        lines += ["### Lost", "", *(f"- {text}" for text in lost), ""]
    return "\n".join(lines).rstrip()


def _commands(commands: Sequence[Command]) -> list[str]:
    rows = []
    for name in COMMANDS:
        runs = [one for one in commands if one.name == name]
        spoiled = sum(sum(one.spoiled.values()) for one in runs)
        requests = sum(one.requests for one in runs)
        rows.append(
            [
                f"`{name}`",
                str(len(runs)),
                str(sum(one.codes[0] == 0 for one in runs)),
                str(sum(one.codes[-1] == 0 for one in runs)),
                str(requests),
                f"{spoiled} ({spoiled / max(requests, 1):.0%})",
                f"{sum(one.seconds for one in runs) / max(len(runs), 1):.0f}",
                str(sum(bool(one.lost) for one in runs)),
            ]
        )
    header = ["", "runs", "exit 0 at once", "or at the second try", "requests", "spoiled"]
    return table([*header, "seconds each", "lost"], rows)


def _kinds(commands: Sequence[Command]) -> list[str]:
    kinds: Counter[str] = Counter()
    for command in commands:
        kinds.update(command.spoiled)
    return [", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items())) + "."]


def _kills(kills: Sequence[Kill]) -> list[str]:
    rows = []
    for victim in VICTIMS:
        of_victim = [kill for kill in kills if kill.plan.victim == victim]
        cells = []
        for step in STEPS:
            here = [kill for kill in of_victim if kill.plan.step == step]
            cells.append(_outcome(here))
        slowest = max((kill.seconds for kill in of_victim), default=0.0)
        rows.append([victim, *cells, _outcome(of_victim), f"{slowest:.1f}"])
    late = sum(not kill.hit for kill in kills)
    torn = sum(kill.torn for kill in kills)
    reverted = sum(kill.plan.then == "revert" for kill in kills)
    return [
        *table(["", *STEPS, "all", "seconds to end at most"], rows),
        "",
        f"Each cell: kills after which everything was as the program says, of all. After "
        f"{reverted} of the {len(kills)} kills, the previous program was run. In {late} cases the "
        f"command was over before the kill. {torn} times Pulumi's file backend left a file half "
        "written.",
    ]


def _outcome(kills: Sequence[Kill]) -> str:
    return f"{sum(not kill.lost for kill in kills)} of {len(kills)}" if kills else ""
