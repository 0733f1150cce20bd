"""The guide to the policies describes each rule and its settings."""

from __future__ import annotations

import re

import pytest
from pulumi_policy import Policy

from mailgun_tracking.policies import rules
from tests.docs.markdown import ROOT, Document


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_each_rule_is_described_in_its_own_section(rule: Policy) -> None:
    """The guide has a heading with its name, and a row for each of its settings."""
    assert rule.config_schema
    properties = rule.config_schema.properties
    guide = Document(ROOT / "docs" / "guides" / "policies.md")
    assert rule.name in guide.anchors()
    section = guide.text.split(f"\n### {rule.name}\n")[1].split("\n#")[0]
    own = properties.keys() - {"except"}
    rows = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert set(rows) == own
    for name in own:
        for choice in properties[name].get("enum", ()):
            assert f"`{choice}`: " in section
