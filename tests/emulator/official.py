"""Validates responses against Mailgun's official OpenAPI file."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import requests
import yaml

from mailgun_tracking.emulator import Dials

Json = dict[str, Any]

FILE = Path(__file__).with_name("mailgun-openapi.yaml")
DOMAIN = "github.com-mailgun-domains-client-golang-Domain"
RECORD = "github.com-mailgun-domains-client-golang-Record"
GENERIC = "github.com-mailgun-scaffold-httpapi-GenericResponse"
OPEN = "github.com-mailgun-domains-httpapi-openSettings"
CLICK = "github.com-mailgun-domains-httpapi-clickSettings"
UNSUBSCRIBE = "github.com-mailgun-domains-httpapi-unsubscribeSettings"
TRACKING = "github.com-mailgun-domains-httpapi-trackingSettings"
STATUS = "github.com-mailgun-terminator-httpapi-StatusResponse"
UPDATES = {
    section: f"github.com-mailgun-domains-httpapi-UpdateDomainTracking{section.title()}Resp"
    for section in ("click", "open", "unsubscribe")
}

Change = Callable[[Json], None]
"""Changes the schemas of the file in place."""


def _status_is_a_string(schemas: Json) -> None:
    """The file declares `status` as an object, but its own examples have strings."""
    schemas[STATUS]["properties"]["status"] = {"enum": ["processing", "active", "expired", "error"]}


def _click_may_be_htmlonly(schemas: Json) -> None:
    """The file declares `click.active` as a boolean, but it can be set to htmlonly, and the tests
    of the official clients read that string back."""
    schemas[CLICK]["properties"]["active"] = {"enum": [True, False, "htmlonly"]}


ALWAYS: tuple[Change, ...] = (_status_is_a_string, _click_may_be_htmlonly)
"""Corrections where the file contradicts itself or Mailgun's clients."""


def _booleans_are_strings(schemas: Json) -> None:
    for name in (OPEN, CLICK, UNSUBSCRIBE):
        for field, schema in schemas[name]["properties"].items():
            if schema.get("type") == "boolean":
                schemas[name]["properties"][field] = {"enum": ["yes", "no"]}
    schemas[CLICK]["properties"]["active"] = {"enum": ["yes", "no", "htmlonly"]}


def _put_responses_lack_the_section(schemas: Json) -> None:
    for section, name in UPDATES.items():
        schemas[name]["required"].remove(section)


def _open_only_requires_active(schemas: Json) -> None:
    schemas[OPEN]["required"] = ["active"]


def _unsubscribe_only_requires_active(schemas: Json) -> None:
    schemas[UNSUBSCRIBE]["required"] = ["active"]


def _tracking_lacks_web_scheme(schemas: Json) -> None:
    schemas[TRACKING]["required"].remove("web_scheme")


def _domain_lacks_web_prefix(schemas: Json) -> None:
    schemas[DOMAIN]["required"].remove("web_prefix")


def _domain_lacks_id(schemas: Json) -> None:
    schemas[DOMAIN]["required"].remove("id")


BY_DIAL: dict[tuple[str, str], Change] = {
    ("booleans", "yes_no"): _booleans_are_strings,
    ("put_answers", "message_only"): _put_responses_lack_the_section,
    ("open_answer", "active_only"): _open_only_requires_active,
    ("empty_footer", "missing"): _unsubscribe_only_requires_active,
    ("tracking_web_scheme", "missing"): _tracking_lacks_web_scheme,
    ("domain_web_prefix", "missing"): _domain_lacks_web_prefix,
    ("domain_id", "missing"): _domain_lacks_id,
}
"""Deviations from the file that a dial allows, because Mailgun has been seen to do the same."""

UNDOCUMENTED: dict[tuple[str, str, int], Json] = {
    ("GET", "/v4/domains", 200): {
        "type": "object",
        "properties": {
            "total_count": {"type": "integer"},
            "items": {"type": "array", "items": {"$ref": f"#/components/schemas/{DOMAIN}"}},
        },
        "required": ["total_count", "items"],
        "additionalProperties": False,
    },
    ("POST", "/v4/domains", 200): {
        "$ref": "#/components/schemas/github.com-mailgun-domains-httpapi-UpdateDomainResp"
    },
    ("PUT", "/v4/domains/{name}/verify", 200): {
        "$ref": "#/components/schemas/github.com-mailgun-domains-httpapi-UpdateDomainResp"
    },
    ("GET", "/v5/accounts/subaccounts", 200): {
        "type": "object",
        "properties": {
            "subaccounts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        **{
                            name: {"type": "string"}
                            for name in ("id", "name", "created_at", "updated_at")
                        },
                        "status": {"enum": ["open", "disabled", "closed"]},
                    },
                    "required": ["id", "name", "status"],
                    "additionalProperties": False,
                },
            },
            "total": {"type": "integer"},
        },
        "required": ["subaccounts", "total"],
        "additionalProperties": False,
    },
    ("DELETE", "/v3/domains/{name}", 200): {"$ref": f"#/components/schemas/{GENERIC}"},
}
"""Responses of endpoints that are not in this part of the file."""

EXTENDED = ("dkim_host", "mailfrom_host", "pod")
"""What the domain contains in addition with `h:extended`, as Mailgun's Go client documents it."""

PLAIN_STATUSES = (400, 401, 403, 404, 405, 413, 429, 500, 501)
"""Statuses that an endpoint may return although the file does not list them, with a body in the
usual format: 400 for an invalid form, 401 for x509, 403 for an unknown subaccount or a role, 404
and 405 for wrong paths and methods, 413 for a body that is too large, 429 for the rate limit, 500
for an error of the emulator, 501 for what it does not have."""

OLDER_PATHS = {
    "/v3/domains": "/v4/domains",
    "/v3/domains/{name}": "/v4/domains/{name}",
    "/v3/domains/{name}/verify": "/v4/domains/{name}/verify",
}
"""Older paths that Mailgun's own clients still use, with the same responses."""


@functools.cache
def document() -> Json:
    """Return the unchanged file."""
    loaded: Json = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def documented_responses() -> list[tuple[str, str, int]]:
    """Return every method, path and status in the file."""
    return [
        (method.upper(), path, int(status))
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    ]


@functools.lru_cache(maxsize=64)
def _schemas(dials: Dials) -> Json:
    schemas: Json = copy.deepcopy(document()["components"]["schemas"])
    for change in ALWAYS:
        change(schemas)
    for (dial, setting), change in BY_DIAL.items():
        if getattr(dials, dial) == setting:
            change(schemas)
    for schema in schemas.values():
        # The file allows additional fields, but a misspelled one must be detected.
        schema.setdefault("additionalProperties", False)
    return schemas


def template_of(method: str, path: str) -> str | None:
    """Return the path template, in the file or in `UNDOCUMENTED`, that a path matches."""
    known: list[str] = [*document()["paths"], *(path for _, path, _ in UNDOCUMENTED), *OLDER_PATHS]
    for template in known:
        pattern = re.sub(r"\{[a-z]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path):
            if (method, template, 200) in UNDOCUMENTED:
                return template
            return OLDER_PATHS.get(template, template)
    return None


def schema_of(method: str, path: str, status: int) -> Json | None:
    """Return the schema of a response; None means the usual format."""
    template = template_of(method, path)
    if template is None:
        return None
    if (method, template, status) in UNDOCUMENTED:
        return UNDOCUMENTED[method, template, status]
    operation = document()["paths"].get(template, {}).get(method.lower())
    if operation is None or str(status) not in operation["responses"]:
        return None
    schema: Json = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    return schema


def check(method: str, path: str, status: int, body: object, dials: Dials | None = None) -> None:
    """Validate a response.

    Args:
        method: the method of the request.
        path: its path, without the prefix of a region.
        status: the status of the response.
        body: its body, as parsed JSON.
        dials: the emulator's dials.

    Raises:
        jsonschema.ValidationError: the body does not match the schema.
        AssertionError: the endpoint must not return this status.
    """
    schema = schema_of(method, path, status)
    if schema is None:
        assert status in PLAIN_STATUSES, f"{method} {path} must not return {status}"
        schema = {"$ref": f"#/components/schemas/{GENERIC}"}
    whole = {**schema, "components": {"schemas": _schemas(dials or Dials())}}
    jsonschema.Draft202012Validator(whole).validate(body)


def check_response(response: requests.Response, path: str, dials: Dials) -> None:
    """Validate a response as received over HTTP."""
    method = response.request.method or ""
    is_text = dials.unauthorized_body == "text" or dials.role_refusal == "unauthorized"
    if response.status_code == 401 and is_text:
        assert response.text == "Forbidden"
        return
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    if method == "GET" and "h%3Aextended=true" in (response.request.url or ""):
        for name in EXTENDED:
            assert isinstance(body["domain"].pop(name), str)
    check(method, path, response.status_code, body, dials)
