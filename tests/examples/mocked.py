"""Runs Pulumi programs under Pulumi's mocks, each in its own process, and reports what they did.

Pulumi's runtime is global to a process, and some providers' SDKs take ten seconds to import. So one
process imports what the programs import, and forks for each program:

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
LOOKUP = "mailgun-tracking:index:getTrackingDomain"
ZONE_LOOKUP = "aws:route53/getZone:getZone"
ANSWERS = {
    LOOKUP: {
        "domain": "mg.example.com",
        "tracking_domain": "email.mg.example.com",
        "web_prefix": "email",
        "web_scheme": "http",
        "cname_name": "email.mg.example.com",
        "cname_value": "mailgun.org",
    },
    ZONE_LOOKUP: {"id": "Z0123", "zoneId": "Z0123", "name": "example.com"},
}
"""The results of the functions that the programs call, by token."""


@dataclass(frozen=True)
class Registered:
    """A resource that a program registered, as the engine would receive it.

    Attributes:
        type: its type token.
        inputs: its inputs, by their names on the wire.
        parent: the parent's kind, the last part of its type: "Stack", "HttpsTracking" ...
        depends_on: the kinds of the resources that have to exist before it.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    depends_on: list[str]
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: list[str]


@dataclass(frozen=True)
class Asked:
    """A call of a provider's function."""

    token: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What one program did.

    Attributes:
        steps: the resources it registered and the functions it called, in order.
        error: the traceback if it failed, or an empty string.
    """

    steps: list[Registered | Asked] = field(default_factory=list)
    error: str = ""

    @property
    def resources(self) -> dict[str, Registered]:
        """The resources by kind, in order."""
        return {kind_of(one.type): one for one in self.steps if isinstance(one, Registered)}

    @property
    def asked(self) -> dict[str, dict[str, Any]]:
        """The arguments of each function that was called, by token."""
        return {step.token: step.arguments for step in self.steps if isinstance(step, Asked)}


def kind_of(type_or_urn: str) -> str:
    """The last part of a type or of the type in a URN, for example "Record"."""
    type_ = type_or_urn.split("::")[2] if "::" in type_or_urn else type_or_urn
    return type_.rpartition("$")[2].rpartition(":")[2]


def run_mocked(
    programs: Sequence[str],
    *,
    directory: Path,
    project: str,
    config: Mapping[str, str],
    answers: Mapping[str, Mapping[str, Any]],
    stack: str = STACK,
) -> list[Done]:
    """Run programs one after another. The outputs of resources are their inputs.

    Args:
        programs: their texts.
        directory: where they are stored and run.
        project: the project's name.
        config: the stack configuration; keys include the namespace.
        answers: the results of providers' functions, by token.
        stack: the stack's name.
    """
    files = []
    for number, text in enumerate(programs):
        files.append(str(directory / f"program_{number}.py"))
        Path(files[-1]).write_text(text, encoding="utf-8")
    job = {
        "files": files,
        "project": project,
        "stack": stack,
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
    """The modules that a program imports with `import` at the top level."""
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
                        request.deleteBeforeReplace,
                        list(request.ignoreChanges),
                    )
                )
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def program() -> None:
        runpy.run_path(file, run_name="__main__")

    set_all_config(dict(job["config"]))
    mocks.set_mocks(
        Answers(),
        project=job["project"],
        stack=job["stack"],
        preview=False,
        monitor=Monitor(Answers()),
    )
    error = ""
    try:
        pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    except Exception:
        error = traceback.format_exc()
    return {"steps": [asdict(step) for step in steps], "error": error}


if __name__ == "__main__":
    # Output of the programs must not mix with the answers.
    output, sys.stdout = sys.stdout, sys.stderr
    json.dump(_run_all(json.load(sys.stdin)), output)
