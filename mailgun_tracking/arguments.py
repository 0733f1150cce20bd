"""What a program may write for the three kinds of tracking, and the one shape it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Literal, TypedDict, Union

import pulumi

from .models import SECTIONS, ClickActive


class OpenTrackingArgs:
    """Open tracking: a pixel in the HTML part that tells when a message is opened.

    Args:
        active: whether opens are tracked; not managed unless given.
        place_at_the_top: whether the pixel stands at the top of the HTML body; not managed unless
            given. Some mail programs cut off long messages, and the pixel with them.
    """

    def __init__(
        self,
        *,
        active: pulumi.Input[bool] | None = None,
        place_at_the_top: pulumi.Input[bool] | None = None,
    ) -> None:
        self.active = active
        self.place_at_the_top = place_at_the_top


class OpenTrackingArgsDict(TypedDict, total=False):
    """`OpenTrackingArgs` as a dict."""

    active: pulumi.Input[bool]
    place_at_the_top: pulumi.Input[bool]


class ClickTrackingArgs:
    """Click tracking: links are rewritten to pass through the tracking domain.

    Args:
        active: true, false, or ``"htmlonly"`` to rewrite the links of the HTML part alone; not
            managed unless given.
    """

    def __init__(self, *, active: pulumi.Input[ClickActive] | None = None) -> None:
        self.active = active


class ClickTrackingArgsDict(TypedDict, total=False):
    """`ClickTrackingArgs` as a dict."""

    active: pulumi.Input[ClickActive]


class UnsubscribeTrackingArgs:
    """Unsubscribe tracking: a footer with a link that ends the subscription.

    Args:
        active: whether the footers are added; not managed unless given.
        html_footer: the footer of the HTML part, with ``%unsubscribe_url%`` where the link goes;
            not managed unless given.
        text_footer: the same for the text part.
    """

    def __init__(
        self,
        *,
        active: pulumi.Input[bool] | None = None,
        html_footer: pulumi.Input[str] | None = None,
        text_footer: pulumi.Input[str] | None = None,
    ) -> None:
        self.active = active
        self.html_footer = html_footer
        self.text_footer = text_footer


class UnsubscribeTrackingArgsDict(TypedDict, total=False):
    """`UnsubscribeTrackingArgs` as a dict."""

    active: pulumi.Input[bool]
    html_footer: pulumi.Input[str]
    text_footer: pulumi.Input[str]


OpenInput = pulumi.Input[Union[bool, OpenTrackingArgs, OpenTrackingArgsDict]]
ClickInput = pulumi.Input[
    Union[bool, Literal["htmlonly"], ClickTrackingArgs, ClickTrackingArgsDict]
]
UnsubscribeInput = pulumi.Input[Union[bool, UnsubscribeTrackingArgs, UnsubscribeTrackingArgsDict]]


def canonical(kind: str, value: Any) -> Any:
    """The one shape of a kind's input: an object of the fields that are given.

    A bare value is short for ``{"active": value}``. What is no such thing is left as it is, so
    that check can name it as the user wrote it.
    """
    if isinstance(value, (pulumi.Output, Awaitable)):
        return pulumi.Output.from_input(value).apply(lambda known: _shape(kind, known))
    return _shape(kind, value)


def _shape(kind: str, value: Any) -> Any:
    if isinstance(value, bool) or (kind == "click" and value == "htmlonly"):
        return {"active": value}
    if isinstance(value, (OpenTrackingArgs, ClickTrackingArgs, UnsubscribeTrackingArgs)):
        value = vars(value)
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if item is not None}
    return value


@pulumi.output_type
class OpenTracking(dict):  # type: ignore[type-arg]
    """Open tracking as Mailgun has it.

    Attributes:
        active: whether opens are tracked.
        place_at_the_top: whether the pixel stands at the top of the HTML body.
    """

    active: bool | None = pulumi.property("active", default=None)
    place_at_the_top: bool | None = pulumi.property("place_at_the_top", default=None)


@pulumi.output_type
class ClickTracking(dict):  # type: ignore[type-arg]
    """Click tracking as Mailgun has it.

    Attributes:
        active: true, false or ``"htmlonly"``.
    """

    active: Any = pulumi.property("active", default=None)


@pulumi.output_type
class UnsubscribeTracking(dict):  # type: ignore[type-arg]
    """Unsubscribe tracking as Mailgun has it.

    Attributes:
        active: whether the footers are added.
        html_footer: the footer of the HTML part.
        text_footer: the footer of the text part.
    """

    active: bool | None = pulumi.property("active", default=None)
    html_footer: str | None = pulumi.property("html_footer", default=None)
    text_footer: str | None = pulumi.property("text_footer", default=None)


@pulumi.output_type
class Cname(dict):  # type: ignore[type-arg]
    """The CNAME record that Mailgun wants for a tracking domain.

    Attributes:
        name: the record's full name, as in ``email.mg.example.com``.
        value: what it has to point at, as in ``mailgun.org``.
    """

    name: str = pulumi.property("name")
    value: str = pulumi.property("value")


def managed_fields(inputs: Mapping[str, Any]) -> list[str]:
    """The paths of the fields that a program mentions, in Mailgun's order."""
    fields = [
        f"{kind}.{field}"
        for kind, names in SECTIONS.items()
        if isinstance(inputs.get(kind), Mapping)
        for field in names
        if inputs[kind].get(field) is not None
    ]
    return fields + [name for name in ("web_scheme", "web_prefix") if inputs.get(name) is not None]


def value_at(properties: Mapping[str, Any], path: str) -> Any:
    """The value of a field such as ``click.active`` or ``web_scheme``; None where it is absent."""
    kind, _, field = path.partition(".")
    value = properties.get(kind)
    if not field:
        return value
    return value.get(field) if isinstance(value, Mapping) else value
