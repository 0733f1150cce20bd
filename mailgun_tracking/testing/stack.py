"""`MailgunStack`: a program on the real Pulumi engine, with a backend of its own."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pulumi import automation

from .._api.target import DEFAULT_ACCOUNT, Target
from ..emulator import Emulator, RecordedRequest
from . import backends, upgrades
from .projects import Program, config_text, full_key, project_settings

ENGINE_MISSING = (
    "there is no `pulumi` on PATH: install the Pulumi CLI 3.200 or newer, "
    "see https://www.pulumi.com/docs/install/"
)
UNCHANGED = ("same", "read", "refresh")
_DOMAIN_PATH = re.compile(r"/v[34]/domains/([^/]+).*")

_Result = TypeVar("_Result")


class MailgunStack:
    """A Pulumi stack on a temporary local backend, whose Mailgun is the emulator.

    The commands are those of Pulumi's Automation API, and take its options. One that fails raises
    `pulumi.automation.CommandError` with all that was printed, and with the domains that the
    emulator did not have.

    Attributes:
        mailgun: the emulator.
        stack: the Automation API's own stack, for everything else.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        mailgun: Emulator,
        folder: Path,
        initialized: backends.InitializedStacks,
    ) -> None:
        """Create the stack; the fixture ``mailgun_stack`` does.

        Args:
            program: a function, or the folder of a ``Pulumi.yaml``. Nothing is written there, and
                its stacks' configuration is not used.
            name: the stack's name.
            mailgun: the emulator; the environment leads to it.
            folder: an empty folder.
            initialized: empty stacks to copy, instead of making a new one.

        Raises:
            RuntimeError: there is no engine; the text says what to install.
        """
        if shutil.which("pulumi") is None:
            raise RuntimeError(ENGINE_MISSING)
        settings = project_settings(program)
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(settings), "utf-8")
        variables = backends.environment(folder)
        home = Path(variables["PULUMI_HOME"])
        home.mkdir()
        plugins = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi")) / "plugins"
        if plugins.is_dir():
            # Those of other providers need not be downloaded again.
            (home / "plugins").symlink_to(plugins.absolute())
        workspace = _Workspace(
            initialized,
            work_dir=str(folder),
            pulumi_home=str(home),
            program=cast(Any, program) if callable(program) else None,
            env_vars=variables,
        )
        self.mailgun = mailgun
        self.stack = automation.Stack.create(name, workspace)
        self._project = str(settings["name"])
        self._started = datetime.now(timezone.utc)

    # --- commands ---

    def preview(self, **options: Any) -> automation.PreviewResult:
        """``pulumi preview``; options as for `pulumi.automation.Stack.preview`."""
        return self._run(self.stack.preview, options)

    def up(self, **options: Any) -> automation.UpResult:
        """``pulumi up``; options as for `pulumi.automation.Stack.up`."""
        return self._run(self.stack.up, options)

    def refresh(self, **options: Any) -> automation.RefreshResult:
        """``pulumi refresh``; options as for `pulumi.automation.Stack.refresh`."""
        return self._run(self.stack.refresh, options)

    def destroy(self, **options: Any) -> automation.DestroyResult:
        """``pulumi destroy``; options as for `pulumi.automation.Stack.destroy`."""
        return self._run(self.stack.destroy, options)

    def set_config(self, key: str, value: Any, *, secret: bool = False) -> None:
        """Set one value of the stack's configuration.

        Args:
            key: without a namespace it is the project's.
            value: a text, or what is stored as JSON: a number, a boolean, a list, a dict.
            secret: whether it is stored encrypted, as a key has to be.
        """
        stored = automation.ConfigValue(config_text(value), secret=secret)
        self.stack.set_config(full_key(key, self._project), stored)

    def export(self) -> dict[str, Any]:
        """The state, as ``pulumi stack export --show-secrets`` prints it."""
        exported = self.stack.export_stack()
        return {"version": exported.version, "deployment": exported.deployment}

    # --- assertions ---

    def assert_no_changes(self, **options: Any) -> None:
        """The program and the state agree: a preview shows no change.

        Args:
            options: as for `preview`; with ``refresh=True`` Mailgun has to agree, too.
        """
        __tracebackhide__ = True
        self._assert_no_changes("the preview shows changes", options)

    def assert_upgrades(self, state_file: str | os.PathLike[str]) -> None:
        """A state of an earlier run shows no change under this program.

        The state becomes that of this stack, and the emulator has what it says of Mailgun. Changes
        of providers do not count, as their configuration is the test's.

        Args:
            state_file: what `export` or ``pulumi stack export`` wrote, of any stack and project.

        Raises:
            ValueError: the file is no state, or has secrets that only its stack can read.
        """
        __tracebackhide__ = True
        names = {"project": self._project, "stack": self.stack.name}
        deployment = upgrades.read_deployment(state_file, **names)
        upgrades.seed(self.mailgun, deployment)
        self.stack.import_stack(automation.Deployment(version=3, deployment=deployment))
        self._assert_no_changes(
            f"the state in {state_file} shows changes", {}, ignored=upgrades.PROVIDERS
        )

    def assert_requests(self, expected: Iterable[str]) -> None:
        """The last command has made these changes at Mailgun, in any order, and no others.

        Args:
            expected: such as ``"PUT /v3/domains/mg.example.com/tracking/click"``. The fields that
                were sent may follow: ``"PUT /v4/domains/mg.example.com web_scheme=https"``.
        """
        __tracebackhide__ = True
        sent = [
            request
            for request in self.mailgun.requests
            if request.method != "GET" and request.at >= self._started
        ]
        missing = []
        for one in expected:
            match = next((request for request in sent if one in _spellings(request)), None)
            if match is None:
                missing.append(one)
            else:
                sent.remove(match)
        lines = [f"  not sent: {one}" for one in missing]
        lines += sorted(f"  unexpected: {_spellings(one)[1]} (status {one.status})" for one in sent)
        if lines:
            raise AssertionError("\n".join(["the changes sent to Mailgun differ:", *lines]))

    def assert_mailgun(self, domain: str, *, region: str = "us", **expected: Any) -> None:
        """Mailgun has these settings; others may be anything.

        Args:
            domain: the sending domain, or its ID, such as ``eu/mg.example.com``.
            region: ``us`` or ``eu``, for a domain without one.
            expected: ``open``, ``click`` and ``unsubscribe``, as the value of ``active`` or a dict
                of some fields; ``web_scheme``, ``web_prefix``, ``tracking_host``, and
                ``certificate``, the status of that host's certificate or None.
        """
        __tracebackhide__ = True
        target = Target.parse(domain, DEFAULT_ACCOUNT) if "/" in domain else None
        actual = self.mailgun.domain(
            target.domain if target else domain, target.region if target else region
        )
        found = {
            "open": actual.open,
            "click": actual.click,
            "unsubscribe": actual.unsubscribe,
            "web_scheme": actual.web_scheme,
            "web_prefix": actual.web_prefix,
            "tracking_host": actual.tracking_host,
            "certificate": getattr(actual.certificates.get(actual.tracking_host), "status", None),
        }
        lines = []
        for name, value in expected.items():
            if name not in found:
                raise TypeError(f"assert_mailgun knows {', '.join(found)}, not {name}")
            have = found[name]
            if isinstance(have, Mapping):
                wanted = value if isinstance(value, Mapping) else {"active": value}
                pairs = [(f"{name}.{key}", wanted[key], have.get(key)) for key in wanted]
            else:
                pairs = [(name, value, have)]
            lines += [
                f"  {path} is {is_now!r}, not {wanted!r}"
                for path, wanted, is_now in pairs
                if (type(is_now), is_now) != (type(wanted), wanted)
            ]
        if lines:
            raise AssertionError("\n".join([f"{domain} differs at Mailgun:", *lines]))

    def _assert_no_changes(
        self, title: str, options: Mapping[str, Any], ignored: str = "nothing"
    ) -> None:
        """Preview, and fail if there are changes to resources, but for one kind of them."""
        __tracebackhide__ = True
        changes: list[str] = []

        def on_event(event: automation.EngineEvent) -> None:
            step = event.resource_pre_event and event.resource_pre_event.metadata
            if step and step.op.value not in UNCHANGED and not step.type.startswith(ignored):
                changes.append(_described(step))

        result = self.preview(on_event=on_event, **options)
        if changes:
            raise AssertionError("\n  ".join([f"{title}:", *changes]) + f"\n\n{result.stdout}")

    def _run(self, command: Callable[..., _Result], options: Mapping[str, Any]) -> _Result:
        """Run a command; where it fails, say which domains the emulator does not have."""
        self._started = datetime.now(timezone.utc)
        try:
            return command(color="never", **options)
        except automation.CommandError as error:
            if missing := self._missing_domains():
                names = ", ".join(missing)
                hint = f"The emulator has no domain {names}: add it with `mailgun.add_domain`."
                error.args = (f"{error}\n{hint}",)
            raise

    def _missing_domains(self) -> list[str]:
        """The domains that the last command asked for, and that do not exist."""
        exist = {domain.name for domain in self.mailgun.domains()}
        asked = [
            _DOMAIN_PATH.fullmatch(request.path)
            for request in self.mailgun.requests
            if request.status == 404 and request.at >= self._started
        ]
        return list(dict.fromkeys(path[1] for path in asked if path and path[1] not in exist))


class MailgunStackFactory:
    """What the fixture ``mailgun_stack`` is: makes stacks, each with its own backend."""

    def __init__(self, mailgun: Emulator, folder: Path, initialized: Path) -> None:
        """Make stacks in subfolders of ``folder``, against ``mailgun``.

        Empty stacks are kept in the folder ``initialized``, for other tests to copy.
        """
        self._mailgun = mailgun
        self._folder = folder
        self._initialized = backends.InitializedStacks(initialized)
        self._made = 0

    def __call__(self, program: Program, name: str = "test") -> MailgunStack:
        """A new stack, with nothing deployed.

        Args:
            program: a function, or the folder of a ``Pulumi.yaml``.
            name: the stack's name, which `pulumi.get_stack` returns.
        """
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir()
        return MailgunStack(program, name, self._mailgun, folder, self._initialized)


class _Workspace(automation.LocalWorkspace):
    """A workspace whose stacks start as copies."""

    def __init__(self, initialized: backends.InitializedStacks, **options: Any) -> None:
        super().__init__(**options)
        self._initialized = initialized

    def create_stack(self, stack_name: str) -> None:
        init = super().create_stack
        self._initialized.create(Path(self.work_dir), stack_name, lambda: init(stack_name))


def _described(step: automation.StepEventMetadata) -> str:
    kind, name = step.urn.split("::")[-2:]
    changed = sorted(step.detailed_diff or {}) or step.diffs or []
    paths = ", ".join(path for path in changed if path != "__provider")
    return f"{step.op.value} {kind.rpartition(':')[2]} {name}" + (f": {paths}" if paths else "")


def _spellings(request: RecordedRequest) -> tuple[str, str]:
    """How a request may be written: without its fields, and with them."""
    fields = "".join(f" {name}={value}" for name, value in request.form.items())
    short = f"{request.method} {request.path}"
    return short, short + fields
