"""The fields of a domain's settings: how they are named, found, compared, read and written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailgun_tracking._api.fields import (
    FIELDS,
    SECTIONS,
    WEB_FIELDS,
    Field,
    FieldType,
    Section,
    field_at,
    fields_at,
    fields_of,
    mentioned_fields,
)
from mailgun_tracking._api.models import as_bool, as_click_active, read_section, write_form

FOOTERS = st.text("ab<%é€\r\n\t ", max_size=40)
VALUES: Mapping[FieldType, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "click": st.one_of(st.booleans(), st.just("htmlonly")),
    "footer": FOOTERS,
    "scheme": st.sampled_from(["http", "https"]),
    "prefix": st.sampled_from(["email", "go"]),
}
BOOLEAN, CLICK, FOOTER, PREFIX = (
    Field("open", "active", "boolean"),
    Field("click", "active", "click"),
    Field("unsubscribe", "text_footer", "footer"),
    Field(None, "web_prefix", "prefix"),
)


class TestField:
    """A field's names and value."""

    @pytest.mark.parametrize(
        ("field", "path", "label"),
        [
            (CLICK, "click.active", "click"),
            (Field("open", "place_at_the_top", "boolean"), *["open.place_at_the_top"] * 2),
            (FOOTER, "unsubscribe.text_footer", "text_footer"),
            (PREFIX, "web_prefix", "web_prefix"),
        ],
    )
    def test_names(self, field: Field, path: str, label: str) -> None:
        assert (field.path, field.label) == (path, label)

    @pytest.mark.parametrize(
        ("field", "properties", "value"),
        [
            (CLICK, {"click": {"active": "htmlonly"}}, "htmlonly"),
            (CLICK, {"click": {}}, None),
            (CLICK, {"click": None}, None),
            (CLICK, {}, None),
            (CLICK, {"click": "unknown"}, "unknown"),
            (PREFIX, {"web_prefix": "go"}, "go"),
            (PREFIX, {}, None),
        ],
    )
    def test_value(self, field: Field, properties: dict[str, Any], value: object) -> None:
        """A section that is not known yet stands for each of its fields."""
        assert field.get(properties) == value

    @pytest.mark.parametrize(
        ("field", "one", "other", "same"),
        [
            (FOOTER, "a\nb", "a\r\nb", True),
            (FOOTER, "a\nb", "a\rb", True),
            (FOOTER, "bye", "bye\n\n", True),
            (FOOTER, "bye", "bye \t", True),
            (FOOTER, "bye", "\nbye", True),
            (FOOTER, "good bye", "good  bye", False),
            (FOOTER, "a\nb", "a\n\nb", False),
            (FOOTER, "bye", None, False),
            (BOOLEAN, True, True, True),
            (BOOLEAN, True, "true", False),
            (BOOLEAN, True, 1, False),
            (BOOLEAN, None, False, False),
            (CLICK, True, "htmlonly", False),
            (CLICK, "htmlonly", "htmlonly", True),
            (PREFIX, "email", "email ", False),
        ],
    )
    def test_same_value(self, field: Field, one: object, other: object, same: bool) -> None:
        assert field.same(one, other) is same
        assert field.same(other, one) is same

    @given(
        st.sampled_from(FIELDS),
        *[st.one_of(st.none(), st.booleans(), st.sampled_from(["htmlonly", "a\n", "a\r\n", "a"]))]
        * 2,
    )
    def test_same_value_is_symmetric_and_reflexive(
        self, field: Field, one: object, other: object
    ) -> None:
        assert field.same(one, other) is field.same(other, one)
        assert field.same(one, one)


class TestFingerprint:
    """What state remembers of a requested value."""

    def test_of_a_footer_is_a_salted_hash(self) -> None:
        field = field_at("unsubscribe.text_footer")
        first, second = field.fingerprint("hush"), field.fingerprint("hush")
        assert first != second
        assert "hush" not in str(first)
        for one in (first, second):
            assert field.has_fingerprint("hush\r\n", one)
            assert not field.has_fingerprint("hush!", one)

    def test_of_a_state_without_a_salt_still_counts(self) -> None:
        field = field_at("unsubscribe.text_footer")
        old = "sha256:" + hashlib.sha256(b"hush").hexdigest()
        assert field.has_fingerprint("hush\n", old)
        assert not field.has_fingerprint("hush!", old)

    def test_of_anything_else_is_the_value(self) -> None:
        field = field_at("click.active")
        assert field.fingerprint("htmlonly") == "htmlonly"
        assert field.has_fingerprint("htmlonly", "htmlonly")
        assert not field.has_fingerprint(True, "htmlonly")


class TestFields:
    """The list of fields, and parts of it."""

    def test_are_each_in_one_section_or_of_the_domain(self) -> None:
        parts = [*(fields_of(section) for section in SECTIONS), WEB_FIELDS]
        assert sum(parts, ()) == FIELDS
        assert len({field.path for field in FIELDS}) == len(FIELDS)

    def test_are_found_by_path(self) -> None:
        assert [field_at(field.path) for field in FIELDS] == list(FIELDS)
        assert fields_at([field.path for field in FIELDS]) == list(FIELDS)
        assert fields_at(None) == []

    @pytest.mark.parametrize(
        ("inputs", "paths"),
        [
            ({}, []),
            ({"open": None, "web_prefix": None}, []),
            ({"open": {"active": None}}, []),
            ({"web_scheme": "http", "click": {"active": False}}, ["click.active", "web_scheme"]),
            ({"unsubscribe": {"html_footer": ""}}, ["unsubscribe.html_footer"]),
            ({"open": "unknown", "web_prefix": "unknown"}, ["web_prefix"]),
        ],
    )
    def test_that_a_program_mentions(self, inputs: dict[str, Any], paths: list[str]) -> None:
        assert [field.path for field in mentioned_fields(inputs)] == paths


class TestValues:
    """Values as Mailgun writes them, and as it wants them."""

    @pytest.mark.parametrize("value", [True, "true", "True", " yes ", "YES"])
    def test_true(self, value: object) -> None:
        assert as_bool(value) is True
        assert as_click_active(value) is True

    @pytest.mark.parametrize("value", [False, "false", "no", "No"])
    def test_false(self, value: object) -> None:
        assert as_bool(value) is False
        assert as_click_active(value) is False

    @pytest.mark.parametrize("value", ["", "on", "1", 1, 0, None, [], "htmlonly"])
    def test_neither(self, value: object) -> None:
        with pytest.raises(ValueError, match="neither true nor false"):
            as_bool(value)

    @pytest.mark.parametrize("value", ["htmlonly", " HtmlOnly "])
    def test_htmlonly(self, value: str) -> None:
        assert as_click_active(value) == "htmlonly"

    @pytest.mark.parametrize("section", SECTIONS)
    def test_are_read_as_they_were_written(self, section: Section) -> None:
        strategies = {field.name: VALUES[field.type] for field in fields_of(section)}

        @given(st.fixed_dictionaries({}, optional=strategies))
        def check(settings: dict[str, Any]) -> None:
            assert read_section(section, write_form(settings)) == settings

        check()

    def test_of_unknown_fields_are_ignored(self) -> None:
        response = {"active": True, "color": "red", "html_footer": "x"}
        assert read_section("open", response) == {"active": True}
        assert read_section("unsubscribe", {"text_footer": ""}) == {"text_footer": ""}

    @pytest.mark.parametrize("response", [None, [], "active", 7])
    def test_of_a_section_that_is_no_object(self, response: object) -> None:
        with pytest.raises(ValueError, match="open"):
            read_section("open", response)

    def test_that_are_not_given_are_not_written(self) -> None:
        assert write_form({}) == {}
        assert write_form({"active": False}) == {"active": "false"}
