"""A clean emulator for each test, and a client that checks each response."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests

from mailgun_tracking.emulator import Emulator
from tests.emulator import official

KEY = "key-of-the-default-account"
OTHER_KEY = "key-of-brand-b"
DOMAIN = "mg.example.com"
HOST = "email.mg.example.com"


class Api:
    """Calls an emulator, and validates every response against the official schema."""

    def __init__(self, emulator: Emulator, key: str = KEY) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = ("api", key)

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request and return its response after validating it."""
        response = self.session.request(method, self.emulator.url + path, timeout=10, **arguments)
        within_region = path.partition("?")[0].removeprefix("/us").removeprefix("/eu")
        official.check_response(response, within_region, self.emulator.dials)
        return response

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("GET", path, **arguments)

    def put(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("PUT", path, **arguments)

    def put_domain(self, name: str = DOMAIN, **fields: str) -> requests.Response:
        """Change a domain with a multipart form, as documented."""
        return self.put(f"/v4/domains/{name}", files=multipart(fields))

    def post(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("POST", path, **arguments)

    def delete(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("DELETE", path, **arguments)

    def tracking(self, domain: str = DOMAIN) -> dict[str, Any]:
        """Return the tracking settings of a domain."""
        found: dict[str, Any] = self.get(f"/v3/domains/{domain}/tracking").json()["tracking"]
        return found

    def certificate(self, host: str = HOST) -> dict[str, Any]:
        """Return the status of a host's certificate, which must exist."""
        response = self.get(f"/v2/x509/{host}/status")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def control(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call the control API, which needs its token and no key."""
        return requests.request(
            method,
            f"{self.emulator.url}/_emulator/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.emulator.control_token}"},
            timeout=10,
        )


def multipart(fields: Mapping[str, str]) -> dict[str, tuple[None, str]]:
    """Return the `files` that requests sends as a multipart form of these fields."""
    return {name: (None, value) for name, value in fields.items()}


@pytest.fixture(scope="session")
def _server() -> Iterator[Emulator]:
    with Emulator(
        domains=[DOMAIN, f"eu/{DOMAIN}", "eu/sub-1/sub.example.com"],
        keys={KEY: "default", OTHER_KEY: "brand-b"},
        subaccounts=("sub-1",),
    ) as emulator:
        yield emulator


@pytest.fixture
def emulator(_server: Emulator) -> Emulator:
    """An emulator in its initial state, with the domains above."""
    _server.reset()
    return _server


@pytest.fixture
def new_api() -> Iterator[Callable[..., Api]]:
    """Creates clients of any emulator, with any key."""
    created: list[Api] = []

    def create(emulator: Emulator, key: str = KEY) -> Api:
        created.append(Api(emulator, key))
        return created[-1]

    yield create
    for api in created:
        api.session.close()


@pytest.fixture
def api(emulator: Emulator, new_api: Callable[..., Api]) -> Api:
    """A client of `emulator` with the default account's key."""
    return new_api(emulator)
