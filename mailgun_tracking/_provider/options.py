"""Resource options, in the program: which ones a dynamic resource cannot support."""

from __future__ import annotations

import base64
import functools
import pickle
from importlib.metadata import version

from pulumi import (
    Input,
    ResourceOptions,
    ResourceTransformationArgs,
    ResourceTransformationResult,
    log,
)
from pulumi.runtime import get_config, is_config_secret

from .. import errors
from .._api.settings import refuse_plain_text_key
from .constructors import refuse_bad_call
from .program_process import point_to_program
from .validation import Properties, unknown_paths

OLDEST_SDK_FOR_GET = (3, 272)
"""The first SDK known to give a dynamic provider what it needs to read a resource by its id."""
PICKLE_PROTOCOL = 4
"""What providers are pickled with. The SDK uses Python's default, which changed in 3.14: a
newer Python would show a changed provider in each diff."""


def refuse_plain_text_keys() -> None:
    """Refuse a key that is stored in plain text in the stack's configuration.

    Raises:
        ConfigurationError: with the command that fixes it.
    """
    refuse_plain_text_key(lambda name: get_config(name) is not None, is_config_secret)


def prepare_options(
    opts: ResourceOptions | None,
    resource: str,
    name: str,
    properties: Properties,
) -> ResourceOptions:
    """Refuse, or warn about, options that a dynamic resource cannot support or that are misspelt.

    Args:
        opts: the options.
        resource: the resource's class, for the messages.
        name: the resource's name, for the messages.
        properties: the resource's properties.

    Returns a copy of the options.

    Raises:
        ConfigurationError: a key is stored in plain text in the stack's configuration.
        InvalidInput: ``import_`` was given, or a name or option of a wrong type.
    """
    refuse_bad_call(resource, name, opts)
    refuse_plain_text_keys()
    point_to_program()
    opts = ResourceOptions.merge(opts, None)
    opts.transformations = [_pin_pickle_protocol, *(opts.transformations or [])]
    if opts.import_ is not None:
        raise errors.InvalidInput(
            f"{resource} does not support import_",
            "Pulumi does not implement it for dynamic resources",
            advice="run `mailgun-tracking import DOMAIN --out imported` and `pulumi import --file "
            "imported/import.json --generate-code=false`, or just declare the resource: "
            "the first `pulumi up` adopts what exists at Mailgun",
        )
    if opts.custom_timeouts is not None:
        hint = (
            "set its timeout"
            if resource == "TrackingCertificate"
            else "each request has its own limit"
        )
        log.warn(f"{resource}: custom_timeouts is ignored for dynamic resources; {hint}")
    opts.ignore_changes = known_paths(opts.ignore_changes, f"{resource} {name}", properties)
    return opts


def _pin_pickle_protocol(args: ResourceTransformationArgs) -> ResourceTransformationResult:
    """Pickle the provider as on every other Python."""
    pickled = _pinned(str(args.props["__provider"]))
    return ResourceTransformationResult({**args.props, "__provider": pickled}, args.opts)


@functools.cache
def _pinned(pickled: str) -> str:
    # It is what the SDK has pickled a moment ago.
    provider = pickle.loads(base64.b64decode(pickled))  # noqa: S301
    return base64.b64encode(pickle.dumps(provider, protocol=PICKLE_PROTOCOL)).decode()


def known_paths(paths: list[str] | None, resource: str, properties: Properties) -> list[str] | None:
    """The paths that exist; warns about each of the others.

    Paths that a transform adds are not known here: the provider warns about those.

    Args:
        paths: the resource option ``ignore_changes``.
        resource: the resource's class and name, for the messages.
        properties: its properties.
    """
    unknown = unknown_paths(paths or (), properties)
    for path, hint in unknown.items():
        meant = hint or "this resource has no such property"
        log.warn(f"{resource}: ignore_changes has {path!r}; {meant}")
    return paths and [path for path in paths if path not in unknown]


def options_for_get(
    opts: ResourceOptions | None, id_: Input[str], resource: str
) -> ResourceOptions:
    """Options that make the engine read a resource instead of managing it.

    Raises:
        InvalidInput: the installed SDK cannot do that, and fails with an obscure error.
    """
    installed = version("pulumi")
    if tuple(int(part) for part in installed.split(".")[:2]) < OLDEST_SDK_FOR_GET:
        wanted = ".".join(map(str, OLDEST_SDK_FOR_GET))
        raise errors.InvalidInput(
            f"{resource}.get does not work with version {installed} of Pulumi's Python SDK",
            advice=f"install pulumi>={wanted}, or use get_domain_tracking or "
            "get_tracking_certificate instead",
        )
    return ResourceOptions.merge(opts, ResourceOptions(id=id_))
