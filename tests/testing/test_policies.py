"""`analyze`: policies without an engine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from mailgun_tracking.testing.policies import UNKNOWN, SampleResource, Violation, analyze, secret

BUCKET = "cloud:index:Bucket"
WEB = SampleResource("web:index:Site", name="web")


async def _is_private(args: ResourceValidationArgs, report: ReportViolation) -> None:
    if args.resource_type == BUCKET:
        await asyncio.sleep(0)
        if args.props["public"]:
            report(f"it is public, at most {args.get_config()['most']:.0f} may be", args.urn)


def _make_private(args: Any) -> object:
    if args.resource_type != BUCKET or args.props["public"] in (False, UNKNOWN):
        return None
    args.props["public"] = False
    return args.props


def _make_private_in_a_copy(args: Any) -> object:
    return {**args.props, "public": False} if args.resource_type == BUCKET else None


def _has_few(args: StackValidationArgs, report: ReportViolation) -> None:
    inside = [one for one in args.resources if one.parent and one.parent.resource_type == WEB.type]
    if not args.resources[0].urn.endswith("::sample-dev"):
        report("there is no stack", None)
    for one in inside[int(args.get_config()["most"]) :]:
        report(f"{one.props['address']} is one too many", one.urn)
    if len(inside) > 2:
        report("", None)


MOST = PolicyConfigSchema({"most": {"type": "integer", "default": 1}})
PRIVATE = ResourceValidationPolicy(
    "private",
    "Buckets are private.",
    _is_private,
    EnforcementLevel.MANDATORY,
    MOST,
    _make_private,  # type: ignore[arg-type]
)
FEW = StackValidationPolicy("few", "A site has few buckets.", _has_few, config_schema=MOST)
TOLD = "it is public, at most 1 may be"


def bucket(public: object, name: str = "b", parent: SampleResource | None = None) -> SampleResource:
    """A bucket with a secret."""
    inputs = {"public": public, "note": secret("private"), "tags": [UNKNOWN]}
    return SampleResource(BUCKET, inputs, {"address": f"{name}.test"}, name, parent)


@pytest.mark.behaviour(114)
def test_violations_have_a_name_a_level_and_a_message() -> None:
    """Of one policy and one resource, by the policy's own level or the pack's."""
    assert analyze(PRIVATE, bucket(False)).violations == []
    assert analyze(PRIVATE, bucket(True), WEB).violations == [
        Violation("private", "mandatory", TOLD, "b")
    ]
    three = [bucket(True, name, WEB) for name in ("a", "b", "c")]
    analysis = analyze([PRIVATE, FEW], WEB, *three, config={"private": "disabled"})
    assert analysis.violations == [
        Violation("few", "advisory", "b.test is one too many", "b"),
        Violation("few", "advisory", "c.test is one too many", "c"),
        Violation("few", "advisory", "", ""),
    ]


@pytest.mark.behaviour(114)
def test_an_unknown_value_is_unknown_to_policies() -> None:
    """The SDK warns, as in a preview. A policy may also say that it does not apply."""
    analysis = analyze(PRIVATE, bucket(UNKNOWN), config={"private": EnforcementLevel.REMEDIATE})
    (warning,) = analysis.violations
    assert (warning.policy, warning.level, warning.resource) == ("private", "advisory", "b")
    assert warning.message.startswith("can't run policy 'private' from policy pack ")
    assert warning.message.endswith("string value at .public can't be known during preview")
    assert analysis.remediated == []

    def reads_unknown(args: ResourceValidationArgs) -> Any:
        raise UnknownValueError(UNKNOWN, ["public"])

    policy = ResourceValidationPolicy("other", "Something else.", remediate=reads_unknown)
    warnings = analyze(policy, WEB, config={"all": "remediate"}).violations
    assert {one.message.partition(" from ")[0] for one in warnings} == {
        "can't run remediation 'other'"
    }

    def does_not_apply(args: ResourceValidationArgs, _: ReportViolation) -> None:
        args.not_applicable("there are no buckets")

    policy = ResourceValidationPolicy("other", "Something else.", does_not_apply)
    assert set(analyze(policy, WEB).not_applicable) == {("other", "there are no buckets")}


@pytest.mark.behaviour(114)
def test_a_remediation_comes_before_all_else() -> None:
    """What it changes is in the inputs; secrets and unknown values stay."""
    config = {"all": "remediate", "few": {"most": 2}}
    analysis = analyze([PRIVATE, FEW], WEB, bucket(True, parent=WEB), config=config)
    assert analysis.violations == []
    (after,) = analysis.remediated
    assert after == bucket(False, parent=WEB)
    assert analyze(PRIVATE, after, config={"private": "remediate"}).remediated == []

    # A copy loses what was secret, with the engine too.
    careless = ResourceValidationPolicy(
        "private",
        "Buckets are private.",
        remediate=_make_private_in_a_copy,  # type: ignore[arg-type]
    )
    (after,) = analyze(careless, bucket(True), config={"all": "remediate"}).remediated
    assert after.inputs["note"] == "private"


PACK = """
from pathlib import Path
from pulumi_policy import EnforcementLevel, PolicyPack
from own_policies import POLICIES

text = Path("settings.txt").read_text()
PolicyPack(
    "pack", POLICIES, EnforcementLevel.ADVISORY,
    {"all": EnforcementLevel.MANDATORY, "few": {"enforcementLevel": "advisory", "most": int(text)}},
)
"""


@pytest.mark.behaviour(114)
def test_a_folder_is_a_pack(tmp_path: Path) -> None:
    """With its levels and settings, which `config` overrides as a file does."""
    (tmp_path / "PulumiPolicy.yaml").write_text("{runtime: python, main: src}")
    (tmp_path / "src").mkdir()
    main = tmp_path / "src" / "__main__.py"
    main.write_text(PACK.replace('"advisory"', "EnforcementLevel.ADVISORY"))
    (tmp_path / "settings.txt").write_text("2")
    (tmp_path / "src" / "own_policies.py").write_text(
        "from tests.testing.test_policies import FEW, PRIVATE\nPOLICIES = [FEW, PRIVATE]\n"
    )
    three = [bucket(True, name, WEB) for name in ("a", "b", "c")]

    def levels(config: dict[str, object]) -> list[tuple[str, str, str]]:
        found = analyze(tmp_path, WEB, *three, config=config).violations
        return [(one.policy, one.level, one.resource) for one in found]

    private = [("private", "mandatory", one) for one in "abc"]
    assert levels({}) == [*private, ("few", "advisory", "c"), ("few", "advisory", "")]
    assert levels({"all": "disabled", "private": "mandatory"}) == private
    assert levels({"private": "disabled", "few": {"enforcementLevel": "mandatory", "most": 3}}) == [
        ("few", "mandatory", "")
    ]
    assert "own_policies" not in sys.modules
    with pytest.raises(ValueError, match="no policy is called fwe; there are: few, private"):
        analyze(tmp_path, config={"fwe": "mandatory"})
    main.write_text("")
    with pytest.raises(ValueError, match="src declares no PolicyPack"):
        analyze(tmp_path)


@pytest.mark.behaviour(111, 114)
@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("pulumi_policy", "testing.policies needs pulumi-policy: {}[policy,test]"),
        ("uvicorn", "testing needs uvicorn: {}[test]"),
    ],
)
def test_without_an_extra_the_error_says_what_to_install(missing: str, told: str) -> None:
    """Without pulumi-policy the rest of the kit works."""
    script = (
        f"import sys; sys.modules['{missing}'] = None\n"
        "try: import mailgun_tracking.testing.policies\n"
        "finally: print('mailgun_tracking.testing' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    text = told.format("install the package as mailgun-tracking")
    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: mailgun_tracking.{text}"
    assert done.stdout.strip() == str(missing == "pulumi_policy")
