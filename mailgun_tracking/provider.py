"""What both providers share: configuration, the call at hand, problems of inputs, short errors."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pulumi import Input, ResourceOptions, RunError, log
from pulumi.dynamic import CheckFailure, ConfigureRequest, ResourceProvider
from pulumi.output import Unknown
from pulumi.runtime import get_config, is_config_secret
from pulumi.runtime.rpc import UNKNOWN

from . import errors, plugin_process
from .models import DEFAULT_ACCOUNT, REGIONS, Target, is_domain, normalize_domain, parse_id
from .reads import NO_ANSWER, reads
from .settings import Settings, is_account_name, is_subaccount, refuse_plain_key

if TYPE_CHECKING:
    from .client import MailgunClient
    from .models import DomainDetails

CHECK_DEADLINE = 10.0
"""Seconds that a check may go on trying."""
GONE_AFTER = 10.0
"""Seconds over which a domain has to be missing, before it counts as gone or as never made."""
GONE_INTERVAL = 2.5

IDENTITY = ("account", "region", "subaccount")
"""The inputs that say where a domain lives, beside its name."""

_T = TypeVar("_T")
_Method = TypeVar("_Method", bound=Callable[..., Any])


class MailgunProvider(ResourceProvider):
    """The base of both providers. It holds nothing: what it needs belongs to the process."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Take the stack's configuration, once a process."""
        global _settings
        plugin_process.attach(last_words=reads.finish)
        _settings = Settings(req.config.get)


_settings = Settings(lambda _name: None)


def one_line_errors(method: _Method) -> _Method:
    """Show what we raise on purpose as one line; a bug keeps its traceback.

    The SDK shows an exception's class and text, behind frames that `plugin_process` turns off.
    """

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except errors.TrackingError as error:
            shown = type(type(error).__name__, (Exception,), {"__module__": "builtins"})
            raise shown(str(error)) from None
        except Exception as error:
            frames = traceback.format_exception(type(error), error, error.__traceback__, limit=100)
            raise RuntimeError(
                "this is a bug in mailgun-tracking, please report it with what follows\n"
                + "".join(frames)
            ) from None

    return cast(_Method, wrapper)


def plain_unknowns(value: Any) -> Any:
    """Properties as check and diff get them, with `UNKNOWN` for each value not known yet.

    Newer SDKs put an object of their own there, and each time another one.
    """
    if isinstance(value, Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: plain_unknowns(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_unknowns(item) for item in value]
    return value


@dataclass(frozen=True)
class Call:
    """One call of the engine, about one resource.

    Attributes:
        target: whom it is about.
        row: the resource's row in the engine's display.
        client: Mailgun, for this target.
        settings: where the key and the address come from.
    """

    target: Target
    row: plugin_process.Row
    client: MailgunClient
    settings: Settings

    @classmethod
    def about(
        cls, target: Target, *, deadline: float | None = None, settings: Settings | None = None
    ) -> Call:
        """Prepare a call about a target.

        Args:
            target: whom it is about.
            deadline: seconds that each request may go on trying; the client's own by default.
            settings: the program's settings; by default those of the provider process.
        """
        row = plugin_process.Row(plugin_process.current_urn())
        settings = settings or _settings
        client = replace(
            settings.client(target), say=row.repeat, cancelled=plugin_process.cancelled
        )
        if deadline is not None:
            client = replace(client, deadline=deadline)
        return cls(target, row, client, settings)

    def explain(self, error: errors.TrackingError, *, recorded_key: bool = False) -> None:
        """Add to an error what only a look elsewhere can tell, and what to do next.

        Args:
            error: the error; 401 and the 404 of a domain are explained, others are left.
            recorded_key: the call may run with the key of the last up (read and delete).
        """
        if isinstance(error, errors.Unauthorized):
            _, source = self.settings.api_key(self.target.account)
            error.advise(
                f"the key is from {source}; check that it is a key of this account "
                f"with access to region {self.target.region}"
                + (f" and subaccount {self.target.subaccount}" if self.target.subaccount else "")
            )
            if recorded_key:
                error.advise(
                    "refresh and destroy run with the configuration of the last up: "
                    "--run-program takes today's"
                )
        elif isinstance(error, errors.DomainNotFound):
            error.advise(self.whereabouts(error.domain or self.target.domain))

    @contextlib.contextmanager
    def explained(self, *, recorded_key: bool = False) -> Iterator[None]:
        """Let no error out that is not explained; the argument is that of `explain`."""
        try:
            yield
        except errors.TrackingError as error:
            self.explain(error, recorded_key=recorded_key)
            raise

    def whereabouts(self, domain: str) -> str:
        """Where a domain that was not found may be instead."""
        elsewhere = self.found_in_other_region(domain)
        if elsewhere:
            return (
                f"{domain} is in region {elsewhere}: set region={elsewhere!r}, "
                f"or give the id as {elsewhere}/{domain}"
            )
        place = f"region {self.target.region}"
        if self.target.subaccount:
            place += f", subaccount {self.target.subaccount}"
        return f"{domain} is not in {place}: check the name, the region, the subaccount and the key"

    def found_in_other_region(self, domain: str) -> str | None:
        """The other region, if it has the domain."""
        other = self.settings.other_region(self.target.region)
        if other is None:
            return None
        try:
            self.elsewhere(other).get_domain(domain)
        except errors.TrackingError:
            return None
        return other

    def elsewhere(self, region: str) -> MailgunClient:
        """The same account in another region."""
        client = self.settings.client(replace(self.target, region=region))
        return replace(client, deadline=self.client.deadline, cancelled=self.client.cancelled)

    def until_found(self, look: Callable[[], _T]) -> _T:
        """Look again for 10 s where a domain is not found: just made, it may not be visible yet."""
        started = time.monotonic()
        while True:
            try:
                return look()
            except errors.DomainNotFound:
                if time.monotonic() - started >= GONE_AFTER:
                    raise
            self.row.wait("waiting for the domain to appear at Mailgun")
            self.client.sleep(GONE_INTERVAL)

    def is_domain_gone(self, domain: str) -> bool:
        """Whether a domain is gone for sure.

        Its own GET said 404 on repeated looks over 10 s, with a key that lists domains, and the
        other region has it not either.

        Raises:
            TrackingError: one of the looks could not be taken.
        """
        try:
            self.until_found(lambda: self.client.get_domain(domain))
            return False
        except errors.DomainNotFound:
            next(self.client.list_domains(limit=1), None)
        other = self.settings.other_region(self.target.region)
        if other is None:
            return True
        try:
            self.elsewhere(other).get_domain(domain)
        except errors.DomainNotFound:
            return True
        raise errors.DomainNotFound(
            f"{domain} is not in region {self.target.region}",
            "Domain not found",
            status=404,
            advice="nothing was removed from the state",
            domain=domain,
        )


_workers = ThreadPoolExecutor(256, thread_name_prefix="mailgun-tracking-call")


def together(*calls: Callable[[], Any], one_by_one: bool = False) -> list[Any]:
    """Make calls that do not depend on each other, all at once.

    Args:
        calls: what is called.
        one_by_one: make them one after another instead, on this thread.

    Returns each call's result, or the `TrackingError` that it raised; other errors are raised.
    """

    def settle(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except errors.TrackingError as error:
            return error

    if one_by_one:
        return [settle(call) for call in calls]
    # The first stays on this thread: handing it over costs as much as many a call.
    futures = [_workers.submit(settle, call) for call in calls[1:]]
    return [*map(settle, calls[:1]), *(future.result() for future in futures)]


def all_of(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls all at once, and raise the first error once each has ended."""
    results = together(*calls)
    for result in results:
        if isinstance(result, errors.TrackingError):
            raise result
    return results


def effective_target(inputs: Mapping[str, Any], name: str) -> Target | None:
    """Whom inputs are about, with defaults from the configuration; None where not known yet.

    Args:
        inputs: the resource's inputs, valid or outputs of an earlier run.
        name: the input that holds the domain.
    """
    values = [inputs.get(key) for key in (name, *IDENTITY)]
    if UNKNOWN in values or not inputs.get(name):
        return None
    account = str(inputs.get("account") or DEFAULT_ACCOUNT)
    region = inputs.get("region") or _settings.region()
    subaccount = inputs.get("subaccount")
    if subaccount is None:
        subaccount = _settings.subaccount(account)
    return Target(account, str(region).lower(), str(subaccount), normalize_domain(inputs[name]))


def recorded_target(id_: str, outputs: Mapping[str, Any], name: str) -> Target:
    """Whom a resource in state is about: its outputs say, or, for `get`, its id."""
    target = parse_id(id_, str(outputs.get("account") or DEFAULT_ACCOUNT))
    if not outputs.get(name):
        return target
    return Target(
        target.account,
        str(outputs.get("region") or target.region),
        str(outputs.get("subaccount") or target.subaccount),
        normalize_domain(outputs[name]),
    )


def place_of(target: Target) -> Target:
    """Where a domain is, the same however it is reached.

    It belongs to one account, by whatever name or key; and one address may serve both regions.
    """
    try:
        address = _settings.base_url(target.region)
    except errors.ConfigurationError:
        # Said wherever Mailgun is needed.
        address = target.region
    return replace(target, account="", subaccount="", region=address)


def identity_inputs(inputs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The effective account, region and subaccount, as inputs."""
    target = effective_target(inputs, name)
    if target is not None:
        return {
            "account": target.account,
            "region": target.region,
            "subaccount": target.subaccount,
        }
    return {key: inputs[key] for key in IDENTITY if inputs.get(key) is not None}


def identity_problems(inputs: Mapping[str, Any], name: str) -> list[CheckFailure]:
    """What is wrong with the inputs that say whom a resource is about."""
    problems = []
    domain = inputs.get(name)
    if domain is None:
        problems.append(CheckFailure(name, "is required, as in mg.example.com"))
    elif domain != UNKNOWN:
        problems += domain_problems(name, domain)
    region = inputs.get("region")
    if region not in (None, UNKNOWN) and str(region).lower() not in REGIONS:
        problems.append(CheckFailure("region", f"must be us or eu, not {region!r}"))
    account = inputs.get("account")
    if account not in (None, UNKNOWN) and not is_account_name(account):
        problems.append(
            CheckFailure("account", "must be a name of letters, digits, - and _, never a key")
        )
    subaccount = inputs.get("subaccount")
    if subaccount not in (None, UNKNOWN, "") and not is_subaccount(subaccount):
        problems.append(
            CheckFailure("subaccount", "must be a subaccount's id, as Mailgun shows it")
        )
    return problems


def key_problems(target: Target) -> list[CheckFailure]:
    """What is wrong with the key or the address that a target needs, as far as settings tell."""
    try:
        _settings.api_key(target.account)
        _settings.base_url(target.region)
    except errors.ConfigurationError as error:
        return [CheckFailure("", str(error))]
    return []


def domain_problems(name: str, domain: object) -> list[CheckFailure]:
    """What is wrong with a domain."""
    if not isinstance(domain, str):
        return [CheckFailure(name, f"must be a text, not {kind_of(domain)}")]
    try:
        if is_domain(normalize_domain(domain)):
            return []
    except errors.InvalidInput:
        pass
    return [CheckFailure(name, f"{domain!r} is not a domain name such as mg.example.com")]


def own_properties(props: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without the one that the SDK puts among them: the provider itself."""
    return {name: value for name, value in props.items() if name != "__provider"}


def unknown_fields(
    given: Iterable[str], allowed: Iterable[str], prefix: str = ""
) -> list[CheckFailure]:
    """A problem for each field that does not exist, with the one that was meant, perhaps."""
    allowed = sorted(allowed)
    unknown = sorted(set(given) - set(allowed))
    if not unknown:
        return []
    # Dear to import, and only wanted here.
    import difflib

    problems = []
    for field in unknown:
        meant = difflib.get_close_matches(field, allowed, n=1)
        hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(allowed)}"
        problems.append(CheckFailure(prefix + field, f"there is no such field; {hint}"))
    return problems


def kind_of(value: object) -> str:
    """A value's type in the words of people who do not write Python."""
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a text", float: "a number", int: "a number", dict: "an object", list: "a list"}
    return names.get(type(value), type(value).__name__)


def differing_identity(olds: Mapping[str, Any], news: Mapping[str, Any], name: str) -> list[str]:
    """The inputs that say whom a resource is about, and now say someone else."""
    differing = []
    for key in (name, *IDENTITY):
        old, new = olds.get(key), news.get(key)
        if new is None and key != name:
            continue
        if key == name and isinstance(new, str) and isinstance(old, str) and new != UNKNOWN:
            old, new = normalize_domain(old), normalize_domain(new)
        if old != new:
            differing.append(key)
    return differing


def read_domain_for_check(call: Call) -> DomainDetails | None:
    """A domain for a new resource's check; None where it does not exist yet.

    Raises:
        NO_ANSWER: Mailgun cannot be asked; the check goes on without.
        TrackingError: the key, the region or the subaccount is wrong: better known now.
    """
    try:
        return reads.details(call.client, call.target)
    except errors.DomainNotFound:
        return None


def misplaced(call: Call, domain: str) -> list[CheckFailure]:
    """A failure where a domain that was not found is in the other region."""
    other = call.settings.other_region(call.target.region)
    if other is None:
        return []
    place = replace(call.target, region=other, domain=domain)
    if not reads.is_there(call.elsewhere(other), place):
        return []
    return [CheckFailure("region", f"{domain} is in region {other}, not in {call.target.region}")]


def check_failures(call: Call, error: errors.TrackingError) -> list[CheckFailure]:
    """What an error of a check's look at Mailgun means: none, but a warning, without an answer."""
    if isinstance(error, NO_ANSWER):
        warn_of_no_answer(error, functools.partial(call.row.tell, warning=True))
        return []
    call.explain(error)
    return [CheckFailure("", str(error))]


_warned = threading.Event()


def warn_of_no_answer(error: errors.TrackingError, warn: Callable[[str], None]) -> None:
    """Warn that a preview could not look at Mailgun; it concerns all, so once a process."""
    if not _warned.is_set():
        _warned.set()
        warn(f"the preview goes on without a look at Mailgun: {error}")


@contextlib.contextmanager
def shown_by_program() -> Iterator[None]:
    """Let an error that the program does not catch end it with one line, and no traceback.

    Language hosts do so for `pulumi.RunError`; the error stays what it was beside.
    """
    try:
        yield
    except errors.TrackingError as error:
        error.__class__ = _run_error(type(error))
        raise


def _run_error(kind: type[errors.TrackingError]) -> type[errors.TrackingError]:
    if issubclass(kind, RunError):
        return kind
    shown: type[errors.TrackingError] = type(
        kind.__name__, (kind, RunError), {"__module__": kind.__module__}
    )
    return shown


def refuse_keys_in_clear() -> None:
    """Refuse a key that stands in clear in the stack's configuration, in the program.

    Raises:
        ConfigurationError: with the command that mends it.
    """
    refuse_plain_key(lambda name: get_config(name) is not None, is_config_secret)


@shown_by_program()
def prepare_options(opts: ResourceOptions | None, kind: str, id_hint: str) -> ResourceOptions:
    """Refuse and warn of options that a dynamic resource cannot honour, in the program.

    Returns a copy of the others.

    Raises:
        ConfigurationError: a key stands in clear in the stack's configuration.
        InvalidInput: ``import_`` was given.
    """
    refuse_keys_in_clear()
    opts = ResourceOptions.merge(opts, None)
    if opts.import_ is not None:
        raise errors.InvalidInput(
            f"{kind} cannot be imported by the option import_",
            "Pulumi does not hand dynamic resources what that needs",
            advice=f"run `mailgun-tracking import {id_hint} > import.json` and `pulumi import "
            "--file import.json --generate-code=false`; or declare it without import_: "
            "up adopts what Mailgun has",
        )
    if opts.custom_timeouts is not None:
        hint = "use timeout=" if kind == "TrackingCertificate" else "each call has its own limit"
        log.warn(f"{kind}: Pulumi's SDK drops custom_timeouts of dynamic resources; {hint}")
    return opts


SDK_THAT_READS = (3, 272)
"""The first SDK known to hand a dynamic provider what reading by an id needs."""


def refuse_to_read_with_old_sdk(kind: str) -> None:
    """Refuse ``get`` where the installed SDK would fail without a word of sense.

    Raises:
        InvalidInput: with what to install.
    """
    # Dear to import, and only wanted here.
    from importlib.metadata import version

    installed = version("pulumi")
    if tuple(int(part) for part in installed.split(".")[:2]) < SDK_THAT_READS:
        wanted = ".".join(map(str, SDK_THAT_READS))
        raise errors.InvalidInput(
            f"{kind}.get does not work with version {installed} of Pulumi's Python SDK",
            advice=f"install pulumi>={wanted}, or use a lookup such as get_domain_tracking",
        )


def id_option(opts: ResourceOptions | None, id_: Input[str]) -> ResourceOptions:
    """Options that make the engine read a resource instead of managing it."""
    return ResourceOptions.merge(opts, ResourceOptions(id=id_))
