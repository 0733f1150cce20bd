"""Pulumi's resource options work as with any provider, or are refused."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts


@pytest.mark.behaviour(15)
def test_options_that_change_what_an_update_does(mail: MailFactory, emulator: Emulator) -> None:
    """`ignore_changes`, `replace_on_changes`, aliases, `protect` and `retain_on_delete`."""
    for name in ("a", "b", "c", "d", "e"):
        emulator.add_domain(f"{name}.example.com")
    stack = mail(
        """
        from pulumi import ResourceOptions as Options
        footer = "<p>%unsubscribe_url%</p>"
        DomainTracking("a", "a.example.com", click=True, unsubscribe={"html_footer": footer})
        DomainTracking("b", "b.example.com", click=True, open=True)
        DomainTracking("c", "c.example.com", click=True)
        DomainTracking("d", "d.example.com", click=True, opts=Options(retain_on_delete=True))
        DomainTracking("e", "e.example.com", click=True, opts=Options(protect=True))
        TrackingCertificate("certificate", "email.a.example.com")
        """
    )
    stack.up()
    emulator.forget_requests()
    stack.write(
        """
        from pulumi import Alias, ResourceOptions as Options

        class Component(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("test:index:Component", name)

        footer = "<p>Leave: %unsubscribe_url%</p>"
        ignored = Options(ignore_changes=["click.active", "unsubscribe.html_footer"])
        DomainTracking(
            "a", "a.example.com", open=True, click=False, unsubscribe={"html_footer": footer},
            opts=ignored,
        )
        replaced = Options(replace_on_changes=["click.active"], delete_before_replace=True)
        DomainTracking("b", "b.example.com", click="htmlonly", open=True, opts=replaced)
        moved = Options(
            parent=Component("component"),
            aliases=[Alias(name="c", parent=pulumi.ROOT_STACK_RESOURCE)],
        )
        DomainTracking("c2", "c.example.com", click=True, opts=moved)
        DomainTracking("e", "e.example.com", click=True, opts=Options(protect=True))
        aliased = Options(aliases=[Alias(name="certificate")])
        TrackingCertificate("renamed", "email.a.example.com", opts=aliased)
        """
    )
    up = stack.up(skip_preview=False)
    assert up.step("a") == "update"
    assert up.step("b") == "replace"
    assert up.step("c2") == up.step("renamed") == up.step("e") == "same"
    assert up.step("d") == "delete"
    forms = {request.path: request.form for request in emulator.requests if request.form}
    assert forms == {
        "/v3/domains/a.example.com/tracking/open": {"active": "true"},
        "/v3/domains/b.example.com/tracking/click": {"active": "htmlonly"},
    }
    now = {name: emulator.domain(f"{name}.example.com") for name in "abcde"}
    assert {name: domain.click["active"] for name, domain in now.items()} == {
        "a": True,
        "b": "htmlonly",
        "c": True,
        "d": True,
        "e": True,
    }
    assert now["a"].unsubscribe["html_footer"] == "<p>%unsubscribe_url%</p>"

    stack.write("")
    refused = stack.up(check=False)
    assert refused.code != 0
    assert "protect" in refused.output
    assert emulator.domain("e.example.com").click["active"] is True
    assert emulator.domain("d.example.com").click["active"] is True


@pytest.mark.behaviour(15)
def test_a_replacement_keeps_the_order_that_was_requested(
    mail: MailFactory, emulator: Emulator
) -> None:
    """With `delete_before_replace` the old one goes first."""

    def program(domain: str) -> str:
        return f"""
        opts = pulumi.ResourceOptions(delete_before_replace=True)
        DomainTracking("mg", "{domain}", click=True, opts=opts)
        """

    stack = mail(program("mg.example.com"))
    stack.up()
    emulator.forget_requests()
    stack.write(program("two.example.com"))
    assert stack.up().step("mg") == "replace"
    on, off = (f"PUT /v3/domains/{name}.example.com/tracking/click" for name in ("two", "mg"))
    assert puts(emulator) == [off, on]
    assert emulator.domain("mg.example.com").click["active"] is False
    assert emulator.domain("two.example.com").click["active"] is True


@pytest.mark.behaviour(15)
def test_targets_and_transforms(mail: MailFactory, emulator: Emulator) -> None:
    """`--target` changes just one; a transform sees normalized inputs and may change them."""
    stack = mail(
        """
        def everywhere(args):
            if args.type_.endswith("mailgun:DomainTracking"):
                assert args.props["click"]["active"] is True, args.props["click"]
                return pulumi.ResourceTransformResult(
                    {**args.props, "click": {"active": "htmlonly"}}, args.opts
                )

        pulumi.runtime.register_resource_transform(everywhere)
        no_open = pulumi.ResourceOptions(
            transforms=[
                lambda args: pulumi.ResourceTransformResult(
                    {k: v for k, v in args.props.items() if k != "open"}, args.opts
                )
            ]
        )
        DomainTracking("mg", "mg.example.com", click=True, open=True)
        DomainTracking("two", "two.example.com", click=True, open=True, opts=no_open)
        """
    )
    prefix = "urn:pulumi:dev::mail::pulumi-python:dynamic/mailgun:DomainTracking::"
    stack.up("--target", f"{prefix}two")
    assert puts(emulator) == ["PUT /v3/domains/two.example.com/tracking/click"]
    up = stack.up("--target", f"{prefix}mg")
    assert up.resource_outputs("mg")["managed"] == ["open.active", "click.active"]
    assert emulator.domain("mg.example.com").click["active"] == "htmlonly"
    assert emulator.domain("mg.example.com").open["active"] is True
    assert emulator.domain("two.example.com").open["active"] is False
    stack.destroy("--target", f"{prefix}mg")
    assert emulator.domain("mg.example.com").click["active"] is False
    assert emulator.domain("two.example.com").click["active"] == "htmlonly"


@pytest.mark.behaviour(15)
def test_custom_timeouts_are_warned_of_once_a_resource_that_names_what_to_use(
    mail: MailFactory, emulator: Emulator
) -> None:
    """The SDK drops them, so the constructor says `timeout`."""
    stack = mail(
        """
        slow = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1h"))
        TrackingCertificate("certificate", "email.mg.example.com", opts=slow)
        DomainTracking("mg", "mg.example.com", click=True, opts=slow)
        """
    )
    preview = stack.preview()
    warnings = [text for text in preview.all_diagnostics() if "custom_timeouts" in text]
    assert len(warnings) == 2
    assert "set its timeout" in next(text for text in warnings if "TrackingCertificate" in text)
    assert preview.changes == {"create": 2}
    assert puts(emulator) == []


@pytest.mark.behaviour(15)
@pytest.mark.parametrize(
    "resource",
    [
        'DomainTracking("mg", "mg.example.com", click=True',
        'TrackingCertificate("mg", "email.mg.example.com"',
    ],
)
def test_the_option_import_is_refused_with_the_way_that_works(
    mail: MailFactory, emulator: Emulator, resource: str
) -> None:
    """In the constructor, before the engine is asked for what it cannot do."""
    stack = mail(f'{resource}, opts=pulumi.ResourceOptions(import_="mg.example.com"))')
    refused = stack.preview(check=False)
    assert refused.code != 0
    assert "does not support import_" in refused.output
    assert "`mailgun-tracking import DOMAIN --out imported`" in refused.output
    assert "`pulumi import --file imported/import.json --generate-code=false`" in refused.output
    assert calls(emulator) == []


@pytest.mark.behaviour(6, 15)
def test_ignoring_changes_of_everything(mail: MailFactory, emulator: Emulator) -> None:
    """Nothing changes, and what check adds does not become managed."""
    program = (
        'DomainTracking("mg", "mg.example.com", click={click}, '
        'opts=pulumi.ResourceOptions(ignore_changes=["*"]))'
    )
    stack = mail(program.format(click=True))
    stack.up()
    managed = stack.resource("mg")["outputs"]["managed"]
    emulator.forget_requests()
    stack.write(program.format(click=False))
    assert stack.up().step("mg") == "same"
    assert stack.resource("mg")["outputs"]["managed"] == managed == ["click.active"]
    assert emulator.requests == []
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(6, 15)
def test_ignoring_what_is_not_mentioned(mail: MailFactory, emulator: Emulator) -> None:
    """That does not make it managed."""
    stack = mail(
        """
        ignored = ["web_prefix", "web_scheme", "cname", "tracking_domain", "managed"]
        opts = pulumi.ResourceOptions(ignore_changes=ignored)
        DomainTracking("mg", "mg.example.com", click=True, opts=opts)
        """
    )
    stack.up()
    emulator.forget_requests()
    stack.up("--expect-no-changes")
    assert stack.resource("mg")["outputs"]["managed"] == ["click.active"]
    assert emulator.requests == []


PLACES = """
from pulumi import ResourceOptions as Options, ResourceTransformResult, ResourceTransformationResult

PATHS = {paths!r}


def ignoring(place, result):
    def change(args):
        # Only the settings: the host ignores nothing that the program sets.
        if args.name != f"settings-{{place}}":
            return None
        ignored = Options.merge(args.opts, Options(ignore_changes=PATHS))
        return result(args.props, ignored)

    return change


def transform(place):
    return ignoring(place, ResourceTransformResult)


def transformation(place):
    return ignoring(place, ResourceTransformationResult)


class Component(pulumi.ComponentResource):
    def __init__(self):
        opts = Options(transforms=[transform("component")])
        super().__init__("test:index:Component", "component", None, opts)


pulumi.runtime.register_resource_transform(transform("stack-transform"))
pulumi.runtime.register_stack_transformation(transformation("stack-transformation"))
places = {{
    "constructor": Options(ignore_changes=PATHS),
    "transform": Options(transforms=[transform("transform")]),
    "transformation": Options(transformations=[transformation("transformation")]),
    "component": Options(parent=Component()),
    "stack-transform": None,
    "stack-transformation": None,
}}
for place, opts in places.items():
    domain = f"{{place}}.example.com"
    DomainTracking(f"settings-{{place}}", domain, **{settings!r}, opts=opts)
    DomainTracking(f"host-{{place}}", domain, web_scheme="http", web_prefix="email")
"""


@pytest.mark.behaviour(51)
def test_it_does_not_matter_where_ignore_changes_is_from(
    mail: MailFactory, emulator: Emulator
) -> None:
    """What the program does not set stays unmanaged, and what it sets is ignored."""
    places = [
        "constructor",
        "transform",
        "transformation",
        "component",
        "stack-transform",
        "stack-transformation",
    ]
    for place in places:
        emulator.add_domain(f"{place}.example.com")
    paths = ["click.active", "web_scheme", "web_prefix", "cname", "tracking_domain"]

    def program(**settings: object) -> str:
        return PLACES.format(paths=paths, settings=settings)

    stack = mail(program(click=True, open=False))
    stack.up()
    emulator.forget_requests()
    stack.write(program(click="htmlonly", open=False))
    stack.up("--expect-no-changes", skip_preview=False)
    assert puts(emulator) == []
    stack.write(program(click="htmlonly", open=True))
    up = stack.up(skip_preview=False)
    assert sorted(puts(emulator)) == [
        f"PUT /v3/domains/{place}.example.com/tracking/open" for place in sorted(places)
    ]
    for place in places:
        names = {"settings": f"settings-{place}", "host": f"host-{place}"}
        steps = {kind: up.step(name) for kind, name in names.items()}
        assert steps == {"settings": "update", "host": "same"}, place
        managed = {kind: stack.resource(name)["outputs"]["managed"] for kind, name in names.items()}
        assert managed == {
            "settings": ["open.active", "click.active"],
            "host": ["web_scheme", "web_prefix"],
        }, place
        assert emulator.domain(f"{place}.example.com").click["active"] is True


@pytest.mark.behaviour(6, 51)
def test_what_is_ignored_can_become_managed(mail: MailFactory, emulator: Emulator) -> None:
    """Once the program sets it, at the value that it has; a transform may set it as well."""
    stack = mail('DomainTracking("mg", "mg.example.com", click=True)')
    stack.up()
    stack.write(
        """
        ignored = pulumi.ResourceOptions(ignore_changes=["web_scheme"])
        DomainTracking("mg", "mg.example.com", click=True, web_scheme="http", opts=ignored)
        """
    )
    stack.up()
    assert stack.resource("mg")["outputs"]["managed"] == ["click.active", "web_scheme"]
    stack.write(
        """
        def links(args):
            props = {**args.props, "web_prefix": "links", "web_scheme": "http"}
            return pulumi.ResourceTransformResult(props, args.opts)

        opts = pulumi.ResourceOptions(transforms=[links])
        DomainTracking("mg", "mg.example.com", click=True, opts=opts)
        """
    )
    for _ in range(2):
        stack.up()
        managed = stack.resource("mg")["outputs"]["managed"]
        assert managed == ["click.active", "web_scheme", "web_prefix"]
    assert emulator.domain("mg.example.com").web_prefix == "links"


@pytest.mark.behaviour(51)
def test_a_path_that_does_not_exist_is_warned_of(mail: MailFactory, emulator: Emulator) -> None:
    """With the one that was probably meant, once, wherever it is from; the others still count."""
    stack = mail(
        """
        from pulumi import ResourceOptions as Options
        paths = ["click_tracking", "unsubscribe", 'open["active"]', "*", "cname.value"]
        DomainTracking("mg", "mg.example.com", click=True, opts=Options(ignore_changes=paths))
        colour = Options(ignore_changes=["colour"])
        TrackingCertificate("certificate", "email.mg.example.com", opts=colour)
        """
    )
    preview = stack.preview()
    expected = [
        "DomainTracking mg: ignore_changes has 'click_tracking'; did you mean click.active?",
        "TrackingCertificate certificate: ignore_changes has 'colour'; "
        "this resource has no such property",
    ]
    assert [text for text in preview.all_diagnostics() if "ignore_changes" in text] == expected
    stack.up()
    stack.write(
        """
        def ignoring(args):
            more = pulumi.ResourceOptions(ignore_changes=["tags", "click.activ"])
            opts = pulumi.ResourceOptions.merge(args.opts, more)
            return pulumi.ResourceTransformResult(args.props, opts)

        pulumi.runtime.register_resource_transform(ignoring)
        DomainTracking("mg", "mg.example.com", click=True)
        TrackingCertificate("certificate", "email.mg.example.com")
        """
    )
    preview = stack.preview("--expect-no-changes")
    [text] = [text for text in preview.all_diagnostics() if "ignore_changes" in text]
    assert text == "ignore_changes has 'click.activ'; did you mean click.active?"
    assert text in preview.diagnostics("mg", "warning")
