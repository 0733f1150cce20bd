"""`HttpsTracking`: DNS record, certificate and HTTPS tracking, in the order that works."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pulumi

from ._api.models import normalize_domain
from ._provider.constructors import refuse_bad_call, sendable
from ._provider.identity import IDENTITY
from ._provider.options import known_paths
from ._provider.program_process import point_to_program
from ._provider.validation import type_name
from .arguments import ClickInput, OpenInput, UnsubscribeInput
from .domain_tracking import HOST_PROPERTIES, PROPERTIES, DomainTracking
from .errors import InvalidInput
from .lookups import TrackingDomainResult, get_tracking_domain_output
from .tracking_certificate import TrackingCertificate
from .tracking_host import TrackingHost


class TrackingRecord:
    """The CNAME record that Mailgun expects for a tracking domain, to create as a DNS resource.

    Attributes:
        name: the record's full name, without a trailing dot.
        value: what it has to point to, without a trailing dot.
    """

    def __init__(self, name: pulumi.Output[str], value: pulumi.Output[str]) -> None:
        self.name = name
        self.value = value

    def relative_to(self, zone: pulumi.Input[str]) -> pulumi.Output[str]:
        """The record's name relative to a zone, as Azure DNS and DigitalOcean expect it.

        Args:
            zone: the zone's name, for example ``example.com``.

        Raises:
            InvalidInput: the record is not in that zone.
        """
        return pulumi.Output.all(self.name, zone).apply(lambda known: _label(*known))


def _label(name: str, zone: str) -> str:
    zone = normalize_domain(zone)
    if not name.endswith(f".{zone}"):
        raise InvalidInput(f"the record {name} is not in the zone {zone}", domain=name)
    return name[: -len(zone) - 1]


def _once_created(
    domain: pulumi.Input[str], opts: pulumi.ResourceOptions | None
) -> pulumi.Input[str]:
    """A domain that depends on everything in `depends_on`.

    An update waits for it. A preview does not: it creates nothing, and a record that is known stays
    known. The dependencies are the same in both, as the engine needs them to be.
    """
    if opts is None or opts.depends_on is None:
        return domain
    depends_on: pulumi.Output[Any] = pulumi.Output.from_input(opts.depends_on)
    created: pulumi.Output[list[Any]] = depends_on.apply(
        lambda resources: pulumi.Output.all(*_urns(resources))
    )
    both: pulumi.Output[list[Any]] = pulumi.Output.all(domain, created)
    if pulumi.runtime.is_dry_run():
        known: pulumi.Output[str] = pulumi.Output.from_input(domain)
        future = cast("Awaitable[str]", known.future())
        return pulumi.Output(both.resources(), future, known.is_known(), known.is_secret())
    return both.apply(lambda values: values[0])


def _without_dependencies(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """A value without the resources that it comes from; it is still known only after they are.

    If one of these is deleted and recreated, the engine does the same to everything whose inputs
    depend on it. Creating the record would then fail, because the old one is still there.
    """
    future = cast("Awaitable[str]", value.future())
    return pulumi.Output(set(), future, value.is_known(), value.is_secret())


def _urns(resources: Any) -> list[pulumi.Output[str]]:
    """The URNs of resources, known once they are created; those below a component for it."""
    # The SDK has no public names for a component's children, nor for a remote component.
    if isinstance(resources, pulumi.ComponentResource) and not getattr(resources, "_remote", False):
        resources = getattr(resources, "_childResources", ())
    if isinstance(resources, pulumi.Resource):
        return [resources.urn]
    return [urn for resource in resources for urn in _urns(resource)]


NAMES_OF_RECORDS = ("name", "subdomain")
"""What the providers that rename records in place call a record's name."""

CnameFactory = Callable[[TrackingRecord, pulumi.ResourceOptions], pulumi.Resource]
"""Creates the DNS resource of a tracking CNAME, with the options that it is given."""


class HttpsTracking(pulumi.ComponentResource):
    """A sending domain whose tracking links use HTTPS, with everything this requires.

    It finds the CNAME record that Mailgun expects and passes it to `cname`, which creates the DNS
    resource. Then it gets the certificate, and only then switches the web scheme to https. The
    other settings do not wait for any of this, so that a broken certificate never holds them up.
    Children: the DNS resource, a `TrackingCertificate`, a `DomainTracking` for the settings, and
    a `.TrackingHost` for the web scheme and prefix.

    Links in mail already sent point to the tracking domain for as long as that mail is read. So
    nothing deletes or renames the CNAME record: neither removing the component, nor another web
    prefix, nor another `cname` function. If the record already exists, some DNS providers refuse to
    create it: import it, or leave `cname` out to use it as it is.

    Args:
        resource_name: the resource's name in the stack; its children have the same name.
        domain: the sending domain. Where the same program creates it, pass that resource's output,
            or its name with the resource in ``depends_on``.
        cname: creates the DNS resource of the record that it is given, with the options that it is
            given, which carry the parent and must be used. Without it, the record must exist.
        open: as for `DomainTracking`.
        click: as for `DomainTracking`.
        unsubscribe: as for `DomainTracking`.
        web_prefix: the first label of the tracking domain; not managed unless given.
        delete_record: whether destroy, or a change of the prefix, removes the CNAME record from
            DNS; false by default. Its value in the last ``pulumi up`` before that counts.
        timeout: seconds to wait for the CNAME to become visible and the certificate to be issued;
            600 by default.
        account: as for `DomainTracking`.
        region: as for `DomainTracking`.
        subaccount: as for `DomainTracking`.
        opts: Pulumi's resource options; ``ignore_changes`` is passed on to the `DomainTracking`
            and the `.TrackingHost`.

    Raises:
        InvalidInput: ``delete_record`` is not a boolean, or another argument is of a type that
            cannot be used. Or `cname` is not a function of the record and the options, failed, did
            not return a resource, or did not use the options.
    """

    record: TrackingRecord
    """The CNAME record that Mailgun expects."""
    cname: pulumi.Resource | None
    """What `cname` returned, or None."""
    certificate: TrackingCertificate
    """The certificate of the tracking domain."""
    tracking: DomainTracking
    """The domain's tracking settings.

    Its ``web_scheme``, ``web_prefix``, ``tracking_domain`` and ``cname`` are as they were when it
    was last changed or refreshed, which may be before https was turned on: use those of `host`.
    """
    host: TrackingHost
    """The domain's web scheme and prefix."""
    tracking_domain: pulumi.Output[str]
    """The host of rewritten links."""
    web_scheme: pulumi.Output[str]
    """``https``, once everything is done."""

    def __init__(
        self,
        resource_name: str,
        domain: pulumi.Input[str],
        *,
        cname: CnameFactory | None = None,
        open: OpenInput | None = None,
        click: ClickInput | None = None,
        unsubscribe: UnsubscribeInput | None = None,
        web_prefix: pulumi.Input[str] | None = None,
        delete_record: bool = False,
        timeout: pulumi.Input[float] | None = None,
        account: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        subaccount: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        refuse_bad_call("HttpsTracking", resource_name, opts)
        where = f"HttpsTracking {resource_name}"
        if not isinstance(delete_record, bool):
            given = type_name(delete_record)
            raise InvalidInput(f"{where}: delete_record must be True or False, not {given}")
        for name in ("domain", "web_prefix", "timeout", *IDENTITY):
            sendable(name, locals()[name], where)
        point_to_program()
        super().__init__("mailgun-tracking:index:HttpsTracking", resource_name, None, opts)
        identity: dict[str, Any] = {"account": account, "region": region, "subaccount": subaccount}
        found = get_tracking_domain_output(_once_created(domain, opts), **identity)
        host = pulumi.Output.all(found, web_prefix).apply(
            lambda known: (
                known[0].tracking_domain
                if not known[1] or known[1] == known[0].web_prefix
                else f"{known[1]}.{known[0].domain}"
            )
        )
        value = found.apply(lambda known: known.cname_value)
        self.record = TrackingRecord(_without_dependencies(host), _without_dependencies(value))
        self.cname = self._make_record(resource_name, cname, delete_record) if cname else None
        if isinstance(self.cname, pulumi.CustomResource) and pulumi.runtime.is_dry_run():
            has_id = cast("Awaitable[bool]", self.cname.id.is_known())
            known: pulumi.Output[list[Any]] = pulumi.Output.all(found, self.record.name, has_id)
            known.apply(lambda values: self._say_if_it_exists(*values))
        self.certificate = TrackingCertificate(
            resource_name,
            host,
            timeout=timeout,
            move_domain=web_prefix is not None or None,
            **identity,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self.cname] if self.cname else None
            ),
        )
        given = opts.ignore_changes if opts else None
        ignored = known_paths(given, f"HttpsTracking {resource_name}", PROPERTIES)
        # In a state from before there was a `TrackingHost`, the settings have its fields as well.
        of_settings = [path for path in ignored or () if path not in HOST_PROPERTIES]
        self.tracking = DomainTracking(
            resource_name,
            domain,
            open=open,
            click=click,
            unsubscribe=unsubscribe,
            **identity,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=of_settings),
        )
        self.host = TrackingHost(
            resource_name,
            domain,
            web_scheme="https",
            web_prefix=web_prefix,
            **identity,
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[self.certificate], ignore_changes=ignored
            ),
        )
        self.tracking_domain = self.host.tracking_domain
        self.web_scheme = self.host.web_scheme
        self.register_outputs(
            {
                "tracking_domain": self.tracking_domain,
                "web_scheme": self.web_scheme,
                "certificate_valid_until": self.certificate.not_after,
                # For policies, which do not see the record's resource options.
                **({"delete_record": True} if delete_record else {}),
            }
        )

    def _say_if_it_exists(self, found: TrackingDomainResult, host: str, is_there: bool) -> None:
        """Say in a preview that a record which is about to be created already exists.

        Args:
            found: what Mailgun says.
            host: the record's name.
            is_there: whether the stack has the record already.
        """
        if found.cname_is_valid and host == found.cname_name and not is_there:
            pulumi.log.info(
                f"the CNAME record {host} already exists; if your DNS provider refuses to "
                "create it, import it or leave out `cname`",
                resource=self,
            )

    def _make_record(self, name: str, cname: CnameFactory, delete_record: bool) -> pulumi.Resource:
        options = pulumi.ResourceOptions(
            parent=self,
            retain_on_delete=not delete_record,
            # What stays cannot be deleted first: the engine would only believe that it is gone, and
            # create it again on every `up` from then on, also with the old program. And what does
            # not stay is in use until the links have moved.
            delete_before_replace=False,
            # Some providers would rename the record, and links in sent mail use the old name.
            replace_on_changes=list(NAMES_OF_RECORDS),
        )
        resource = _call_cname(name, cname, self.record, options)
        if not isinstance(resource, pulumi.Resource):
            raise InvalidInput(
                f"the cname function of {name} must return the DNS resource it creates, "
                f"not {type_name(resource)}"
            )
        # The SDK has no public name for a component's children.
        if resource not in getattr(self, "_childResources", ()):
            raise InvalidInput(
                f"the cname function of {name} must create the DNS resource "
                "with the options it is given",
                advice="pass them on as opts=opts; otherwise destroy would delete the record",
            )
        return resource


def _call_cname(
    name: str, cname: CnameFactory, record: TrackingRecord, options: pulumi.ResourceOptions
) -> object:
    """Call the function, with its errors on one line."""
    if not callable(cname):
        raise InvalidInput(f"cname of {name} must be a function, not {type_name(cname)}")
    try:
        inspect.signature(cname).bind(record, options)
    except TypeError as error:
        raise InvalidInput(
            f"the cname function of {name} must take two arguments, "
            "the record and the resource options",
            str(error),
        ) from None
    try:
        return cname(record, options)
    except pulumi.RunError:
        raise
    except Exception as error:
        # Where the function itself was: the error may come from deep inside a DNS provider.
        place = traceback.extract_tb(error.__traceback__, limit=2)[-1]
        raise InvalidInput(
            f"the cname function of {name} failed "
            f"at line {place.lineno} of {Path(place.filename).name}",
            f"{type(error).__name__}: {error}",
        ) from error
