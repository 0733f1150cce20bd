"""`TrackingHost`: the web scheme and prefix of a domain, as a part of `HttpsTracking`."""

from __future__ import annotations

from typing import Literal

import pulumi
from pulumi.dynamic import Resource

from ._provider.constructors import sendable_inputs
from ._provider.identity import IDENTITY
from ._provider.options import prepare_options
from ._provider.program_process import wait_for_urn_only
from .arguments import Cname
from .domain_tracking import HOST_PROPERTIES, PROPERTIES, DomainTrackingProvider, declared


class TrackingHost(Resource, module="mailgun", name="TrackingHost"):
    """The web scheme and web prefix of a sending domain, without its tracking settings.

    `.HttpsTracking` creates one, so that the settings need not wait for the certificate. Arguments,
    outputs, errors and endpoints are as for `.DomainTracking`.

    Args:
        resource_name: the resource's name in the stack.
        domain: the sending domain.
        web_scheme: ``"http"`` or ``"https"``.
        web_prefix: the first label of the tracking domain.
        account: the name of another account.
        region: ``"us"`` or ``"eu"``.
        subaccount: a subaccount's id.
        opts: Pulumi's resource options.
    """

    web_scheme: pulumi.Output[str]
    """``http`` or ``https``."""
    web_prefix: pulumi.Output[str]
    """The first label of the tracking domain."""
    tracking_domain: pulumi.Output[str]
    """The host of rewritten links, ``web_prefix.domain`` or the domain's custom host."""
    cname: pulumi.Output[Cname]
    """The name and value of the CNAME record that Mailgun expects for the tracking domain."""
    domain_id: pulumi.Output[str]
    """Mailgun's ID of the domain. If the domain is deleted and recreated, it gets a new one."""

    def __init__(
        self,
        resource_name: str,
        domain: pulumi.Input[str],
        *,
        web_scheme: pulumi.Input[Literal["http", "https"]] | None = None,
        web_prefix: pulumi.Input[str] | None = None,
        account: pulumi.Input[str] | None = None,
        region: pulumi.Input[str] | None = None,
        subaccount: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {name: value for name, value in locals().items() if name in INPUTS}
        inputs = sendable_inputs("TrackingHost", resource_name, inputs)
        opts = prepare_options(opts, "TrackingHost", resource_name, PROPERTIES)
        props = declared(inputs)
        super().__init__(TrackingHostProvider(), resource_name, props, opts)
        wait_for_urn_only(self, props)


INPUTS = ("domain", "web_scheme", "web_prefix", *IDENTITY)


class TrackingHostProvider(DomainTrackingProvider):
    """The provider of `TrackingHost`. Its import path is in every state: it must never change."""

    inputs = INPUTS
    sections = ()
    always_in_state = ("domain", *IDENTITY, *HOST_PROPERTIES, "managed")
