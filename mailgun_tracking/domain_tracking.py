"""`DomainTracking`: how Mailgun tracks the mail of one sending domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from . import errors
from ._api.fields import (
    FIELDS,
    SECTIONS,
    WEB_FIELDS,
    Field,
    Section,
    fields_at,
    mentioned_fields,
    without_unmanaged_footers,
)
from ._api.models import UNSUBSCRIBE_URLS, DomainDetails
from ._api.target import Target
from ._provider.base import MailgunProvider, own_properties
from ._provider.changes import (
    FieldChange,
    certificate_missing,
    changed_fields,
    custom_host_refusal,
    host_outputs,
    refuse_prefix_of_custom_host,
    require_certificate_for_https,
    still_requested,
    turn_off_call,
)
from ._provider.concurrency import gather, run_concurrently, value_or_raise
from ._provider.constructors import domain_of_id, refuse_bad_call, sendable_inputs
from ._provider.identity import IDENTITY, changed_identity, identity_outputs, ownership_key
from ._provider.operation import CHECK_DEADLINE_SECONDS, Operation
from ._provider.options import options_for_get, prepare_options
from ._provider.plugin_process import current_urn, inputs_in_state, secret
from ._provider.process import process
from ._provider.program_process import wait_for_urn_only
from ._provider.reconcile import apply_changes, keeping_progress, outcome_unknown
from ._provider.stored import missing
from ._provider.validation import (
    Properties,
    lacks_unsubscribe_link,
    unknown_inputs,
    validate_choice,
    validate_identity,
    validate_tracking,
)
from .arguments import (
    ClickInput,
    ClickTracking,
    Cname,
    OpenInput,
    OpenTracking,
    UnsubscribeInput,
    UnsubscribeTracking,
    complete_in_preview,
    normalize_section,
)

OPTIONS: Mapping[str, tuple[str, ...]] = {"https_by": ("mailgun", "proxy")}
"""Inputs that Mailgun does not know, with their values: the default comes first."""

INPUTS = ("domain", *SECTIONS, "web_scheme", "web_prefix", *OPTIONS, *IDENTITY)

HOST_PROPERTIES = ("web_scheme", "web_prefix", "tracking_domain", "cname")
"""What describes the tracking host. Check adds them to the inputs, so that previews know them."""

OUTPUTS = ("tracking_domain", "cname", "domain_id", "managed")
PROPERTIES = Properties(INPUTS, OUTPUTS)


class DomainTracking(Resource, module="mailgun", name="DomainTracking"):
    """Open, click and unsubscribe tracking of a sending domain, its web scheme and web prefix.

    Only the fields that the program sets are managed; the others stay as they are at Mailgun.
    An existing domain is adopted: only what differs is changed.

    Endpoints: ``GET /v3/domains/{name}/tracking``; ``PUT`` to its ``click``, ``open`` and
    ``unsubscribe``; ``GET`` and ``PUT /v4/domains/{name}``; and, when https is turned on,
    ``GET /v2/x509/{domain}/status``.

    Args:
        resource_name: the resource's name in the stack.
        domain: the sending domain, which must exist at Mailgun. Changing it replaces the resource.
        open: open tracking: `OpenTrackingArgs`, a dict of its fields, or true or false for just
            ``active``.
        click: click tracking: `ClickTrackingArgs`, a dict, or true, false or ``"htmlonly"``.
        unsubscribe: unsubscribe tracking: `UnsubscribeTrackingArgs`, a dict, or true or false.
        web_scheme: ``"http"`` or ``"https"``: the scheme of rewritten links. https is only turned
            on if there is an active certificate (see `https_by`).
        web_prefix: the first label of the tracking domain (Mailgun's default is ``email``). The
            new tracking domain's CNAME has to exist; links in mail already sent keep the old one.
            A domain whose links use a custom tracking host cannot have another.
        https_by: what terminates TLS: ``"mailgun"`` (default), with a `TrackingCertificate`, or
            ``"proxy"``, your own CDN in front of the tracking domain; then no certificate is
            required.
        account: the name of another account, whose key is in ``mailgun-tracking:accounts`` or
            ``MAILGUN_API_KEY_NAME``. Changing it replaces the resource.
        region: ``"us"`` or ``"eu"``; defaults to ``mailgun-tracking:region``, ``MAILGUN_REGION``,
            or us. Changing it replaces the resource.
        subaccount: a subaccount's ID; defaults to ``mailgun-tracking:subaccount`` or
            ``MAILGUN_SUBACCOUNT``. Changing it replaces the resource.
        opts: Pulumi's resource options. Dynamic resources do not support ``import_``, which is
            refused, and ``custom_timeouts``, which is ignored with a warning.

    Raises:
        ConfigurationError: a key is stored in plain text in the stack's configuration.
        InvalidInput: ``import_`` was given, or an argument of a type that cannot be used.
    """

    domain: pulumi.Output[str]
    """The sending domain."""
    open: pulumi.Output[OpenTracking]
    """Open tracking at Mailgun, managed or not."""
    click: pulumi.Output[ClickTracking]
    """Click tracking at Mailgun, managed or not."""
    unsubscribe: pulumi.Output[UnsubscribeTracking]
    """Unsubscribe tracking at Mailgun, managed or not; of the footers only those that the program
    sets (a secret one would otherwise be in plain text once the program lets go of it). `get` and
    `get_domain_tracking` return them."""
    web_scheme: pulumi.Output[str]
    """``http`` or ``https``."""
    web_prefix: pulumi.Output[str]
    """The first label of the tracking domain."""
    tracking_domain: pulumi.Output[str]
    """The host of rewritten links, ``web_prefix.domain`` or the domain's custom host."""
    cname: pulumi.Output[Cname]
    """The name and value of the CNAME record that Mailgun expects for the tracking domain."""
    domain_id: pulumi.Output[str]
    """Mailgun's ID of the domain; absent if nothing is managed. A new domain has a new one."""
    https_by: pulumi.Output[str]
    """What terminates TLS, ``mailgun`` or ``proxy``."""
    managed: pulumi.Output[list]  # type: ignore[type-arg]
    """The paths of the fields that the program sets, for example ``click.active``."""
    account: pulumi.Output[str]
    """The name of the account in use."""
    region: pulumi.Output[str]
    """The region in use."""
    subaccount: pulumi.Output[str]
    """The subaccount in use, or an empty string."""

    def __init__(
        self,
        resource_name: str,
        domain: pulumi.Input[str],
        *,
        open: OpenInput | None = None,
        click: ClickInput | None = None,
        unsubscribe: UnsubscribeInput | None = None,
        web_scheme: pulumi.Input[Literal["http", "https"]] | None = None,
        web_prefix: pulumi.Input[str] | None = None,
        https_by: pulumi.Input[Literal["mailgun", "proxy"]] | None = None,
        account: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        subaccount: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {name: value for name, value in locals().items() if name in INPUTS}
        for section in SECTIONS:
            inputs[section] = normalize_section(section, inputs[section])
        inputs = sendable_inputs("DomainTracking", resource_name, inputs)
        opts = prepare_options(opts, "DomainTracking", resource_name, PROPERTIES)
        props = declared(inputs)
        super().__init__(DomainTrackingProvider(), resource_name, props, opts)
        wait_for_urn_only(self, props)
        if pulumi.runtime.is_dry_run():
            for section in SECTIONS:
                setattr(self, section, complete_in_preview(section, getattr(self, section)))

    @classmethod
    def get(
        cls,
        resource_name: str,
        id: pulumi.Input[str],
        *,
        account: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> DomainTracking:
        """Read a domain's tracking without managing it.

        Args:
            resource_name: the resource's name in the stack.
            id: ``mg.example.com``, ``eu/mg.example.com`` or ``us/SUBACCOUNT/mg.example.com``.
            account: the name of an account other than the default one.
            opts: Pulumi's resource options.

        Raises:
            InvalidInput: it is not an ID.
            DomainNotFound: in the resource's row, where Mailgun has no such domain.
        """
        refuse_bad_call("DomainTracking", resource_name, opts)
        domain = domain_of_id("DomainTracking", resource_name, id)
        opts = options_for_get(opts, id, "DomainTracking")
        return cls(resource_name, domain, account=account, opts=opts)


def declared(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a resource: its inputs, and a place for each output.

    In `managed`, check is told which properties of the host the program sets (see `own_inputs`).
    """
    managed = [field.path for field in WEB_FIELDS if inputs.get(field.path) is not None]
    return {**dict.fromkeys((*HOST_PROPERTIES, "domain_id")), **inputs, "managed": managed or None}


class DomainTrackingProvider(MailgunProvider):
    """The provider of `DomainTracking`. Its import path is in every state: it must never change."""

    domain_input = "domain"
    properties = PROPERTIES
    inputs: ClassVar[tuple[str, ...]] = INPUTS
    sections: ClassVar[tuple[Section, ...]] = SECTIONS
    always_in_state = ("domain", *IDENTITY, *SECTIONS, *HOST_PROPERTIES, "managed")

    def own_inputs(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that come from the program, without those that check adds.

        With ``ignore_changes`` the engine takes old inputs over, also those that check had added.
        They must not become managed by that. What the program sets itself is in `managed`; what a
        transform sets is recognized by its value, if that differs from the old one.
        """
        set_by_program = [
            field.path for props in (news, olds) for field in fields_at(props.get("managed"))
        ]
        added = {"managed"} | {
            name
            for name in HOST_PROPERTIES
            if name not in set_by_program and name in olds and news.get(name) == olds[name]
        }
        return {name: value for name, value in news.items() if name not in added}

    def validate(self, inputs: Mapping[str, Any]) -> list[CheckFailure]:
        failures = unknown_inputs(own_properties(inputs), self.inputs)
        failures += validate_identity(inputs, "domain")
        failures += validate_tracking(inputs)
        for name, choices in OPTIONS.items():
            failures += validate_choice(name, inputs.get(name), choices)
        return failures

    def default_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        is_unknown = UNKNOWN in (inputs.get(section) for section in SECTIONS)
        managed = [field.path for field in mentioned_fields(inputs)]
        return {
            **option_values(inputs),
            "managed": UNKNOWN if is_unknown else managed,
        }

    def check_target(
        self, operation: Operation, olds: Mapping[str, Any], inputs: dict[str, Any]
    ) -> list[CheckFailure]:
        managed = None if inputs["managed"] == UNKNOWN else fields_at(inputs["managed"])
        failures = []
        if managed is not None:
            key = ownership_key(operation.target)
            failures += process.field_owners.add(operation.log.urn, key, managed)
            if inputs.get("web_scheme") == "http":
                process.http_declared.add(key)
            _warn_of_footers(operation, olds, inputs, managed)
        if olds and changed_identity(olds, inputs, "domain"):
            # A replacement: the engine checks it again, as a new resource.
            return failures
        if managed is not None:
            _report_released(operation, olds, managed)
        known = {name: olds[name] for name in HOST_PROPERTIES if name in olds}
        try:
            if len(known) == len(HOST_PROPERTIES):
                return failures + check_host(operation, known, inputs)
            if self.sections:
                process.read_ahead.start(operation.client, operation.target, "tracking", "details")
            details = operation.read_new_domain(operation.target.domain)
            if details is None:
                elsewhere = operation.wrong_region(operation.target.domain)
                if self.sections and not elsewhere:
                    operation.report_new(operation.target.domain, None)
                return failures + elsewhere
            if self.sections and not olds:
                operation.report_new(operation.target.domain, details)
            if not olds and managed:
                self._report_existing(operation, inputs, managed, details)
            known = host_outputs(operation.target, details)
            failures += check_host(operation, known, inputs)
        except errors.TrackingError as error:
            failures += operation.check_failures(error)
        return failures

    def compute_diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
        """What inputs change in a state; asks Mailgun only where the state may be wrong.

        There is no change where every managed field is as Mailgun said, however it is spelled.
        A field that is not is a change, even where the inputs are the same as before.
        """
        replaces = changed_identity(olds, news, "domain")
        if replaces:
            return DiffResult(replaces=replaces)
        if changed_fields(olds, news):
            return DiffResult(changes=True)
        managed = news.get("managed")
        if managed == UNKNOWN:
            return DiffResult()
        # A state from before an option existed has its default.
        is_same = fields_at(managed) == fields_at(olds.get("managed")) and (
            option_values(news) == option_values(olds)
        )
        if not is_same:
            return DiffResult(changes=True)
        # After a refresh these are the inputs in state, which may lack what the outputs have.
        target = Target.from_inputs({**news, **olds}, "domain")
        doubtful = self._doubtful(target, news)
        if not doubtful or current_urn() in process.just_read:
            return DiffResult(changes=False)
        return DiffResult(changes=self._look(target, doubtful, olds, news))

    @staticmethod
    def _doubtful(target: Target, inputs: Mapping[str, Any]) -> set[str]:
        """The managed fields that may not be as the state says, since a run did not finish."""
        key = ownership_key(target)
        doubtful = set(process.unfinished.of(key))
        if key in process.moving:
            doubtful |= {field.path for field in WEB_FIELDS}
        return doubtful & {field.path for field in fields_at(inputs.get("managed"))}

    def _look(
        self,
        target: Target,
        doubtful: set[str],
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> bool:
        """Ask Mailgun whether doubtful fields are as the state and the program say."""
        operation = Operation.on(target, deadline=CHECK_DEADLINE_SECONDS)
        key = ownership_key(target)
        noted = process.unfinished.of(key)
        what = f"{target.domain} is not as the state says"
        if noted & doubtful:
            what = f"an earlier run was interrupted while it changed {target.domain}"
        try:
            with operation.explaining_errors():
                state = self._read_state(operation, olds)
        except errors.TrackingError as error:
            operation.log.warn(f"cannot tell whether the state is right: {error}")
            return True
        changes = changed_fields(state, news)
        host = ownership_key(target.with_domain(state["tracking_domain"]))
        if state["web_scheme"] == "http" and host in process.restoring:
            # The certificate's resource turns https on again.
            changes = [change for change in changes if change.field.path != "web_scheme"]
            doubtful = doubtful - {"web_scheme"}
        urn = operation.log.urn
        if changes:
            # Until that is done, also in a later run.
            process.unfinished.note(key, [change.field.path for change in changes], urn)
            operation.log.info(f"{what}; will change {', '.join(map(format_change, changes))}")
        elif noted & doubtful:
            operation.log.info(f"{what}; Mailgun has what the program says")
            process.unfinished.forget(key, doubtful, urn)
        return bool(changes)

    def _read_state(self, operation: Operation, olds: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs as Mailgun has them now."""
        target = operation.target
        tracking, details = gather(
            lambda: self._read_tracking(operation),
            lambda: operation.client.get_domain(target.domain),
        )
        outputs = outputs_from(target, tracking, details, olds)
        return outputs | still_requested(olds, outputs)

    def create(self, props: dict[str, Any]) -> CreateResult:
        target = Target.from_inputs(props, "domain")
        operation = Operation.on(target)
        with operation.explaining_errors():
            known = (
                process.read_ahead.pop_fresh(operation.client, target) if self.sections else None
            )
            tracking, details = known or gather(
                lambda: operation.until_found(lambda: self._read_tracking(operation)),
                lambda: operation.until_found(lambda: operation.client.get_domain(target.domain)),
            )
            state = outputs_from(target, tracking, details, props)
            changes = changed_fields(state, props)
            refuse_prefix_of_custom_host(target.domain, state, changes)
            require_certificate_for_https(operation, state, props, changes)
            outputs = apply_changes(operation, state, props, changes, is_new=True)
        process.unfinished.finish(ownership_key(target), outputs["managed"], operation.log.urn)
        return CreateResult(target.id, outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        target = self.target_in_state(id_, props)
        operation = Operation.on(target)
        if "managed" not in props and "cname" in props:
            raise errors.InvalidInput(
                f"the state of {target.domain} does not say which fields it manages",
                advice="run `pulumi up`, which completes it",
                domain=target.domain,
            )
        calls = (
            lambda: self._read_tracking(operation),
            lambda: operation.client.get_domain(target.domain),
        )
        with operation.explaining_errors(is_from_state=True):
            results = run_concurrently(*calls)
            if any(isinstance(result, errors.DomainNotFound) for result in results):
                # Without `managed` it is `get` that reads, for which a missing domain is an error.
                if "managed" in props and operation.is_domain_gone(target.domain):
                    operation.report_gone(target.domain)
                    return ReadResult("", {})
                results = run_concurrently(*calls)
            tracking, details = map(value_or_raise, results)
        outputs = outputs_from(target, tracking, details, props)
        outputs |= still_requested(props, outputs)
        if not props.get("managed"):
            # `get` manages nothing that could be lost, and the engine compares its outputs: a state
            # from before there was an id must show no difference.
            outputs.pop("domain_id", None)
            footers = [field for field in FIELDS if field.type == "footer"]
            if "managed" not in props or any(field.get(props) is not None for field in footers):
                # `get` returns all footers; where it is refreshed, its state has them already.
                outputs.update((s, tracking[s]) for s in SECTIONS if s in tracking)
        _report_new_domain(operation, props, outputs)
        if operation.log.urn:
            process.just_read.add(operation.log.urn)
        # Without changes the engine keeps the inputs: no need to send them all again. After an
        # update that failed half-way, those in state are older than the outputs.
        in_state = inputs_in_state()
        is_same = (
            _comparable(outputs) == _comparable(props)
            and not changed_fields(outputs, in_state)
            and all(
                in_state[name] == outputs[name]
                for name in ("managed", *HOST_PROPERTIES)
                if name in in_state
            )
        )
        inputs = None if is_same else inputs_from(outputs)
        for change in changed_fields(props, in_state):
            # The engine takes what is secret from the state, which does not tell it of these.
            if change.field.type == "footer":
                outputs = with_secret(outputs, change.field)
                if inputs and not change.field.same(change.new, change.field.get(inputs)):
                    inputs = with_secret(inputs, change.field)
        return ReadResult(target.id, outputs, inputs)

    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        target = Target.from_inputs(news, "domain")
        operation = Operation.on(target)
        state = {**olds, "managed": news["managed"], **option_values(news)}
        with (
            keeping_progress(target.id, refresh_before_update=True) as progress,
            operation.explaining_errors(),
        ):
            doubtful = self._doubtful(target, news)
            is_read = bool(doubtful or missing(olds, self.always_in_state))
            if is_read:
                state = self._read_state(operation, state)
            changes = changed_fields(state, news)
            if not is_read and any(change.field.type == "footer" for change in changes):
                # Mailgun may tidy a footer up: only the old one shows if the new one was applied.
                now = operation.client.get_tracking(target.domain)
                read = {**state, "unsubscribe": now["unsubscribe"]}
                state = {**read, "asked": None, **still_requested(state, read)}
                changes = changed_fields(state, news)
            if any(change.field.section is None for change in changes):
                if not is_read:
                    # Somebody may have moved the host or changed its scheme: both matter for https.
                    state |= host_outputs(target, operation.client.get_domain(target.domain))
                    changes = changed_fields(state, news)
                refuse_prefix_of_custom_host(target.domain, state, changes)
            require_certificate_for_https(operation, state, news, changes)
            outputs = apply_changes(
                operation, state, news, changes, is_new=False, progress=progress
            )
        process.unfinished.finish(ownership_key(target), doubtful, operation.log.urn)
        _report_new_domain(operation, olds, outputs)
        if olds.get("tracking_domain") not in (None, outputs["tracking_domain"]):
            _report_kept_links(operation, olds)
        return UpdateResult(outputs)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        target = self.target_in_state(id_, props)
        operation = Operation.on(target)
        key = ownership_key(target)
        managed = fields_at(props.get("managed"))
        # What an update that was killed has turned on is this stack's as well.
        noted = fields_at([*process.unfinished.of(key)])
        active = [
            field
            for field in dict.fromkeys([*managed, *noted])
            if field.section and field.name == "active"
        ]
        owned = process.field_owners.owned_sections(key)
        kept = [str(field.section) for field in active if field.section in owned]
        if kept:
            operation.log.info(
                f"{format_tracking(kept, target.domain)} left as is: "
                "managed by another resource in this stack"
            )
        own = [field for field in active if field.section not in owned]
        # A successor that manages all of it makes up for a state that somebody has edited.
        if lacking := missing(props, self.always_in_state if own else ("managed",)):
            raise errors.InvalidInput(
                f"cannot tell what to turn off for {target.domain}",
                f"the state has no valid {lacking}",
                advice="run `pulumi refresh`, which completes it, then try again",
                domain=target.domain,
            )
        on = [
            field.section for field in own if field.section and (field.get(props) or field in noted)
        ]
        if on:
            with operation.explaining_errors(is_from_state=True):
                turn_off(operation, props, on)
            return
        manages_web = any(field.section is None for field in managed)
        if manages_web and not process.field_owners.has_owner(key):
            _report_kept_links(operation, props)

    def _read_tracking(self, operation: Operation) -> dict[str, Any]:
        return operation.client.get_tracking(operation.target.domain) if self.sections else {}

    def _report_existing(
        self,
        operation: Operation,
        inputs: Mapping[str, Any],
        managed: list[Field],
        details: DomainDetails,
    ) -> None:
        """Say what create will find at Mailgun, and what it will change."""
        # Not the inputs as check goes on to complete them.
        inputs = dict(inputs)

        def report(tracking: Mapping[str, Any]) -> None:
            state = outputs_from(operation.target, tracking, details, inputs)
            changes = changed_fields(state, inputs)
            changed = [change.field for change in changes]
            parts = []
            if changes:
                parts.append("will change " + ", ".join(map(format_change, changes)))
            if same := [field.label for field in managed if field not in changed]:
                parts.append(f"{', '.join(same)} unchanged")
            operation.log.info(f"{operation.target.domain} already exists; {'; '.join(parts)}")

        if self.sections:
            process.read_ahead.on_tracking(operation.client, operation.target, report)
        else:
            report({})


def turn_off(operation: Operation, props: Mapping[str, Any], sections: list[Section]) -> None:
    """Turn off the sections that are still as this stack left them."""
    domain = operation.target.domain
    try:
        current = operation.client.get_tracking(domain)
    except errors.DomainNotFound:
        # As careful as a refresh: a wrong key or base URL makes every domain seem to be gone.
        if operation.is_domain_gone(domain):
            operation.log.info(f"{domain} no longer exists at Mailgun; nothing was turned off")
            return
        current = operation.client.get_tracking(domain)
    key = ownership_key(operation.target)
    # What an earlier run may have changed is not somebody else's change.
    own = process.unfinished.of(key)
    calls = {
        section: call
        for section in sections
        if (call := turn_off_call(operation, props, current, section, own))
    }
    paths = [f"{section}.active" for section in calls]
    urn = operation.log.urn
    process.unfinished.note(key, paths, urn)
    off: list[str] = []
    for section, call in calls.items():
        try:
            call()
        except errors.TrackingError as error:
            if outcome_unknown(error):
                left = format_tracking([section], domain)
                error.advise(f"despite the error, Mailgun may have turned {left} off")
            elif not off:
                process.unfinished.finish(key, paths, urn)
            if off:
                error.advise(f"{format_tracking(off, domain)} turned off before that")
            raise
        off.append(section)
    if off:
        operation.log.info(f"{format_tracking(off, domain)} turned off")
    process.unfinished.finish(key, {*paths, *props["managed"]}, urn)
    # In `HttpsTracking`, its `TrackingHost` says so.
    is_part = "HttpsTracking$" in operation.log.urn
    if not is_part or any(field.section is None for field in fields_at(props["managed"])):
        _report_kept_links(operation, props)


def option_values(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The options in inputs or outputs, or their defaults."""
    return {name: properties.get(name) or choices[0] for name, choices in OPTIONS.items()}


def host_inputs(
    target: Target, inputs: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """What the tracking host will be with these inputs; unknown where an input is unknown.

    Args:
        target: the domain.
        inputs: the inputs.
        known: what it is now.
    """
    scheme = inputs.get("web_scheme")
    prefix = inputs.get("web_prefix")
    scheme = known["web_scheme"] if scheme is None else scheme
    host = known["tracking_domain"]
    if prefix is None:
        prefix = known["web_prefix"]
    elif prefix != known["web_prefix"]:
        host = UNKNOWN if prefix == UNKNOWN else f"{prefix}.{target.domain}"
    return {
        "web_scheme": scheme,
        "web_prefix": prefix,
        "tracking_domain": host,
        "cname": {"name": host, "value": known["cname"]["value"]},
    }


def check_host(
    operation: Operation, known: Mapping[str, Any], inputs: dict[str, Any]
) -> list[CheckFailure]:
    """Complete the inputs of the tracking host; refuse, or warn of, what cannot work.

    Args:
        operation: the operation.
        known: what the tracking host is now.
        inputs: the inputs, to be completed.

    Raises:
        TrackingError: that could not be found out.
    """
    # Links use a custom host whatever the web prefix is.
    refusal = custom_host_refusal(operation.target.domain, known, inputs.get("web_prefix"))
    if refusal:
        return [CheckFailure("web_prefix", refusal)]
    inputs |= host_inputs(operation.target, inputs, known)
    return refuse_https(operation, known, inputs)


def refuse_https(
    operation: Operation, known: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[CheckFailure]:
    """Refuse, or warn of, https that is to be turned on, or moved, and that cannot work.

    Args:
        operation: the operation.
        known: what the tracking host is now.
        inputs: the inputs, complete.

    Raises:
        TrackingError: that could not be found out.
    """
    names = ("web_scheme", "tracking_domain", "https_by")
    scheme, host, https_by = (inputs[name] for name in names)
    is_move = known["web_scheme"] == "https"
    if scheme != "https" or (is_move and host == known["tracking_domain"]):
        return []
    if not is_move:
        details = operation.read_new_domain(operation.target.domain)
        if details is not None and details.is_sandbox:
            return [CheckFailure("web_scheme", f"{details.name} is a sandbox domain: use http")]
    if https_by != "mailgun" or host == UNKNOWN:
        return []
    certified = {ownership_key(operation.target.with_domain(host)), None} & process.certified
    error = None if certified else certificate_missing(operation, host, is_move=is_move)
    if error:
        operation.log.warn(f"`pulumi up` will fail: {error}")
    return []


def outputs_from(
    target: Target,
    tracking: Mapping[str, Any],
    details: DomainDetails,
    props: Mapping[str, Any],
) -> dict[str, Any]:
    """What Mailgun said about a domain, as outputs.

    Args:
        target: the domain.
        tracking: its tracking settings, or those that are managed.
        details: its web scheme, web prefix and CNAME.
        props: the inputs, or the outputs so far: for what Mailgun does not know.
    """
    outputs: dict[str, Any] = {
        "domain": target.domain,
        **identity_outputs(target),
        **{section: dict(tracking[section]) for section in SECTIONS if section in tracking},
        **host_outputs(target, details),
        "managed": list(props.get("managed") or []),
        **option_values(props),
    }
    return without_unmanaged_footers(outputs)


def inputs_from(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that belong to outputs: the managed fields, and what check adds."""
    names = ("domain", *IDENTITY, *OPTIONS, "managed", *HOST_PROPERTIES)
    inputs = {name: outputs[name] for name in names}
    for field in fields_at(outputs["managed"]):
        if field.section:
            value = field.get(outputs)
            requested = (outputs.get("asked") or {}).get(field.path)
            if requested is not None and field.type != "footer":
                value = requested
            inputs.setdefault(field.section, {})[field.name] = value
    return inputs


def with_secret(properties: Mapping[str, Any], field: Field) -> dict[str, Any]:
    """Inputs or outputs with a field of a section as a secret, if it is there."""
    section, value = str(field.section), field.get(properties)
    if value is None:
        return dict(properties)
    return {**properties, section: {**properties[section], field.name: secret(value)}}


def _warn_of_footers(
    operation: Operation,
    olds: Mapping[str, Any],
    inputs: Mapping[str, Any],
    managed: list[Field],
) -> None:
    """Warn of new footers without an unsubscribe link, which Mailgun accepts."""
    for field in managed:
        footer = field.get(inputs)
        is_new = not field.same(field.get(olds), footer)
        if field.type == "footer" and is_new and lacks_unsubscribe_link(footer):
            operation.log.warn(
                f"{field.label} of {operation.target.domain} has no unsubscribe link; "
                "it contains none of " + ", ".join(UNSUBSCRIBE_URLS)
            )


def _report_released(operation: Operation, olds: Mapping[str, Any], managed: list[Field]) -> None:
    """Say which fields are no longer managed, and what they are left at."""
    for field in fields_at(olds.get("managed")):
        if field not in managed:
            left = format_value(field, field.get(olds))
            domain = operation.target.domain
            operation.log.info(f"{field.label} of {domain} is no longer managed; left at {left}")


def _comparable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without what older states lack, or have more of."""
    own = own_properties(without_unmanaged_footers(properties))
    own.pop("domain_id", None)
    return own


def _report_new_domain(
    operation: Operation, olds: Mapping[str, Any], outputs: Mapping[str, Any]
) -> None:
    """Say that a domain of the same name is not the one it was before."""
    before, now = olds.get("domain_id"), outputs.get("domain_id")
    if before and now and before != now:
        operation.log.info(
            f"{operation.target.domain} was deleted and recreated at Mailgun; "
            "`pulumi up --refresh` restores what it lost"
        )


def _report_kept_links(operation: Operation, olds: Mapping[str, Any]) -> None:
    """Say what the CNAME record of a tracking domain is still needed for."""
    operation.log.info(
        f"links in mail already sent use {olds.get('tracking_domain', 'its tracking domain')}; "
        "keep its CNAME record for as long as that mail is read"
    )


def format_tracking(sections: Sequence[str], domain: str) -> str:
    """Kinds of tracking, for a message: ``open and click tracking of mg.example.com``."""
    *others, last = sections
    kinds = f"{', '.join(others)} and {last}" if others else last
    return f"{kinds} tracking of {domain}"


def format_change(change: FieldChange) -> str:
    """A change in a few words; of a footer, which may be a secret, only the length."""
    if change.new == UNKNOWN:
        return f"{change.field.label} (not known yet)"
    old = format_value(change.field, change.old)
    return f"{change.field.label} {old} => {format_value(change.field, change.new)}"


def format_value(field: Field, value: object) -> str:
    """A field's value as a program's reader would write it; of a footer only the length."""
    if field.type == "footer":
        return f"{len(str(value))} characters" if value else "none"
    if value is None:
        return "unknown"
    return str(value).lower() if isinstance(value, bool) else str(value)
