"""`DomainTracking`: how Mailgun tracks the mail of one sending domain."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.runtime.rpc import UNKNOWN

from . import errors
from .arguments import (
    ClickInput,
    ClickTracking,
    Cname,
    OpenInput,
    OpenTracking,
    UnsubscribeInput,
    UnsubscribeTracking,
    canonical,
    managed_fields,
    value_at,
)
from .declared import declared
from .models import (
    FOOTERS,
    SECTIONS,
    DomainDetails,
    Target,
    normalize_domain,
    parse_id,
)
from .plugin_process import Row, current_urn
from .provider import (
    CHECK_DEADLINE,
    IDENTITY,
    Call,
    MailgunProvider,
    all_of,
    check_failures,
    differing_identity,
    effective_target,
    id_option,
    identity_inputs,
    key_problems,
    misplaced,
    one_line_errors,
    own_properties,
    place_of,
    plain_unknowns,
    prepare_options,
    read_domain_for_check,
    recorded_target,
    refuse_to_read_with_old_sdk,
    together,
)
from .reads import reads
from .tracking_changes import (
    Change,
    apply_changes,
    deletion,
    differing_fields,
    host_of,
    refuse_https_without_certificate,
)
from .tracking_problems import problems

HOST = ("web_scheme", "web_prefix", "tracking_domain", "cname")
"""What a domain's tracking host is; kept in the inputs, so that a preview knows it."""


class DomainTracking(Resource, module="mailgun", name="DomainTracking"):
    """Open, click and unsubscribe tracking of a sending domain, its web scheme and web prefix.

    Only what is mentioned is managed, field by field; what is not is left as it is at Mailgun.
    A domain is adopted as it stands: what differs is changed, and the rest takes no call.

    Endpoints: ``GET /v3/domains/{name}/tracking``, ``PUT`` of its ``click``, ``open`` and
    ``unsubscribe``, ``GET`` and ``PUT /v4/domains/{name}``, and, when https is turned on,
    ``GET /v2/x509/{domain}/status``.

    Args:
        resource_name: the resource's name in the stack.
        domain: the sending domain, which exists at Mailgun. Another one replaces the resource.
        open: open tracking: `OpenTrackingArgs`, a dict of its fields, or true or false for
            ``active`` alone.
        click: click tracking: `ClickTrackingArgs`, a dict, or true, false or ``"htmlonly"``.
        unsubscribe: unsubscribe tracking: `UnsubscribeTrackingArgs`, a dict, or true or false.
        web_scheme: ``"http"`` or ``"https"``, of the rewritten links. https is turned on only over
            an active certificate (see `https_by`).
        web_prefix: the first label of the tracking domain (``email`` at Mailgun). The CNAME of the
            new tracking domain has to exist; links in mail already sent stay at the old one.
        https_by: who ends TLS: ``"mailgun"`` (default), with a `TrackingCertificate`, or
            ``"proxy"``, your own CDN before the tracking domain; then no certificate is asked for.
        account: the name of another account, whose key is in ``mailgun-tracking:accounts`` or
            ``MAILGUN_API_KEY_NAME``. Another one replaces the resource.
        region: ``"us"`` or ``"eu"``; by default ``mailgun-tracking:region``, ``MAILGUN_REGION``, or
            us. Another one replaces the resource.
        subaccount: a subaccount's id; by default ``mailgun-tracking:subaccount`` or
            ``MAILGUN_SUBACCOUNT``. Another one replaces the resource.
        opts: Pulumi's resource options. ``import_`` and ``custom_timeouts`` have no effect on
            dynamic resources: the first is refused, the second warned of.

    Raises:
        ConfigurationError: a key stands in clear in the stack's configuration.
        InvalidInput: ``import_`` was given.
    """

    domain: pulumi.Output[str]
    """The sending domain."""
    open: pulumi.Output[OpenTracking]
    """Open tracking as Mailgun has it, managed or not."""
    click: pulumi.Output[ClickTracking]
    """Click tracking as Mailgun has it, managed or not."""
    unsubscribe: pulumi.Output[UnsubscribeTracking]
    """Unsubscribe tracking as Mailgun has it, managed or not."""
    web_scheme: pulumi.Output[str]
    """``http`` or ``https``."""
    web_prefix: pulumi.Output[str]
    """The first label of the tracking domain."""
    tracking_domain: pulumi.Output[str]
    """The host of rewritten links, ``web_prefix.domain``."""
    cname: pulumi.Output[Cname]
    """The CNAME record that Mailgun wants for the tracking domain: its name and value."""
    https_by: pulumi.Output[str]
    """Who ends TLS: ``mailgun`` or ``proxy``."""
    managed: pulumi.Output[list]  # type: ignore[type-arg]
    """The paths of the fields that the program mentions, as in ``click.active``."""
    account: pulumi.Output[str]
    """The name of the account in use."""
    region: pulumi.Output[str]
    """The region in use."""
    subaccount: pulumi.Output[str]
    """The subaccount in use, or an empty text."""

    def __init__(
        self,
        resource_name: str,
        domain: pulumi.Input[str],
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
        props = {
            "domain": domain,
            "open": canonical("open", open),
            "click": canonical("click", click),
            "unsubscribe": canonical("unsubscribe", unsubscribe),
            "web_scheme": web_scheme,
            "web_prefix": web_prefix,
            "https_by": https_by,
            "account": account,
            "region": region,
            "subaccount": subaccount,
            "tracking_domain": None,
            "cname": None,
            "managed": None,
        }
        opts = prepare_options(opts, "DomainTracking", "DOMAIN")
        opts.ignore_changes = ignorable(opts.ignore_changes, props)
        super().__init__(DomainTrackingProvider(), resource_name, props, opts)

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
            account: the name of another account than the default one.
            opts: Pulumi's resource options.

        Raises:
            DomainNotFound: in the resource's row, where Mailgun has no such domain.
        """
        refuse_to_read_with_old_sdk("DomainTracking")
        domain = pulumi.Output.from_input(id).apply(lambda known: parse_id(known).domain)
        return cls(resource_name, domain, account=account, opts=id_option(opts, id))


class DomainTrackingProvider(MailgunProvider):
    """The provider of `DomainTracking`. Its import path is in every state: it stays for ever."""

    @one_line_errors
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        news = without_computed(olds, plain_unknowns(news))
        failures = problems(news)
        inputs = dict(news)
        if failures:
            return CheckResult(inputs, failures)
        inputs |= identity_inputs(news, "domain")
        inputs.setdefault("https_by", "mailgun")
        unknown = UNKNOWN in (news.get(kind) for kind in SECTIONS)
        inputs["managed"] = UNKNOWN if unknown else managed_fields(news)
        target = effective_target(inputs, "domain")
        if target is None:
            return CheckResult(inputs, [])
        if failures := key_problems(target):
            return CheckResult(inputs, failures)
        row = Row(current_urn())
        failures = declared.add(row.urn, place_of(target), inputs["managed"])
        if olds and differing_identity(olds, inputs, "domain"):
            # A replacement: the engine checks it once more, as a new resource.
            return CheckResult(inputs, failures)
        if not unknown:
            tell_released(row, olds, inputs)
        known = {name: olds[name] for name in HOST if name in olds}
        if len(known) == len(HOST):
            reads.settled(target)
            inputs |= host_inputs(target, news, known)
            return CheckResult(inputs, failures)
        try:
            call = Call.about(target, deadline=CHECK_DEADLINE)
        except errors.ConfigurationError as error:
            return CheckResult(inputs, [CheckFailure("", str(error))])
        try:
            reads.start(call.client, target, "tracking", "details")
            details = read_domain_for_check(call)
            if details is not None:
                inputs |= host_inputs(target, news, host_of(target, details))
                if not olds:
                    tell_overwritten(call, inputs, details)
            else:
                failures += misplaced(call, target.domain)
        except errors.TrackingError as error:
            failures += check_failures(call, error)
        return CheckResult(inputs, failures)

    @one_line_errors
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return difference(olds, plain_unknowns(news))

    @one_line_errors
    def create(self, props: dict[str, Any]) -> CreateResult:
        target = target_of(props)
        call = Call.about(target)
        with call.explained():
            before, details = reads.take(target) or all_of(
                lambda: call.until_found(lambda: call.client.get_tracking(target.domain)),
                lambda: call.until_found(lambda: call.client.get_domain(target.domain)),
            )
            state = recorded(target, before, details)
            state |= {"managed": props["managed"], "https_by": props["https_by"]}
            changes = differing_fields(state, props)
            refuse_https_without_certificate(call, state, props, changes)
            outputs = apply_changes(call, state, changes, undo=True)
        return CreateResult(target.id, outputs)

    @one_line_errors
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        target = recorded_target(id_, props, "domain")
        call = Call.about(target)
        with call.explained(recorded_key=True):
            looks = (
                lambda: call.client.get_tracking(target.domain),
                lambda: call.client.get_domain(target.domain),
            )
            tracking, details = together(*looks, one_by_one=call.client.answers_at_once)
            missing = [a for a in (tracking, details) if isinstance(a, errors.DomainNotFound)]
            in_state = "managed" in props  # else it is `get` that asks, for which gone is an error
            if missing and in_state and call.is_domain_gone(target.domain):
                return ReadResult("", {})
            if missing:
                tracking, details = all_of(*looks)
            for answer in (tracking, details):
                if isinstance(answer, errors.TrackingError):
                    raise answer
        outputs = recorded(target, tracking, details)
        outputs |= {
            "managed": list(props.get("managed") or []),
            "https_by": props.get("https_by") or "mailgun",
        }
        outputs |= still_asked(props, outputs)
        # Where nothing has changed the engine keeps the inputs: no need to send them all again.
        inputs = None if outputs == own_properties(props) else recorded_inputs(outputs)
        return ReadResult(target.id, outputs, inputs)

    @one_line_errors
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        call = Call.about(target_of(news))
        state = dict(olds)
        state |= {"managed": news["managed"], "https_by": news["https_by"]}
        changes = differing_fields(state, news)
        with call.explained():
            if any(change.kind == "web" for change in changes):
                # Others may have moved the host or its scheme since, and both decide about https.
                state |= host_of(call.target, call.client.get_domain(call.target.domain))
                changes = differing_fields(state, news)
            refuse_https_without_certificate(call, state, news, changes)
            outputs = apply_changes(call, state, changes, undo=False)
        if outputs["tracking_domain"] != olds["tracking_domain"]:
            tell_links_stay(call.row, olds)
        return UpdateResult(outputs)

    @one_line_errors
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        target = recorded_target(id_, props, "domain")
        row = Row(current_urn())
        kinds = [k for k in SECTIONS if f"{k}.active" in (props.get("managed") or [])]
        place = place_of(target)
        kept = declared.kinds_kept(place, kinds)
        if kept:
            row.tell(f"{', '.join(kept)} tracking left as it is: this stack declares it")
        kinds = [k for k in kinds if k not in kept and value_at(props, f"{k}.active")]
        if not kinds:
            web = {"web_scheme", "web_prefix"} & set(props.get("managed") or [])
            if web and not declared.declares(place):
                tell_links_stay(row, props)
            return
        call = Call.about(target)
        with call.explained(recorded_key=True):
            try:
                now = call.until_found(lambda: call.client.get_tracking(target.domain))
                all_of(*[turn_off for k in kinds if (turn_off := deletion(call, props, now, k))])
                tell_links_stay(row, props)
            except errors.DomainNotFound:
                row.tell(f"{target.domain} is not at Mailgun any more: nothing to turn off")


def target_of(inputs: Mapping[str, Any]) -> Target:
    """Whom checked inputs are about."""
    return Target(
        inputs["account"],
        inputs["region"],
        inputs["subaccount"],
        normalize_domain(inputs["domain"]),
    )


def ignorable(paths: list[str] | None, props: Mapping[str, Any]) -> list[str] | None:
    """Paths to ignore, without those of computed properties that the program does not mention.

    The engine would fill them in from the old inputs, as if the program had mentioned them.
    """
    unmentioned = {name for name in (*HOST, "managed") if props.get(name) is None}
    return paths and [path for path in paths if re.split(r"[.[]", path)[0] not in unmentioned]


def without_computed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs without what `ignore_changes` of everything took over from the old ones.

    What check has computed is not the program's, and does not become managed by that.
    """
    if not olds or "managed" not in news:
        return dict(news)
    computed = {"managed", *(name for name in HOST if name not in olds["managed"])}
    return {name: value for name, value in news.items() if name not in computed}


def host_inputs(
    target: Target, news: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """What the tracking host will be with these inputs; unknown where an input is unknown."""
    scheme = news.get("web_scheme")
    prefix = news.get("web_prefix")
    scheme = known["web_scheme"] if scheme is None else scheme
    prefix = known["web_prefix"] if prefix is None else prefix
    host = UNKNOWN if prefix == UNKNOWN else f"{prefix}.{target.domain}"
    return {
        "web_scheme": scheme,
        "web_prefix": prefix,
        "tracking_domain": host,
        "cname": {"name": host, "value": known["cname"]["value"]},
    }


def tell_released(row: Row, olds: Mapping[str, Any], inputs: Mapping[str, Any]) -> None:
    """Say which fields the program has let go of, and how they are left."""
    released = [path for path in olds.get("managed") or [] if path not in inputs["managed"]]
    for path in released:
        value = value_at(olds, path)
        left = spelled(value) if not path.endswith(FOOTERS) else f"{len(str(value))} characters"
        row.tell(f"{short_name(path)} is no longer managed; left at {left}")


def tell_overwritten(call: Call, inputs: Mapping[str, Any], details: DomainDetails) -> None:
    """Say what create will find at Mailgun, and what it will change of it."""
    if inputs["managed"] in (UNKNOWN, []):
        return

    def tell(tracking: Mapping[str, Any]) -> None:
        state = recorded(call.target, tracking, details)
        changes = {change.path: change for change in differing_fields(state, inputs)}
        same = [short_name(path) for path in inputs["managed"] if path not in changes]
        parts = [described(change) for change in changes.values()]
        if same:
            parts.append(f"{', '.join(same)} already so")
        call.row.tell(f"{call.target.domain} exists: {'; '.join(parts)}")

    reads.tell_tracking(call.client, call.target, tell)


def described(change: Change) -> str:
    """A change in a few words; a footer's text, which may be a secret, only by its length."""
    if change.new == UNKNOWN:
        return f"{short_name(change.path)} not known yet"
    if change.field in FOOTERS:
        return f"{change.field} replaced ({len(change.new)} characters)"
    return f"{short_name(change.path)} {spelled(change.old)} => {spelled(change.new)}"


def short_name(path: str) -> str:
    """A field as people call it: ``click`` for ``click.active``."""
    return path[: -len(".active")] if path.endswith(".active") else path


def tell_links_stay(row: Row, olds: Mapping[str, Any]) -> None:
    """Say what a CNAME record is still good for, when its tracking domain is given up."""
    row.tell(
        f"links in mail already sent go through {olds['tracking_domain']}: "
        "they need its CNAME record for as long as that mail is read"
    )


def spelled(value: object) -> str:
    """A value as a program's reader would write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def difference(olds: Mapping[str, Any], news: Mapping[str, Any]) -> DiffResult:
    """What inputs change of a state; pure.

    No change where every managed field is as Mailgun said, whatever the spelling. Else it is left
    to the engine to tell which properties differ.
    """
    replaces = differing_identity(olds, news, "domain")
    if replaces:
        return DiffResult(replaces=replaces)
    managed = news.get("managed")
    if (
        managed == UNKNOWN
        or set(managed or []) != set(olds.get("managed") or [])
        or news.get("https_by") != olds.get("https_by")
        or differing_fields(olds, news)
    ):
        return DiffResult()
    return DiffResult(changes=False)


def recorded(target: Target, tracking: Mapping[str, Any], details: DomainDetails) -> dict[str, Any]:
    """What Mailgun said of a domain, as outputs."""
    return {
        "domain": target.domain,
        "account": target.account,
        "region": target.region,
        "subaccount": target.subaccount,
        **{kind: dict(tracking[kind]) for kind in SECTIONS},
        **host_of(target, details),
    }


def recorded_inputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that outputs stand for: the managed fields, and what check adds."""
    inputs = {name: outputs[name] for name in ("domain", *IDENTITY, "https_by", "managed", *HOST)}
    for path in outputs["managed"]:
        kind, _, field = path.partition(".")
        if field:
            asked = (outputs.get("asked") or {}).get(path)
            value = value_at(outputs, path) if asked is None else asked
            inputs.setdefault(kind, {})[field] = value
    return inputs


def still_asked(props: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for and reads back otherwise, as long as it reads back the same."""
    asked = {
        path: value
        for path, value in (props.get("asked") or {}).items()
        if value_at(props, path) == value_at(outputs, path)
    }
    return {"asked": asked} if asked else {}
