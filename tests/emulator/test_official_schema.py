"""Every documented response is produced, and `official.check` detects violations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from mailgun_tracking.emulator import Dials, Emulator
from tests.emulator import official
from tests.emulator.conftest import DOMAIN, HOST, Api, multipart

Recipe = Callable[[Emulator, Api], Any]

TRACKING = f"/v3/domains/{DOMAIN}/tracking"
X509 = f"/v2/x509/{HOST}"


def _wrong_key(method: str, path: str) -> Recipe:
    def recipe(emulator: Emulator, api: Api) -> Any:
        api.session.auth = ("api", "wrong")
        return api.call(method, path)

    return recipe


def _call(method: str, path: str, **arguments: Any) -> Recipe:
    return lambda emulator, api: api.call(method, path, **arguments)


def _with_certificate(status: str, method: str, path: str) -> Recipe:
    def recipe(emulator: Emulator, api: Api) -> Any:
        emulator.set_certificate(HOST, status)
        return api.call(method, path)

    return recipe


def _with_setting(method: str, path: str, **settings: Any) -> Recipe:
    def recipe(emulator: Emulator, api: Api) -> Any:
        emulator.set(**settings)
        if method == "PUT":
            emulator.set_certificate(HOST, "expired")
        return api.call(method, path)

    return recipe


RECIPES: dict[tuple[str, str, int], Recipe] = {
    ("GET", "/v3/domains/{name}/tracking", 200): _call("GET", TRACKING),
    ("GET", "/v3/domains/{name}/tracking", 401): _wrong_key("GET", TRACKING),
    ("GET", "/v3/domains/{name}/tracking", 404): _call("GET", "/v3/domains/no.example/tracking"),
    ("GET", "/v4/domains/{name}", 200): _call("GET", f"/v4/domains/{DOMAIN}"),
    ("GET", "/v4/domains/{name}", 401): _wrong_key("GET", f"/v4/domains/{DOMAIN}"),
    ("GET", "/v4/domains/{name}", 404): _call("GET", "/v4/domains/no.example"),
    ("PUT", "/v4/domains/{name}", 200): _call(
        "PUT", f"/v4/domains/{DOMAIN}", files=multipart({"web_scheme": "https"})
    ),
    ("PUT", "/v4/domains/{name}", 401): _wrong_key("PUT", f"/v4/domains/{DOMAIN}"),
    ("PUT", "/v4/domains/{name}", 404): _call("PUT", "/v4/domains/no.example"),
    ("GET", "/v2/x509/{domain}/status", 200): _with_certificate("active", "GET", X509 + "/status"),
    ("GET", "/v2/x509/{domain}/status", 404): _call("GET", X509 + "/status"),
    ("POST", "/v2/x509/{domain}", 202): _call("POST", X509),
    ("POST", "/v2/x509/{domain}", 400): _with_setting("POST", X509, cname_check="invalid"),
    ("POST", "/v2/x509/{domain}", 402): _with_setting("POST", X509, plan_has_certificates=False),
    ("POST", "/v2/x509/{domain}", 404): _call("POST", f"/v2/x509/{DOMAIN}"),
    ("POST", "/v2/x509/{domain}", 409): _with_certificate("active", "POST", X509),
    ("PUT", "/v2/x509/{domain}", 202): _with_certificate("expired", "PUT", X509),
    ("PUT", "/v2/x509/{domain}", 400): _with_setting("PUT", X509, cname_check="invalid"),
    ("PUT", "/v2/x509/{domain}", 402): _with_setting("PUT", X509, plan_has_certificates=False),
    ("PUT", "/v2/x509/{domain}", 404): _call("PUT", X509),
    ("PUT", "/v2/x509/{domain}", 409): _with_certificate("active", "PUT", X509),
    ("PUT", "/v2/x509/{domain}", 429): _with_certificate("processing", "PUT", X509),
}
for _section in ("click", "open", "unsubscribe"):
    _template, _path = f"/v3/domains/{{name}}/tracking/{_section}", f"{TRACKING}/{_section}"
    RECIPES["PUT", _template, 200] = _call("PUT", _path, data={"active": "true"})
    RECIPES["PUT", _template, 401] = _wrong_key("PUT", _path)
    RECIPES["PUT", _template, 404] = _call("PUT", f"/v3/domains/no.example/tracking/{_section}")


def test_every_documented_response_has_a_recipe() -> None:
    """So a status that Mailgun adds is noticed when the file is updated."""
    assert sorted(RECIPES) == sorted(official.documented_responses())


@pytest.mark.parametrize(("method", "template", "status"), sorted(RECIPES))
def test_every_documented_response_is_produced(
    emulator: Emulator, api: Api, method: str, template: str, status: int
) -> None:
    """The client validates the body; this test checks the status."""
    response = RECIPES[method, template, status](emulator, api)
    assert response.status_code == status, response.text
    assert official.template_of(method, emulator.requests[-1].path) == template


def _passes(method: str, path: str, status: int, body: Any) -> bool:
    try:
        official.check(method, path, status, body)
    except jsonschema.ValidationError:
        return False
    return True


def _violations(body: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield copies of a body, each with one field of another type, or one field more."""
    if isinstance(body, dict):
        yield f"{path}: added", {**body, "unheard_of": 1}
        for name, value in body.items():
            yield f"{path}.{name}: wrong type", {**body, name: ["not", 1, "of", "these"]}
            for where, violated in _violations(value, f"{path}.{name}"):
                yield where, {**body, name: violated}
    elif isinstance(body, list) and body:
        for where, violated in _violations(body[0], f"{path}[0]"):
            yield where, [violated, *body[1:]]


@pytest.mark.parametrize(("method", "template", "status"), sorted(RECIPES))
def test_the_check_detects_wrong_fields(
    emulator: Emulator, api: Api, method: str, template: str, status: int
) -> None:
    """A field of another type, and an additional field, in every object of every response."""
    response = RECIPES[method, template, status](emulator, api)
    path = emulator.requests[-1].path
    planted = list(_violations(response.json()))
    assert planted
    passed = [where for where, body in planted if _passes(method, path, status, body)]
    assert passed == []


@pytest.mark.parametrize(("method", "template", "status"), sorted(RECIPES))
def test_the_check_detects_missing_fields(
    emulator: Emulator, api: Api, method: str, template: str, status: int
) -> None:
    """Every field that the file requires."""
    response = RECIPES[method, template, status](emulator, api)
    path = emulator.requests[-1].path
    body = response.json()
    schema = official.schema_of(method, path, status)
    assert schema is not None
    required = official.document()["components"]["schemas"][schema["$ref"].split("/")[-1]][
        "required"
    ]
    for name in required:
        lacking = copy.deepcopy(body)
        del lacking[name]
        with pytest.raises(jsonschema.ValidationError):
            official.check(method, path, status, lacking)


@pytest.mark.parametrize(("dial", "setting"), sorted(official.BY_DIAL))
def test_what_a_dial_allows_is_otherwise_a_violation(dial: str, setting: str) -> None:
    """A deviation from the file is only allowed while its dial is set."""
    with Emulator(domains=[DOMAIN], dials=Dials().changed({dial: setting})) as emulator:
        emulator.drift(DOMAIN, unsubscribe={"html_footer": ""})
        api = Api(emulator, emulator.key)
        found = []
        for method, path in (
            ("GET", TRACKING),
            ("PUT", f"{TRACKING}/open"),
            ("PUT", f"{TRACKING}/click"),
            ("GET", f"/v4/domains/{DOMAIN}"),
        ):
            body = api.call(method, path, files=multipart({"active": "true"})).json()
            try:
                official.check(method, path, 200, body)
            except jsonschema.ValidationError:
                found.append(path)
        api.session.close()
    assert found


def test_the_check_detects_undocumented_statuses() -> None:
    """Whatever the body."""
    with pytest.raises(AssertionError):
        official.check("GET", TRACKING, 418, {"message": "teapot"})
