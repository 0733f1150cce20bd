"""The lifecycle of a real domain, whose settings are put back in the end.

Given by the environment:

- ``MAILGUN_API_KEY``, and ``LIVE_DOMAIN``, a domain of its account;
- ``MAILGUN_REGION``, ``MAILGUN_SUBACCOUNT``, ``MAILGUN_BASE_URL``, as for the library;
- ``LIVE_CERTIFICATE=1`` to let a certificate of its tracking domain be part of it. Mailgun has no
  way to delete one, so that one stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.behaviour.lifecycle import HTML_FOOTER, OTHER_FOOTER, TEXT_FOOTER, run_lifecycle
from tests.engine.result import Result
from tests.engine.stack import StackFactory

OFFICIAL = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
GIVEN = ("MAILGUN_API_KEY", "MAILGUN_REGION", "MAILGUN_SUBACCOUNT", "MAILGUN_BASE_URL")
SECONDS = 30


class Account:
    """Mailgun as it really is, asked without the library that is tested."""

    def __init__(self, domain: str) -> None:
        region = os.environ.get("MAILGUN_REGION", "us")
        address = os.environ.get("MAILGUN_BASE_URL") or OFFICIAL[region]
        self.domain = domain
        self._address = address.replace("{region}", region).rstrip("/")
        self._session = requests.Session()
        self._session.auth = ("api", os.environ["MAILGUN_API_KEY"])
        if subaccount := os.environ.get("MAILGUN_SUBACCOUNT"):
            self._session.headers["X-Mailgun-On-Behalf-Of"] = subaccount

    def call(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:
        """One request; fails where Mailgun refuses it."""
        body = {name: (None, value) for name, value in form.items()} if form else None
        answer = self._session.request(
            method, self._address + path, files=body, timeout=SECONDS, allow_redirects=False
        )
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def tracking(self) -> dict[str, Any]:
        """The settings as they are now."""
        tracking: dict[str, Any] = self.call("GET", f"/v3/domains/{self.domain}/tracking")
        return dict(tracking["tracking"])

    def web_prefix(self) -> str:
        """The first label of the tracking domain."""
        domain = self.call("GET", f"/v4/domains/{self.domain}")["domain"]
        return str(domain.get("web_prefix") or "email")

    def put_back(self, tracking: dict[str, Any]) -> None:
        """Send every field of each section as it was read."""
        for kind in ("open", "click", "unsubscribe"):
            form = {
                name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in tracking[kind].items()
            }
            self.call("PUT", f"/v3/domains/{self.domain}/tracking/{kind}", form)


@pytest.fixture
def account() -> Iterator[Account]:
    """The account, whose domain has the settings in the end that it has now."""
    missing = [n for n in ("MAILGUN_API_KEY", "LIVE_DOMAIN") if not os.environ.get(n)]
    assert not missing, f"{' and '.join(missing)} must be set: see make live"
    account = Account(os.environ["LIVE_DOMAIN"])
    before = account.tracking()
    try:
        yield account
    finally:
        account.put_back(before)
    assert account.tracking() == before


def truth(value: object) -> str:
    """A value of Mailgun's as it would be sent: it may read booleans back as yes and no."""
    return {"yes": "true", "no": "false"}.get(str(value).lower(), str(value).lower())


def test_lifecycle(account: Account, new_stack: StackFactory) -> None:
    """No permanent difference on the real Mailgun, and each setting arrives there."""

    def look(stage: str, _result: Result) -> None:
        now = account.tracking()
        active = {kind: truth(now[kind]["active"]) for kind in ("open", "click", "unsubscribe")}
        said = [now["unsubscribe"].get(name) for name in ("html_footer", "text_footer")]
        footers = [(footer or "").split() for footer in said]
        if stage in ("create", "unchanged", "preview"):
            assert active["click"] in ("htmlonly", "true")
            assert (active["open"], active["unsubscribe"]) == ("true", "true")
            assert footers == [HTML_FOOTER.split(), TEXT_FOOTER.split()]
        elif stage == "destroy":
            assert set(active.values()) == {"false"}
        else:
            assert active == {"open": "false", "click": "true", "unsubscribe": "true"}
            assert footers == [OTHER_FOOTER.split(), []]

    stack = new_stack("")
    for name in GIVEN:
        if name in os.environ:
            stack.environment[name] = os.environ[name]
    certificate = os.environ.get("LIVE_CERTIFICATE") == "1"
    run_lifecycle(stack, account.domain, account.web_prefix(), certificate=certificate, look=look)
