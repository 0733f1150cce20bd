"""The rules as a pack: metadata, and the extra."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import jsonschema
import pytest
from pulumi_policy import EnforcementLevel, Policy, PolicyConfigSchema
from pulumi_policy.policy import _PolicyAnalyzerServicer

from mailgun_tracking.policies import rules
from tests.unit.policies.test_rules import NAMES, VIOLATIONS

URL = "https://docs.example.com/guides/policies.html"


def schema_of(rule: Policy) -> PolicyConfigSchema:
    """A rule's settings."""
    assert rule.config_schema
    return rule.config_schema


@pytest.mark.behaviour(108)
@pytest.mark.parametrize("rule", rules(URL), ids=lambda rule: rule.name)
def test_the_metadata_of_each_rule_is_complete(rule: Policy) -> None:
    """Names, description, severity, steps, address, and a described schema for each setting."""
    assert rule.name in NAMES, "tested"
    for sentence in (rule.description, rule.remediation_steps):
        assert sentence
        assert sentence.endswith(".")
    assert rule.display_name
    assert rule.severity
    assert rule.url == f"{URL}#{rule.name}"
    assert rule.enforcement_level is None, "that of the pack"
    properties = schema_of(rule).properties
    assert properties
    for setting in properties.values():
        assert str(setting["description"]).endswith(".")
        jsonschema.Draft7Validator.check_schema(setting)
        if "default" in setting:
            jsonschema.validate(setting["default"], setting)


def test_rules_have_no_address_that_nobody_gave() -> None:
    """The docs of this package have no public address."""
    assert {rule.url for rule in rules()} == {None}
    assert len({rule.name for rule in rules()}) == len(rules())


@pytest.mark.parametrize(("name", "settings"), [(name, given) for name, given, *_ in VIOLATIONS])
def test_the_settings_in_use_are_valid(name: str, settings: dict[str, object]) -> None:
    """What the tests of the rules set is in the schemas, with such values."""
    (rule,) = (rule for rule in rules() if rule.name == name)
    schema = {"additionalProperties": False, "properties": schema_of(rule).properties}
    jsonschema.validate(settings, schema)


def test_the_sdk_can_send_the_metadata() -> None:
    """Every schema can be a protobuf struct."""
    servicer: Any = _PolicyAnalyzerServicer("pack", "1.0.0", rules(URL), EnforcementLevel.ADVISORY)
    sent = servicer.GetAnalyzerInfo(None, None).policies
    assert [one.name for one in sent] == [rule.name for rule in rules()]
    assert all(one.configSchema.properties for one in sent)


def test_without_the_extra_the_error_says_what_to_install() -> None:
    program = "import sys\nsys.modules['pulumi_policy'] = None\nimport mailgun_tracking.policies\n"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: mailgun_tracking.policies needs pulumi-policy: "
        "install the package as mailgun-tracking[policy]"
    )
