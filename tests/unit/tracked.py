"""A tracked domain: its state, inputs and changes, as the tests of both need them."""

from __future__ import annotations

from typing import Any

from mailgun_tracking._api.fields import field_at
from mailgun_tracking._api.models import CnameRecord, DomainDetails
from mailgun_tracking._api.target import Target
from mailgun_tracking._provider.changes import FieldChange, host_outputs

DOMAIN = "mg.example.com"
HOST = f"email.{DOMAIN}"
TARGET = Target("default", "us", "", DOMAIN)
DETAILS = DomainDetails(DOMAIN, "email", "http", CnameRecord(HOST, "mailgun.org"))


def state(*managed: str, **outputs: Any) -> dict[str, Any]:
    """A resource's outputs, of a domain that tracks opens and clicks."""
    return {
        "open": {"active": True, "place_at_the_top": False},
        "click": {"active": "htmlonly"},
        "unsubscribe": {"active": False, "html_footer": "<p>", "text_footer": "bye"},
        **host_outputs(TARGET, DETAILS),
        "managed": list(managed),
        **outputs,
    }


def inputs(*managed: str, **values: Any) -> dict[str, Any]:
    """A resource's inputs, as check completes them."""
    return {"managed": list(managed), "https_by": "mailgun", **values}


def change(path: str, old: object, new: object) -> FieldChange:
    """A change of the field with a path."""
    return FieldChange(field_at(path), old, new)
