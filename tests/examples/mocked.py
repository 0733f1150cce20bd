"""Runs Pulumi programs under Pulumi's mocks, each in a process of its own, and says what they did.

Pulumi's runtime is global to a process, and some providers' SDKs take ten seconds to import. So one
process imports what the programs import, and is forked for each program:

    python -m tests.examples.mocked < JOB > ANSWER
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STACK = "dev"


@dataclass(frozen=True)
class Registered:
    """A resource that a program registered, as the engine would be told of it.

    Attributes:
        type: its type token.
        inputs: its inputs by their names on the wire.
        parent: the parent's kind, the last part of its type: "Stack", "HttpsTracking" ...
        depends_on: the kinds of the resources that have to be there before it.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    depends_on: list[str]
    retain_on_delete: bool
    ignore_changes: list[str]


@dataclass(frozen=True)
class Asked:
    """A function of a provider that a program called."""

    token: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What one program did.

    Attributes:
        steps: what it registered and asked, in order.
        error: the traceback of its failure; empty where it had none.
    """

    steps: list[Registered | Asked] = field(default_factory=list)
    error: str = ""

    @property
    def resources(self) -> dict[str, Registered]:
        """The resources by their kinds, in order."""
        return {kind_of(one.type): one for one in self.steps if isinstance(one, Registered)}

    @property
    def asked(self) -> dict[str, dict[str, Any]]:
        """The arguments of each function that was called, by its token."""
        return {step.token: step.arguments for step in self.steps if isinstance(step, Asked)}


def kind_of(type_or_urn: str) -> str:
    """The last part of a type, as "Record"; also of the type in a URN."""
    type_ = type_or_urn.split("::")[2] if "::" in type_or_urn else type_or_urn
    return type_.rpartition("$")[2].rpartition(":")[2]


def run_mocked(
    programs: Sequence[str],
    *,
    directory: Path,
    project: str,
    config: Mapping[str, str],
    answers: Mapping[str, Mapping[str, Any]],
) -> list[Done]:
    """Run programs in turn, all on the same provider SDKs; what a resource is given, it outputs.

    Args:
        programs: their texts.
        directory: a folder for them, in which they run.
        project: the project's name.
        config: the stack's configuration, by keys with their namespace.
        answers: what a provider's function answers, by its token.
    """
    files = []
    for number, text in enumerate(programs):
        files.append(str(directory / f"program_{number}.py"))
        Path(files[-1]).write_text(text, encoding="utf-8")
    job = {
        "files": files,
        "project": project,
        "config": dict(config),
        "answers": {token: dict(answer) for token, answer in answers.items()},
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PULUMI_", "MAILGUN_"))}
    finished = subprocess.run(
        [sys.executable, "-m", "tests.examples.mocked"],
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOT)},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return [
        Done(
            [Registered(**one) if "type" in one else Asked(**one) for one in answer["steps"]],
            answer["error"],
        )
        for answer in json.loads(finished.stdout)
    ]


def _run_all(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    for module in sorted(set().union(*[_imports(Path(file)) for file in job["files"]])):
        importlib.import_module(module)
    return [_run_forked(file, job) for file in job["files"]]


def _imports(file: Path) -> set[str]:
    """The modules that a program imports by name at its top."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names
    }


def _run_forked(file: str, job: Mapping[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with os.fdopen(writer, "w") as answer:
            json.dump(_run(file, job), answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return dict(json.loads(text))


def _run(file: str, job: Mapping[str, Any]) -> dict[str, Any]:
    import pulumi
    from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, mocks, rpc, set_all_config

    steps: list[Registered | Asked] = []

    class Answers(Mocks):
        def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            return f"{args.name}-id", args.inputs

        def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
            steps.append(Asked(args.token, dict(args.args)))
            return dict(job["answers"][args.token]), []

    class Monitor(mocks.MockMonitor):
        def RegisterResource(self, request: Any) -> Any:
            if request.type != "pulumi:pulumi:Stack":
                inputs = rpc.deserialize_properties(request.object)
                inputs.pop("__provider", None)
                steps.append(
                    Registered(
                        request.type,
                        request.name,
                        inputs,
                        kind_of(request.parent),
                        sorted(map(kind_of, request.dependencies)),
                        request.retainOnDelete,
                        list(request.ignoreChanges),
                    )
                )
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def program() -> None:
        runpy.run_path(file, run_name="__main__")

    set_all_config(dict(job["config"]))
    mocks.set_mocks(
        Answers(), project=job["project"], stack=STACK, preview=False, monitor=Monitor(Answers())
    )
    error = ""
    try:
        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    except Exception:
        error = traceback.format_exc()
    return {"steps": [asdict(step) for step in steps], "error": error}


if __name__ == "__main__":
    # What a program prints must not end up between the answers.
    output, sys.stdout = sys.stdout, sys.stderr
    json.dump(_run_all(json.load(sys.stdin)), output)
