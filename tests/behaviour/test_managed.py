"""Secrets, every way of writing a setting, and ignoring a single field."""

from __future__ import annotations

import json

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, calls, puts

HTML = "<p><a href='%unsubscribe_url%'>bye</a></p>"


@pytest.mark.behaviour(8)
def test_a_secret_footer_stays_encrypted_through_create_refresh_drift_and_destroy(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A setting is in the state once, under its input's own name, so no secret is copied."""

    def program(footer: str) -> str:
        return f"""
        footer = pulumi.Output.secret({footer!r})
        mg = DomainTracking("mg", "mg.example.com", unsubscribe={{"html_footer": footer}})
        section = pulumi.Output.secret({{"active": True, "text_footer": {footer!r}}})
        two = DomainTracking("two", "two.example.com", unsubscribe=section)
        pulumi.export("mg", mg.unsubscribe)
        pulumi.export("two", two.unsubscribe)
        pulumi.export("cname", mg.cname)
        """

    stack = mail(program("hush-1 %unsubscribe_url%"))
    stack.up(skip_preview=False)
    assert "hush-1" in json.dumps(emulator.domain("mg.example.com").unsubscribe)
    emulator.drift("mg.example.com", unsubscribe={"html_footer": "hush-2 %unsubscribe_url%"})
    emulator.drift("two.example.com", unsubscribe={"text_footer": "hush-2 %unsubscribe_url%"})
    drifted = stack.preview("--refresh", "--diff")
    assert drifted.changes["update"] == 2
    assert stack.refresh("--diff", skip_preview=False).step("mg") == "update"
    stack.write(program("hush-3 %unsubscribe_url%"))
    assert stack.up("--diff", skip_preview=False).changes == {"update": 2}
    now = [emulator.domain(name).unsubscribe for name in ("mg.example.com", "two.example.com")]
    assert now[0]["html_footer"] == now[1]["text_footer"] == "hush-3 %unsubscribe_url%"

    state = json.dumps(stack.export())
    assert "ciphertext" in state
    assert "hush" not in state
    assert stack.outputs()["mg"] == "[secret]"
    assert stack.outputs()["cname"] == {"name": "email.mg.example.com", "value": "mailgun.org"}

    emulator.drift("mg.example.com", unsubscribe={"html_footer": "hush-4 %unsubscribe_url%"})
    stack.write("")
    stack.up("--diff", skip_preview=False)
    files = [file for file in stack.directory.rglob("*") if file.is_file()]
    assert [file for file in files if b"hush" in file.read_bytes()] == []
    assert emulator.domain("two.example.com").unsubscribe["active"] is False


@pytest.mark.behaviour(90)
def test_a_secret_footer_that_the_program_lets_go_of_is_nowhere_in_plain_text(
    mail: MailFactory, emulator: Emulator
) -> None:
    """However it is let go of: in no state, history, event, row or output."""
    names = ("mg", "two", "three", "four")
    for name in names[2:]:
        emulator.add_domain(f"{name}.example.com")
    stack = mail(
        """
        footer = pulumi.Output.secret("hush %unsubscribe_url%")
        both = {"active": True, "html_footer": footer, "text_footer": footer}
        DomainTracking("mg", "mg.example.com", unsubscribe=both)
        DomainTracking("two", "two.example.com", unsubscribe=pulumi.Output.secret(both))
        DomainTracking("three", "three.example.com", unsubscribe={"text_footer": footer})
        DomainTracking("four", "four.example.com", open=True, unsubscribe=both)
        """
    )
    stack.up()
    stack.write(
        """
        mg = DomainTracking("mg", "mg.example.com", unsubscribe=True)
        two = DomainTracking("two", "two.example.com", unsubscribe={"html_footer": "public"})
        three = DomainTracking("three", "three.example.com")
        four = DomainTracking("four", "four.example.com", open=False, click=True)
        for one in (mg, two, three, four):
            pulumi.export(one._name, one.unsubscribe)
        """
    )
    preview = stack.preview("--diff")
    assert "html_footer of mg.example.com is no longer managed; left at 22 characters" in (
        preview.diagnostics("mg")
    )
    assert stack.up("--diff", skip_preview=False).changes == {"update": 4}
    for name in ("mg", "three", "four"):
        assert emulator.domain(f"{name}.example.com").unsubscribe["text_footer"].startswith("hush")
    assert stack.refresh("--expect-no-changes", skip_preview=False).code == 0
    assert stack.up("--refresh", "--expect-no-changes", "--json").code == 0
    assert stack.outputs(show_secrets=True)["two"] == {"active": True, "html_footer": "public"}
    stack.export("--show-secrets")
    files = [file for file in stack.directory.rglob("*") if file.is_file()]
    assert [file for file in files if b"hush" in file.read_bytes()] == []


@pytest.mark.behaviour(9)
def test_every_way_of_writing_a_setting_gives_the_same_state(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A bare value, a dict, the args classes, and Outputs of each and in each."""
    clicks = [
        '"htmlonly"',
        '{"active": "htmlonly"}',
        'ClickTrackingArgs(active="htmlonly")',
        'Output.from_input("htmlonly")',
        '{"active": Output.from_input("htmlonly")}',
        'ClickTrackingArgs(active=Output.from_input("htmlonly"))',
        'Output.from_input({"active": "htmlonly"})',
        'Output.from_input("htmlonly").apply(lambda a: {"active": a})',
    ]
    footers = f'"html_footer": {HTML!r}'
    unsubscribes = [
        f'{{"active": True, {footers}}}',
        f'{{"active": True, {footers}, "text_footer": None}}',
        f"UnsubscribeTrackingArgs(active=True, html_footer={HTML!r})",
        f'Output.from_input({{"active": True, {footers}}})',
        f'{{"active": Output.from_input(True), {footers}}}',
        f"UnsubscribeTrackingArgs(active=True, html_footer=Output.from_input({HTML!r}))",
        f"Output.from_input(UnsubscribeTrackingArgs(active=True, html_footer={HTML!r}))",
        f'Output.from_input({{"active": Output.from_input(True), {footers}}})',
    ]
    opens = [
        "True",
        '{"active": True}',
        "OpenTrackingArgs(active=True)",
        "Output.from_input(True)",
        '{"active": Output.from_input(True)}',
        "OpenTrackingArgs(active=Output.from_input(True))",
        "Output.from_input(OpenTrackingArgs(active=True))",
        'Output.from_input({"active": True, "place_at_the_top": None})',
    ]

    def program(turned: int) -> str:
        lines = ["from pulumi import Output"]
        for number in range(len(clicks)):
            way = (number + turned) % len(clicks)
            lines.append(
                f'DomainTracking("d{number}", "d{number}.example.com", open={opens[way]}, '
                f"click={clicks[way]}, unsubscribe={unsubscribes[way]})"
            )
        return "\n".join(lines)

    for number in range(len(clicks)):
        emulator.add_domain(f"d{number}.example.com")
    stack = mail(program(0))
    stack.up()
    states = set()
    for one in stack.export()["deployment"]["resources"]:
        if one["type"].startswith("pulumi-python:dynamic"):
            name = one["urn"].rpartition("::")[2]
            del one["outputs"]["domain_id"]
            inputs, outputs = json.dumps(one["inputs"]), json.dumps(one["outputs"])
            states.add((inputs.replace(name, "NAME"), outputs.replace(name, "NAME")))
    assert len(states) == 1
    inputs = json.loads(states.pop()[0])
    assert inputs["click"]["active"] == "htmlonly"
    assert inputs["unsubscribe"] == {"active": True, "html_footer": HTML}

    emulator.forget_requests()
    stack.write(program(3))
    stack.up("--expect-no-changes")
    assert calls(emulator) == []
    settings = {json.dumps(emulator.domain(f"d{n}.example.com").unsubscribe) for n in range(8)}
    assert len(settings) == 1


@pytest.mark.behaviour(9, 15)
def test_a_bare_value_can_be_ignored_by_its_field(mail: MailFactory, emulator: Emulator) -> None:
    """`ignore_changes=["click.active"]` holds for `click=True` too."""

    def program(click: str) -> str:
        return f"""
        ignored = pulumi.ResourceOptions(ignore_changes=["click.active"])
        DomainTracking("mg", "mg.example.com", click={click}, open=True, opts=ignored)
        """

    stack = mail(program("True"))
    stack.up()
    emulator.forget_requests()
    stack.write(program('"htmlonly"'))
    stack.up("--expect-no-changes", skip_preview=False)
    assert calls(emulator) == []
    assert emulator.domain("mg.example.com").click["active"] is True


@pytest.mark.behaviour(39, 40)
def test_an_up_without_a_refresh_puts_right_what_its_responses_show(
    mail: MailFactory, emulator: Emulator
) -> None:
    """Somebody turned off what the program turns on; it goes on to change other fields."""
    stack = mail('DomainTracking("mg", "mg.example.com", open=True, unsubscribe=True)')
    stack.up()
    emulator.drift("mg.example.com", open=False, unsubscribe=False)
    emulator.forget_requests()
    stack.write(
        """
        DomainTracking(
            "mg",
            "mg.example.com",
            open={"active": True, "place_at_the_top": True},
            unsubscribe={"active": True, "text_footer": "Leave: %unsubscribe_url%"},
        )
        """
    )
    stack.up()
    domain = emulator.domain("mg.example.com")
    assert domain.open == {"active": True, "place_at_the_top": True}
    assert domain.unsubscribe["active"] is True
    assert domain.unsubscribe["text_footer"] == "Leave: %unsubscribe_url%"
    # What differs from the state, and then what the responses showed. The section of a footer is
    # read first.
    assert sorted(puts(emulator)) == [
        "PUT /v3/domains/mg.example.com/tracking/open",
        "PUT /v3/domains/mg.example.com/tracking/open",
        "PUT /v3/domains/mg.example.com/tracking/unsubscribe",
    ]
    stack.preview("--expect-no-changes")
    stack.refresh("--expect-no-changes")
    stack.preview("--expect-no-changes")


@pytest.mark.behaviour(40)
def test_what_differs_in_state_is_a_change_although_the_inputs_are_the_same(
    mail: MailFactory, emulator: Emulator
) -> None:
    """A state of an earlier release may have drift in its outputs and the old inputs."""
    stack = mail('DomainTracking("mg", "mg.example.com", open=True)')
    stack.up()
    emulator.drift("mg.example.com", open=False)
    state = stack.export()
    [resource] = [one for one in state["deployment"]["resources"] if one["urn"].endswith("::mg")]
    assert resource["inputs"]["open"] == {"active": True}
    resource["outputs"]["open"]["active"] = False
    file = stack.directory / "drifted.json"
    file.write_text(json.dumps(state))
    stack.run("stack", "import", "--file", str(file))
    assert stack.preview().step("mg") == "update"
    stack.up()
    assert emulator.domain("mg.example.com").open["active"] is True
    stack.preview("--expect-no-changes")
