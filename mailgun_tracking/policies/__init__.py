"""Rules about Mailgun's domain tracking for policy packs of Pulumi.

A pack's ``__main__.py`` needs only this::

    PolicyPack("mailgun-tracking", rules())

The module needs the extra ``policy``.
"""

from __future__ import annotations

try:
    import pulumi_policy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "mailgun_tracking.policies needs pulumi-policy: "
        "install the package as mailgun-tracking[policy]",
        name=error.name,
    ) from error

from . import dns_records, domains, https, settings
from .types import DOMAIN_TRACKING, HTTPS_TRACKING, TRACKING_CERTIFICATE, TRACKING_HOST

__all__ = [
    "DOMAIN_TRACKING",
    "HTTPS_TRACKING",
    "TRACKING_CERTIFICATE",
    "TRACKING_HOST",
    "rules",
]

_RULES = (*https.RULES, *settings.RULES, *domains.RULES, *dns_records.RULES)


def rules(docs_url: str | None = None) -> list[pulumi_policy.Policy]:
    """All rules, for ``PolicyPack``.

    They have no enforcement level of their own: the pack's counts, which is advisory unless the
    pack or its configuration says otherwise.

    Args:
        docs_url: where your readers find the page ``docs/guides/policies.md``. Each rule refers to
            its own section there. Without it, rules have no address.
    """
    return [rule.policy(f"{docs_url}#{rule.name}" if docs_url else None) for rule in _RULES]
