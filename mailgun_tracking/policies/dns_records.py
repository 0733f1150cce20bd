"""Rules about the CNAME record of a tracking domain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pulumi_policy import PolicyResource, Severity

from .._api.models import CNAME_VALUES
from .https import has_own_host
from .reading import at, canonical, domain_at, not_known, read_all, text, type_of
from .rule import Find, ResourceRule, Settings, StackRule, Subject
from .types import DOMAIN_TRACKING, HTTPS_TRACKING, TRACKING_HOST

CLOUDFLARE = ("cloudflare:index/dnsRecord:DnsRecord", "cloudflare:index/record:Record")


class Record(NamedTuple):
    """A DNS record, as a provider's resource says it."""

    name: str
    type: str
    target: str


def _first(values: object) -> str:
    return str(values[0]) if isinstance(values, Sequence) and values else ""


def _cloudflare(props: Mapping[str, Any]) -> Record:
    # Older versions of the provider say `value`, and may have a name relative to the zone.
    name = text(props, "hostname") or text(props, "name")
    return Record(name, text(props, "type"), text(props, "content") or text(props, "value"))


def _route53(props: Mapping[str, Any]) -> Record:
    aliases = at(props, "aliases")
    target = text(aliases[0], "name") if aliases else _first(at(props, "records"))
    return Record(text(props, "name"), text(props, "type"), target)


def _google(props: Mapping[str, Any]) -> Record:
    return Record(text(props, "name"), text(props, "type"), _first(at(props, "rrdatas")))


def _azure(props: Mapping[str, Any]) -> Record:
    # The outputs have `fqdn` and a type with a prefix, the inputs the names in the zone.
    name = text(props, "fqdn") or _in_zone(
        text(props, "relativeRecordSetName"), text(props, "zoneName")
    )
    type_ = text(props, "recordType") or text(props, "type").rpartition("/")[2]
    target = text(props, "cnameRecord", "cname") or text(props, "targetResource", "id")
    return Record(name, type_, target)


def _digitalocean(props: Mapping[str, Any]) -> Record:
    name = _in_zone(text(props, "name"), text(props, "domain"))
    return Record(name, text(props, "type"), text(props, "value"))


def _in_zone(label: str, zone: str) -> str:
    return f"{label}.{zone}" if zone else label


READERS: Mapping[str, Callable[[Mapping[str, Any]], Record]] = {
    **dict.fromkeys(CLOUDFLARE, _cloudflare),
    "aws:route53/record:Record": _route53,
    "gcp:dns/recordSet:RecordSet": _google,
    "azure-native:dns:RecordSet": _azure,
    "azure-native:network:RecordSet": _azure,
    "digitalocean:index/dnsRecord:DnsRecord": _digitalocean,
}
"""How to read the DNS records of each provider, by type."""


def read_record(resource: Subject) -> Record | None:
    """The DNS record that a resource is, or None where it is something else.

    Raises:
        UnknownValueError: it is not known yet.
    """
    # Azure's types may name a version of its API.
    read = READERS.get(re.sub(r"/v\d\w+:", ":", resource.resource_type))
    if not read:
        return None
    record = read(resource.props)
    return Record(canonical(record.name), record.type, canonical(record.target))


def _proxied(subject: Subject, _settings: Settings) -> Iterator[str]:
    if at(subject.props, "proxied") is not True:
        return
    is_part = type_of(subject.opts.parent) == HTTPS_TRACKING
    if is_part or canonical(_cloudflare(subject.props).target) in CNAME_VALUES.values():
        yield "the record is proxied, so Cloudflare answers in Mailgun's place"


def _fix_proxied(props: Any, _settings: Settings) -> bool:
    props["proxied"] = False
    return True


def _leads_elsewhere(resources: Sequence[PolicyResource]) -> Find:
    read, unknown = read_all(resources, read_record)
    records = [one for one in read if one and one.type in ("CNAME", "A", "AAAA")]

    def find(subject: Subject, _settings: Settings) -> Iterator[str]:
        props = subject.props
        if not has_own_host(subject) or at(props, "https_by") == "proxy":
            return
        host, wanted = domain_at(props, "cname", "name"), domain_at(props, "cname", "value")
        if not host:
            raise not_known("cname")
        for record in records:
            if record.name != host or record.target == wanted:
                continue
            # A CNAME without a target has one for each region or weight, which is not looked at.
            if record.target or record.type != "CNAME":
                now = f"{record.type} {record.target}".rstrip()
                yield f"{host} is {now}, and should be CNAME {wanted}"
        if unknown:
            raise unknown

    return find


def _deleted(subject: Subject, _settings: Settings) -> Iterator[str]:
    if at(subject.props, "delete_record"):
        yield "delete_record is set, so destroying the component deletes the record"


RULES = (
    ResourceRule(
        "cname-not-proxied",
        "The CNAME is not proxied",
        "Cloudflare must not proxy the CNAME record of a tracking domain.",
        Severity.HIGH,
        "Set proxied=False. If Cloudflare is meant to terminate TLS, set "
        'https_by="proxy" for the domain, and name the record in the setting `except`.',
        CLOUDFLARE,
        find=_proxied,
        fix=_fix_proxied,
    ),
    StackRule(
        "cname-to-mailgun",
        "The CNAME leads to Mailgun",
        "The DNS record of a tracking domain must be a CNAME to Mailgun, not to a CDN.",
        Severity.HIGH,
        "Create the record as HttpsTracking passes it to the function `cname`. If your own CDN "
        'terminates TLS, set https_by="proxy".',
        (DOMAIN_TRACKING, TRACKING_HOST),
        find=_leads_elsewhere,
    ),
    StackRule(
        "cname-kept",
        "The CNAME is kept",
        "The CNAME record must stay when its HttpsTracking is destroyed.",
        Severity.MEDIUM,
        "Leave out delete_record: links in mail already sent use the record.",
        (HTTPS_TRACKING,),
        find=lambda _resources: _deleted,
    ),
)
