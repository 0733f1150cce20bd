"""A CNAME record in a zone that takes dynamic updates (RFC 2136), signed with TSIG.

The stack configuration says where: `server` as ADDRESS:PORT, and the secret `key` as
ALGORITHM:NAME:BASE64, the form that `nsupdate -y` takes. Neither is part of the record's own state.
"""

from __future__ import annotations

from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pulumi
from pulumi.dynamic import (
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

SECONDS = 10


class CnameRecord(Resource, module="rfc2136", name="CnameRecord"):
    """A CNAME record. It replaces whatever other records its name has.

    Args:
        resource_name: the resource's name in the stack.
        zone: the zone to update.
        name: the record's full name; changing it replaces the resource.
        value: the full name that it points at.
        ttl: how long it may be cached, in seconds.
        opts: Pulumi's resource options.
    """

    zone: pulumi.Output[str]
    name: pulumi.Output[str]
    value: pulumi.Output[str]
    ttl: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        zone: pulumi.Input[str],
        name: pulumi.Input[str],
        value: pulumi.Input[str],
        ttl: pulumi.Input[int] = 300,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"zone": zone, "name": name, "value": value, "ttl": ttl}
        super().__init__(CnameRecordProvider(), resource_name, props, opts)


class CnameRecordProvider(ResourceProvider):
    """Attributes are set in `configure`, so that no secret is pickled into the state."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        address, _, port = req.config.require("server").rpartition(":")
        self.address, self.port = address, int(port)
        algorithm, name, secret = req.config.require("key").split(":", 2)
        self.key = dns.tsig.Key(name, secret, dns.name.from_text(algorithm))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        fields = ("zone", "name", "value", "ttl")
        changed = [field for field in fields if olds.get(field) != news.get(field)]
        replaces = [field for field in changed if field in ("zone", "name")]
        return DiffResult(changes=bool(changed), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._put(props)
        return CreateResult(props["name"], props)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        found = self._ask(props["name"])
        if found is None:
            return ReadResult("", {})
        value, ttl = found
        # Keep the program's spelling of a value that has not changed.
        if same(value, props["value"]):
            value = props["value"]
        props = {**props, "value": value, "ttl": ttl}
        return ReadResult(id_, props, props)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        self._put(news)
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        # Only with this value: a record that was changed since belongs to somebody else.
        update = self._update(props)
        update.delete(absolute(props["name"]), "CNAME", absolute(props["value"]).to_text())
        self._send(update, props)

    def _put(self, props: dict[str, Any]) -> None:
        name, value = absolute(props["name"]), absolute(props["value"])
        update = self._update(props)
        # In one message: BIND silently drops a CNAME if the name has other records.
        update.delete(name)
        update.add(name, int(props["ttl"]), "CNAME", value.to_text())
        self._send(update, props)
        found = self._ask(props["name"])
        if found is None or not same(found[0], props["value"]):
            raise Exception(f"{self.address} accepted the record {name} but does not have it")

    def _update(self, props: dict[str, Any]) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(
            absolute(props["zone"]), keyring=self.key, keyalgorithm=self.key.algorithm
        )

    def _send(self, update: dns.update.UpdateMessage, props: dict[str, Any]) -> None:
        answer = dns.query.tcp(update, self.address, port=self.port, timeout=SECONDS)
        if answer.rcode() != dns.rcode.NOERROR:
            refusal = dns.rcode.to_text(answer.rcode())
            raise Exception(f"{self.address} refused to update {props['zone']}: {refusal}")

    def _ask(self, name: str) -> tuple[str, int] | None:
        """The target and TTL that the server itself has for a name."""
        query = dns.message.make_query(absolute(name), "CNAME", flags=dns.flags.Flag(0))
        answer = dns.query.tcp(query, self.address, port=self.port, timeout=SECONDS)
        for rrset in answer.answer:
            for record in rrset:
                return record.target.to_text(omit_final_dot=True), rrset.ttl
        return None


def absolute(name: str) -> dns.name.Name:
    """A name as an absolute one, with or without its trailing dot."""
    return dns.name.from_text(name)


def same(one: str, other: str) -> bool:
    """Whether two names are the same in DNS."""
    return bool(absolute(one) == absolute(other))
