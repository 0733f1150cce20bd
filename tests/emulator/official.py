"""Mailgun's official OpenAPI file as a judge of answers."""

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
"""Changes the schemas of the file, by name, in place."""


def _status_is_a_text(schemas: Json) -> None:
    """The file types `status` as an object; its own examples hold texts."""
    schemas[STATUS]["properties"]["status"] = {"enum": ["processing", "active", "expired", "error"]}


def _click_may_be_htmlonly(schemas: Json) -> None:
    """The file types `click.active` as a boolean, but lets it be set to htmlonly; tests of the
    official clients read it back as that text."""
    schemas[CLICK]["properties"]["active"] = {"enum": [True, False, "htmlonly"]}


ALWAYS: tuple[Change, ...] = (_status_is_a_text, _click_may_be_htmlonly)
"""Where the file contradicts itself or Mailgun's clients."""


def _booleans_are_texts(schemas: Json) -> None:
    for name in (OPEN, CLICK, UNSUBSCRIBE):
        for field in ("active", "place_at_the_top"):
            if field in schemas[name]["properties"]:
                schemas[name]["properties"][field] = {"enum": ["yes", "no"]}
    schemas[CLICK]["properties"]["active"] = {"enum": ["yes", "no", "htmlonly"]}


def _put_answers_lack_the_section(schemas: Json) -> None:
    for section, name in UPDATES.items():
        schemas[name]["required"].remove(section)


def _open_lacks_place_at_the_top(schemas: Json) -> None:
    schemas[OPEN]["required"].remove("place_at_the_top")


def _tracking_lacks_web_scheme(schemas: Json) -> None:
    schemas[TRACKING]["required"].remove("web_scheme")


def _domain_lacks_web_prefix(schemas: Json) -> None:
    schemas[DOMAIN]["required"].remove("web_prefix")


BY_DIAL: dict[tuple[str, str], Change] = {
    ("booleans", "yes_no"): _booleans_are_texts,
    ("put_answers", "message_only"): _put_answers_lack_the_section,
    ("open_answer", "active_only"): _open_lacks_place_at_the_top,
    ("tracking_web_scheme", "missing"): _tracking_lacks_web_scheme,
    ("domain_web_prefix", "missing"): _domain_lacks_web_prefix,
}
"""What the file forbids and a dial does on purpose, since Mailgun has been seen to."""

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
    ("DELETE", "/v3/domains/{name}", 200): {"$ref": f"#/components/schemas/{GENERIC}"},
}
"""Endpoints that are not in this part of the file."""

PLAIN_STATUSES = (400, 401, 403, 404, 405, 500)
"""Statuses that the file does not list for an endpoint, which then have the usual shape:
400 for a bad form, 401 for x509, 403 for an unknown subaccount, 404 and 405 for wrong paths."""

OLDER_PATHS = {"/v3/domains": "/v4/domains", "/v3/domains/{name}": "/v4/domains/{name}"}
"""Where Mailgun's own clients still read and write domains, with the same answers."""


@functools.cache
def document() -> Json:
    """The file as it is."""
    loaded: Json = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def documented_answers() -> list[tuple[str, str, int]]:
    """Every method, path and status of the file."""
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
        # The file allows any further field; a misspelt one must not pass.
        schema.setdefault("additionalProperties", False)
    return schemas


def template_of(method: str, path: str) -> str | None:
    """Give the path of the file, or of `UNDOCUMENTED`, that a path is an instance of."""
    known: list[str] = [*document()["paths"], *(path for _, path, _ in UNDOCUMENTED), *OLDER_PATHS]
    for template in known:
        pattern = re.sub(r"\{[a-z]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path):
            if (method, template, 200) in UNDOCUMENTED:
                return template
            return OLDER_PATHS.get(template, template)
    return None


def schema_of(method: str, path: str, status: int) -> Json | None:
    """Give the schema for an answer; None where only the usual shape will do."""
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
    """Judge one answer.

    Args:
        method: the request's method.
        path: its path, without a region's prefix.
        status: the answer's.
        body: the answer's body, as parsed JSON.
        dials: those in force.

    Raises:
        jsonschema.ValidationError: the body is not as the file says.
        AssertionError: no such status can come from there.
    """
    schema = schema_of(method, path, status)
    if schema is None:
        assert status in PLAIN_STATUSES, f"{method} {path} never answers {status}"
        schema = {"$ref": f"#/components/schemas/{GENERIC}"}
    whole = {**schema, "components": {"schemas": _schemas(dials or Dials())}}
    jsonschema.Draft202012Validator(whole).validate(body)


def check_response(response: requests.Response, path: str, dials: Dials) -> None:
    """Judge an answer as it came over the wire."""
    method = response.request.method or ""
    if response.status_code == 401 and dials.unauthorized_body == "text":
        assert response.text == "Forbidden"
        return
    assert response.headers["content-type"] == "application/json"
    check(method, path, response.status_code, response.json(), dials)
