"""What a program can set in the three sections of tracking, and what it can read back."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Literal, TypedDict, Union

import pulumi
from pulumi.output import UNKNOWN

from ._api.fields import ClickActive, Section, fields_of


class OpenTrackingArgs:
    """Open tracking: a pixel in the HTML part that reports when a message is opened.

    Args:
        active: whether opens are tracked; not managed unless given.
        place_at_the_top: whether the pixel is at the top of the HTML body; not managed unless
            given. Some mail clients cut off long messages, including a pixel at the end.
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
    """Click tracking: links are rewritten to go through the tracking domain.

    Args:
        active: true, false, or ``"htmlonly"`` to rewrite only the links of the HTML part; not
            managed unless given.
    """

    def __init__(self, *, active: pulumi.Input[ClickActive] | None = None) -> None:
        self.active = active


class ClickTrackingArgsDict(TypedDict, total=False):
    """`ClickTrackingArgs` as a dict."""

    active: pulumi.Input[ClickActive]


class UnsubscribeTrackingArgs:
    """Unsubscribe tracking: a footer with a link to unsubscribe.

    Args:
        active: whether the footers are added; not managed unless given.
        html_footer: the footer of the HTML part, with ``%unsubscribe_url%``,
            ``%tag_unsubscribe_url%`` or ``%mailing_list_unsubscribe_url%`` where the link goes, or
            an empty string if the link is in the body of the mail; not managed unless given.
        text_footer: the same for the text part; not managed unless given.
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


def normalize_section(section: Section, value: Any) -> Any:
    """The input for a section as an object of the fields that are given.

    A bare value is short for ``{"active": value}``. An invalid value is returned as it is, so that
    check can show it as the user wrote it.
    """
    if isinstance(value, (pulumi.Output, Awaitable)):
        output = pulumi.Output.from_input(value)
        return output.apply(lambda known: normalize_section(section, known))
    if isinstance(value, bool) or (value == "htmlonly" and fields_of(section)[0].type == "click"):
        return {"active": value}
    if isinstance(value, (OpenTrackingArgs, ClickTrackingArgs, UnsubscribeTrackingArgs)):
        value = vars(value)
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if item is not None}
    return value


@pulumi.output_type
class OpenTracking(dict):  # type: ignore[type-arg]
    """Open tracking at Mailgun.

    Attributes:
        active: whether opens are tracked.
        place_at_the_top: whether the pixel is at the top of the HTML body.
    """

    active: bool | None = pulumi.property("active", default=None)
    place_at_the_top: bool | None = pulumi.property("place_at_the_top", default=None)


@pulumi.output_type
class ClickTracking(dict):  # type: ignore[type-arg]
    """Click tracking at Mailgun.

    Attributes:
        active: true, false or ``"htmlonly"``.
    """

    active: Any = pulumi.property("active", default=None)


@pulumi.output_type
class UnsubscribeTracking(dict):  # type: ignore[type-arg]
    """Unsubscribe tracking at Mailgun.

    Attributes:
        active: whether the footers are added.
        html_footer: the footer of the HTML part; None unless the program sets or ``get`` reads it.
        text_footer: the same for the text part.
    """

    active: bool | None = pulumi.property("active", default=None)
    html_footer: str | None = pulumi.property("html_footer", default=None)
    text_footer: str | None = pulumi.property("text_footer", default=None)


@pulumi.output_type
class Cname(dict):  # type: ignore[type-arg]
    """The CNAME record that Mailgun expects for a tracking domain.

    Attributes:
        name: the record's full name, for example ``email.mg.example.com``.
        value: what it has to point to, for example ``mailgun.org``.
    """

    name: str = pulumi.property("name")
    value: str = pulumi.property("value")


def complete_in_preview(section: Section, output: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """A section's output in a preview, in which a field that is missing is not known yet.

    Where a preview creates or updates, the engine returns the inputs in place of the outputs. A
    field that the program does not set would be None then, though `up` returns its value. That of
    a footer is None in both.
    """
    fields = [field for field in fields_of(section) if field.type != "footer"]

    def complete(known: Any) -> Any:
        if not isinstance(known, dict):
            return known
        missing = [field.name for field in fields if field.name not in known]
        return type(known)(**known, **dict.fromkeys(missing, UNKNOWN))

    return output.apply(complete, run_with_unknowns=True)
