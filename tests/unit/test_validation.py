"""What check refuses without asking Mailgun, with the name of the property that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.dynamic import CheckFailure
from pulumi.runtime.rpc import UNKNOWN

from mailgun_tracking._api.fields import FIELDS, SECTIONS, FieldType
from mailgun_tracking._provider.validation import (
    Properties,
    format_invalid,
    lacks_unsubscribe_link,
    type_name,
    unknown_inputs,
    unknown_paths,
    validate_boolean,
    validate_choice,
    validate_domain,
    validate_field,
    validate_identity,
    validate_seconds,
    validate_tracking,
)

DOMAIN = "mg.example.com"
FOOTER = "Bye: %unsubscribe_url%"


def expect(failures: list[CheckFailure], *expected: tuple[str, str]) -> None:
    """Failures of these properties, in order, whose reasons contain these words."""
    assert [failure.property for failure in failures] == [name for name, _ in expected]
    for failure, (_, word) in zip(failures, expected, strict=True):
        assert word in failure.reason


VALID: dict[FieldType, list[object]] = {
    "boolean": [True, False],
    "click": [True, False, "htmlonly"],
    "footer": [FOOTER, "", "bye"],
    "scheme": ["http", "https"],
    "prefix": ["email", "a-1"],
}
INVALID: dict[FieldType, list[tuple[object, str]]] = {
    "boolean": [
        ("htmlonly", "not a string"),
        (1, "not a number"),
        ("yes", "true or false"),
        ([], "a list"),
    ],
    "click": [("html", "htmlonly"), (1.0, "not 1"), ({}, "an object")],
    "footer": [(True, "a boolean"), ([], "a list")],
    "scheme": [("HTTPS", '"http" or "https"'), ([], "a list")],
    "prefix": [
        ("email.mg", "DNS label"),
        ("", "DNS label"),
        ("Email", "DNS label"),
        (7.0, "not 7"),
    ],
}


class TestFields:
    """The values of each type of field."""

    @pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
    def test_valid_values_have_no_failure(self, field: Any) -> None:
        for value in (None, UNKNOWN, *VALID[field.type]):
            assert validate_field(field, value) == []

    @pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
    def test_invalid_values_are_named_by_the_fields_path(self, field: Any) -> None:
        for value, word in INVALID[field.type]:
            expect(validate_field(field, value), (field.path, word))


@pytest.mark.parametrize(
    ("footer", "lacks"),
    [
        (FOOTER, False),
        ("Not from this list: %mailing_list_unsubscribe_url%", False),
        ("<a href='%tag_unsubscribe_url%'>no more news</a>", False),
        ("", False),
        (" \n", False),
        (UNKNOWN, False),
        (None, False),
        ("bye", True),
        ("%unsubscribe_email% %other_unsubscribe_url%", True),
    ],
)
def test_a_footer_lacks_a_link_unless_it_is_empty_or_has_one_of_the_variables(
    footer: object, lacks: bool
) -> None:
    assert lacks_unsubscribe_link(footer) is lacks


class TestSections:
    """A section is an object of fields; the constructor has resolved the short forms."""

    @pytest.mark.parametrize(
        "inputs",
        [
            {},
            {"open": {}, "click": {"active": "htmlonly"}, "web_prefix": "go"},
            {"unsubscribe": {"active": True, "html_footer": FOOTER, "text_footer": FOOTER}},
            {"open": UNKNOWN, "click": {"active": UNKNOWN}, "web_scheme": UNKNOWN},
        ],
    )
    def test_valid(self, inputs: dict[str, Any]) -> None:
        assert validate_tracking(inputs) == []

    @pytest.mark.parametrize(
        ("inputs", "expected"),
        [
            ({"open": {"activ": True}}, [("open.activ", "active")]),
            ({"open": "yes"}, [("open", "not a string")]),
            ({"open": "htmlonly"}, [("open", "not a string")]),
            ({"click": "html"}, [("click", "htmlonly")]),
            ({"click": 1.0}, [("click", "not 1")]),
            ({"unsubscribe": ["x"]}, [("unsubscribe", "a list")]),
            (
                {"open": {"active": "no", "place_at_the_top": "no"}, "web_scheme": "ftp"},
                [
                    ("open.active", "true or false"),
                    ("open.place_at_the_top", "true or false"),
                    ("web_scheme", '"http" or "https"'),
                ],
            ),
        ],
    )
    def test_invalid(self, inputs: dict[str, Any], expected: list[tuple[str, str]]) -> None:
        expect(validate_tracking(inputs), *expected)

    def test_a_short_form_from_a_transform_is_shown_as_an_object(self) -> None:
        """Transforms run after the constructor, so a bare value stays bare."""
        expect(
            validate_tracking({"open": True, "click": "htmlonly"}),
            ("open", "{'active': True}"),
            ("click", "{'active': 'htmlonly'}"),
        )


class TestIdentity:
    """Domain, region, account and subaccount."""

    @pytest.mark.parametrize(
        "inputs",
        [
            {},
            {"domain": UNKNOWN, "region": UNKNOWN, "account": UNKNOWN, "subaccount": UNKNOWN},
            {"region": "EU", "account": "brand-b", "subaccount": ""},
            {"domain": "Bücher.example"},
        ],
    )
    def test_valid(self, inputs: dict[str, Any]) -> None:
        assert validate_identity({"domain": DOMAIN, **inputs}, "domain") == []

    @pytest.mark.parametrize(
        ("inputs", "expected"),
        [
            ({"domain": None}, ("domain", "required")),
            ({"domain": 7.0}, ("domain", "a number")),
            ({"domain": "localhost"}, ("domain", "no dot")),
            ({"domain": "☃\u200b"}, ("domain", "character")),
            ({"region": "mars"}, ("region", '"us" or "eu"')),
            ({"region": ["us"]}, ("region", "not a list")),
            ({"account": "key abc"}, ("account", "letters")),
            ({"account": f"key-{'0123456789abcdef' * 2}"}, ("account", "key")),
            ({"account": f"{'0123456789abcdef' * 2}-01234567-89abcdef"}, ("account", "key")),
            *(({"subaccount": value}, ("subaccount", "ID")) for value in (7, "Łódź", "a\n", "a/b")),
        ],
    )
    def test_invalid(self, inputs: dict[str, Any], expected: tuple[str, str]) -> None:
        expect(validate_identity({"domain": DOMAIN, **inputs}, "domain"), expected)

    def test_a_domain_may_have_another_name(self) -> None:
        expect(validate_identity({}, "tracking_domain"), ("tracking_domain", "required"))
        expect(validate_domain("tracking_domain", []), ("tracking_domain", "a list"))


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        *((path, None) for path in ("*", "click", "click.active", 'open["active"]', '["open"]')),
        *((path, None) for path in ("unsubscribe.*", "open[*]", "cname.value", "web_scheme")),
        ("click_tracking", "did you mean click.active?"),
        ("unsubscribe.htmlFooter", "did you mean unsubscribe.html_footer?"),
        ("webScheme", "did you mean web_scheme?"),
        ("open.top", "did you mean open?"),
        ("tags", ""),
        ("names", ""),
    ],
)
def test_unknown_paths_come_with_the_one_that_was_meant(path: str, hint: str | None) -> None:
    found = unknown_paths([path], Properties((*SECTIONS, "web_scheme"), ("cname",)))
    assert found == ({} if hint is None else {path: hint})


def test_unknown_inputs_come_with_the_one_that_was_meant() -> None:
    valid = ("active", "html_footer", "text_footer")
    expect(
        unknown_inputs(["colour", "active", "activ"], valid, "unsubscribe."),
        ("unsubscribe.activ", "did you mean active?"),
        ("unsubscribe.colour", "active, html_footer, text_footer"),
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [(None, ""), (UNKNOWN, ""), ("a", ""), ("b", ""), ("c", '"a" or "b"'), (True, "not true")],
)
def test_choices(value: object, word: str) -> None:
    expect(validate_choice("kind", value, ("a", "b")), *([("kind", word)] if word else []))


@pytest.mark.parametrize(
    ("value", "word"),
    [(None, ""), (UNKNOWN, ""), (True, ""), (False, ""), ("yes", "a string"), (1.0, "not 1")],
)
def test_booleans(value: object, word: str) -> None:
    expect(validate_boolean("wait", value), *([("wait", word)] if word else []))


@pytest.mark.parametrize("value", [None, UNKNOWN, 1, 0.5, 600])
def test_seconds(value: object) -> None:
    assert validate_seconds("timeout", value) == []


@pytest.mark.parametrize("value", [0, -1.0, True, "600", float("nan"), float("inf"), []])
def test_seconds_that_are_refused(value: object) -> None:
    expect(validate_seconds("timeout", value), ("timeout", "greater than 0"))


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        (True, "a boolean", "true"),
        ("x", "a string", "a string"),
        (2.0, "a number", "2"),
        (1.5, "a number", "1.5"),
        ({}, "an object", "an object"),
        ([], "a list", "a list"),
        (None, "None", "None"),
    ],
)
def test_values_and_types_in_plain_words(value: object, name: str, shown: str) -> None:
    assert (type_name(value), format_invalid(value)) == (name, shown)
