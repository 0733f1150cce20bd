"""The engine, its language host and the harness, on dynamic resources that need no network."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.engine.result import PulumiFailed
from tests.engine.stack import Stack, StackFactory

THINGS = """
import json
import os
import time
from pathlib import Path

from pulumi.dynamic import CreateResult, CheckFailure, CheckResult, DiffResult, ReadResult
from pulumi.dynamic import Resource, ResourceProvider, UpdateResult

REAL = Path(__file__).parent / "real.json"


def note(call):
    with REAL.with_name("calls").open("a") as calls:
        calls.write(f"{call}\\n")


class ThingProvider(ResourceProvider):
    serialize_as_secret_always = False

    def check(self, olds, news):
        note("check")
        failures = [] if news["size"] != 13 else [CheckFailure("size", "13 is bad luck")]
        return CheckResult(news, failures)

    def diff(self, id, olds, news):
        return DiffResult(changes=None)

    def create(self, props):
        note("create")
        if props["size"] == 500:
            raise RuntimeError("too large")
        while props["size"] == -1 and not REAL.with_name("go on").exists():
            time.sleep(0.1)
        REAL.write_text(json.dumps(props["size"]))
        return CreateResult("thing-1", {"size": props["size"]})

    def update(self, id, olds, news):
        note("update")
        return UpdateResult({"size": news["size"]})

    def read(self, id, props):
        size = json.loads(REAL.read_text())
        return ReadResult(id, {"size": size}, {"size": size})

    def delete(self, id, props):
        note("delete")
        REAL.unlink(missing_ok=True)


class Thing(Resource, module="test", name="Thing"):
    def __init__(self, name, size, opts=None):
        super().__init__(ThingProvider(), name, {"size": size}, opts)
"""

PROGRAM = """
import pulumi
from things import Thing

size = pulumi.Config().require_int("size")
print(f"measured {size}")
thing = Thing("thing", size)
pulumi.export("size", thing.size)
pulumi.export("password", pulumi.Output.secret("hunter2"))
"""

TYPE = "pulumi-python:dynamic/test:Thing"


@pytest.fixture
def stack(new_stack: StackFactory) -> Stack:
    stack = new_stack(PROGRAM, config={"size": 3})
    stack.write_program(THINGS, "things.py")
    return stack


def calls(stack: Stack) -> list[str]:
    file = stack.directory / "calls"
    return file.read_text().split() if file.exists() else []


def test_a_resource_lives_from_preview_to_destroy(stack: Stack) -> None:
    """Each command says what it did, in its events and in the state."""
    preview = stack.preview()
    assert preview.changes == {"create": 1}
    assert preview.step("thing") == "create"
    assert calls(stack) == ["check"]

    up = stack.up()
    assert up.changes == {"create": 1}
    assert up.resource_outputs("thing")["size"] == 3
    assert stack.resource("thing")["id"] == "thing-1"
    assert stack.outputs() == {"size": 3, "password": "[secret]"}
    assert stack.outputs(show_secrets=True)["password"] == "hunter2"

    stack.config_set("size", 4)
    changed = stack.preview()
    assert changed.step("thing") == "update"
    assert changed.diff("thing") == {"size": (3, 4)}

    updated = stack.up(skip_preview=False)
    assert updated.changes == {"update": 1}
    assert calls(stack)[-1] == "update"

    (stack.directory / "real.json").write_text("9")
    drift = stack.preview("--refresh")
    assert drift.steps("thing") == ["refresh", "update"]
    assert drift.diff("thing", "refresh") == {"size": (4, 9)}
    assert drift.diff("thing", "update") == {"size": (9, 4)}
    assert drift.detailed_diff("thing", "update") == {"size": "update"}
    assert stack.refresh().step("thing") == "update"
    assert stack.resource("thing")["outputs"]["size"] == 9
    assert stack.export() == json.loads(stack.run("stack", "export").stdout)

    assert stack.destroy().changes == {"delete": 1}
    assert calls(stack)[-1] == "delete"
    assert stack.export()["deployment"].get("resources", []) == []


def test_a_program_prints_to_the_terminal_while_it_runs(stack: Stack) -> None:
    """What the program prints stands in the stack's row, before its resources are done."""
    stack.config_set("size", -1)
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: "measured -1" in running.output, "the program's print")
        assert running.process.poll() is None


def test_destroy_can_run_the_program(stack: Stack) -> None:
    """`destroy --run-program` runs it, checks nothing, and deletes what the program declares."""
    stack.up()
    (stack.directory / "calls").unlink()
    result = stack.destroy("--run-program")
    assert result.step("thing") == "delete"
    assert "measured 3" in result.output
    assert calls(stack) == ["delete"]


def test_a_resource_is_imported_from_a_file(stack: Stack) -> None:
    """`pulumi import --file` puts it into state, and the next preview changes nothing."""
    stack.up()
    provider = stack.resource("thing")["inputs"]["__provider"]
    stack.run("state", "delete", "--yes", stack.resource("thing")["urn"])

    properties = {"size": 3, "__provider": provider}
    entry = {"type": TYPE, "name": "thing", "id": "thing-1"}
    result = stack.import_([{**entry, "inputs": properties, "outputs": properties}])
    assert result.step("thing") == "import"
    assert stack.preview("--expect-no-changes").changes == {"same": 1}


def test_a_policy_pack_stops_an_update(stack: Stack, tmp_path: Path) -> None:
    """A local pack runs on the language host too, and its violations can be asked for."""
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "__main__.py").write_text(
        "from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy\n"
        "def odd(args, report):\n"
        f"    if args.resource_type == {TYPE!r} and args.props['size'] % 2:\n"
        "        report(f'{args.props[\"size\"]} is odd')\n"
        "PolicyPack('sizes', [ResourceValidationPolicy('even-size', 'Sizes are even.', odd)],\n"
        "           EnforcementLevel.MANDATORY)\n"
    )
    refused = stack.preview("--policy-pack", str(tmp_path), check=False)
    assert refused.code != 0
    assert any("3.0 is odd" in violation for violation in refused.policy_violations())

    stack.config_set("size", 4)
    assert stack.preview("--policy-pack", str(tmp_path)).policy_violations() == []


def test_ctrl_c_ends_the_command_and_all_it_started(stack: Stack) -> None:
    """The step under way is waited for; then nothing lives on, and no lock is left."""
    stack.config_set("size", -1)
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: "create" in calls(stack), "the resource's creation")
        below = running.processes()
        assert any("language_host" in process.command for process in below)
        running.signal(signal.SIGINT)
        running.wait_until(lambda: "^C received" in running.output, "the engine's answer")
        (stack.directory / "go on").touch()
        result = running.wait()
    assert result.code != 0
    assert [process for process in below if process.alive()] == []
    assert stack.preview().step("thing") == "same"


def test_the_language_host_leaves_with_a_killed_engine(stack: Stack) -> None:
    """It is not left behind when the engine had no chance to end it."""
    stack.config_set("size", -1)
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.wait_until(lambda: "create" in calls(stack), "the resource's creation")
        below = running.processes()
        running.signal(signal.SIGKILL)
        running.process.wait()
        hosts = [process for process in below if "language_host" in process.command]
        assert len(hosts) == 1
        assert hosts[0].gone_within(30)
        for process in below:
            process.end()


@pytest.mark.parametrize(
    ("program", "shown", "hidden"),
    [
        pytest.param(
            "import pulumi\nraise pulumi.RunError('no such domain')",
            ["no such domain", "Program exited with non-zero exit code: 1"],
            ["Traceback"],
            id="RunError",
        ),
        pytest.param(
            "def find():\n    return {}['domain']\nfind()",
            ["Program failed with an unhandled exception:", "__main__.py", "KeyError: 'domain'"],
            ["runpy", "language_host", "pulumi/runtime"],
            id="exception",
        ),
        pytest.param(
            "import pulumi\npulumi.Output.from_input(1).apply(lambda n: n / 0)",
            ["ZeroDivisionError"],
            [],
            id="exception in apply",
        ),
        pytest.param(
            "import sys\nsys.exit('give me a domain')",
            ["give me a domain", "Program exited with non-zero exit code: 1"],
            ["Traceback"],
            id="exit",
        ),
        pytest.param("print(", ["SyntaxError", "__main__.py"], ["language_host"], id="syntax"),
        pytest.param(
            "import no_such_module",
            ["ModuleNotFoundError: No module named 'no_such_module'", "__main__.py"],
            ["language_host"],
            id="import",
        ),
    ],
)
def test_a_failing_program_shows_what_its_author_needs(
    new_stack: StackFactory, program: str, shown: list[str], hidden: list[str]
) -> None:
    """One line for a RunError, the author's own frames for an exception, none of the host's."""
    result = new_stack(program).preview(check=False)
    assert result.code != 0
    for text in shown:
        assert text in result.output
    for text in hidden:
        assert text not in result.output


def test_a_program_runs_as_python_would_run_it(new_stack: StackFactory) -> None:
    """Its own folder is the working directory and first on the path; it is on the main thread."""
    facts = (
        "import json, os, sys, threading, pulumi\n"
        "pulumi.export('facts', [os.getcwd(), sys.path[0], sys.argv[0], __name__,\n"
        "                        threading.current_thread() is threading.main_thread(),\n"
        "                        any(entry.endswith('/engine') for entry in sys.path)])\n"
    )
    stack = new_stack(facts)
    stack.up()
    here = str(stack.directory)
    assert stack.outputs()["facts"] == [here, here, here, "__main__", True, False]


def test_the_interpreter_is_that_of_the_virtualenv_option(new_stack: StackFactory) -> None:
    """A `virtualenv` in Pulumi.yaml that is not there is named, with the command that makes it."""
    runtime = {"name": "python", "options": {"virtualenv": "no venv here"}}
    result = new_stack("", settings={"runtime": runtime}).preview(check=False)
    assert result.code != 0
    assert "'virtualenv' option in Pulumi.yaml is set to \"no venv here\"" in result.output


class TestHarness:
    """The harness itself: it must not call a failure a success."""

    def test_a_failed_command_fails_the_test_with_its_output(self, stack: Stack) -> None:
        stack.config_set("size", 13)
        with pytest.raises(PulumiFailed, match="13 is bad luck"):
            stack.preview()

    def test_a_failed_step_is_told_from_a_done_one(self, stack: Stack) -> None:
        stack.config_set("size", 500)
        result = stack.up(check=False)
        assert result.failed("thing")
        assert any("too large" in text for text in result.diagnostics("thing", "error"))
        assert result.diagnostics(severity="error") == ["update failed"]
        assert result.changes == {}

    def test_a_command_that_takes_too_long_is_killed_whole(self, stack: Stack) -> None:
        stack.config_set("size", -1)
        with stack.start("up", "--yes", "--skip-preview") as running:
            running.wait_until(lambda: "create" in calls(stack), "the resource's creation")
            below = running.processes()
            assert len(below) >= 2
            with pytest.raises(PulumiFailed, match="took over"):
                running.wait(timeout=0)
        assert [process for process in below if process.alive()] == []
        stack.cancel()
        assert stack.preview().code == 0

    def test_a_resource_without_a_step_is_no_empty_answer(self, stack: Stack) -> None:
        with pytest.raises(PulumiFailed, match="no step for 'thong'"):
            stack.preview().step("thong")

    def test_secret_configuration_is_encrypted_and_read(self, stack: Stack) -> None:
        stack.config_set("mailgun:apiKey", "-key-1", secret=True)
        assert "key-1" not in stack.config_file.read_text()
        shown = stack.run("config", "--show-secrets", "--json").stdout
        assert json.loads(shown)["mailgun:apiKey"]["value"] == "-key-1"

    def test_a_program_that_is_replaced_within_a_second_is_run_anew(
        self, new_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Python takes compiled code for current where size and second are those of the source."""
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        program = "import pulumi; pulumi.export('value', '{value}')"
        stack = new_stack("")
        for value in ("one", "two"):
            stack.write_program(program.format(value=value))
            os.utime(stack.directory / "__main__.py", (1e9, 1e9))
            stack.up()
            assert stack.outputs() == {"value": value}

    def test_no_key_of_this_machine_reaches_a_stack(
        self, new_stack: StackFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MAILGUN_API_KEY", "real")
        stack = new_stack("")
        assert "MAILGUN_API_KEY" not in stack.environment
