"""The dials: every setting of each, and what no dial may change."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailgun_tracking.emulator import Dials, Emulator, InvalidSetting
from mailgun_tracking.emulator.dials import allowed_settings
from tests.emulator.conftest import DOMAIN, HOST, Api, multipart

TRACKING = f"/v3/domains/{DOMAIN}/tracking"
X509 = f"/v2/x509/{HOST}"
OTHER_HOST = "links.mg.example.com"


@pytest.mark.parametrize(("setting", "read"), [("htmlonly", "htmlonly"), ("true", True)])
def test_htmlonly_reads_as(emulator: Emulator, api: Api, setting: str, read: Any) -> None:
    emulator.set_dials(htmlonly_reads_as=setting)
    body = api.put(f"{TRACKING}/click", data={"active": "htmlonly"}).json()
    assert body["click"]["active"] == api.tracking()["click"]["active"] == read
    assert emulator.domain(DOMAIN).click["active"] == "htmlonly"


@pytest.mark.parametrize(("setting", "on", "off"), [("json", True, False), ("yes_no", "yes", "no")])
def test_booleans(emulator: Emulator, api: Api, setting: str, on: Any, off: Any) -> None:
    emulator.set_dials(booleans=setting)
    body = api.put(f"{TRACKING}/open", data={"active": "true"}).json()
    assert body["open"]["active"] == on
    assert body["open"]["place_at_the_top"] == off
    tracking = api.tracking()
    assert tracking["open"] == body["open"]
    assert tracking["click"]["active"] == off
    assert tracking["unsubscribe"]["active"] == off
    emulator.drift(DOMAIN, click="htmlonly")
    assert api.tracking()["click"]["active"] == "htmlonly"


def test_yes_no_and_htmlonly_as_true_combine(emulator: Emulator, api: Api) -> None:
    emulator.set_dials(booleans="yes_no", htmlonly_reads_as="true")
    emulator.drift(DOMAIN, click="htmlonly")
    assert api.tracking()["click"]["active"] == "yes"


@pytest.mark.parametrize("section", ["click", "open", "unsubscribe"])
@pytest.mark.parametrize("setting", ["section", "message_only"])
def test_put_answers(emulator: Emulator, api: Api, setting: str, section: str) -> None:
    emulator.set_dials(put_answers=setting)
    body = api.put(f"{TRACKING}/{section}", data={"active": "true"}).json()
    assert (section in body) == (setting == "section")
    assert api.tracking()[section]["active"] is True


@pytest.mark.parametrize(
    ("setting", "status", "text"),
    [("forbidden", 403, '{"message":"Forbidden"}'), ("unauthorized", 401, "Forbidden")],
)
def test_role_refusal(emulator: Emulator, api: Api, setting: str, status: int, text: str) -> None:
    emulator.set_dials(role_refusal=setting)
    emulator.set(roles={"default": "analyst"})
    response = api.put(f"{TRACKING}/click", data={"active": "true"})
    assert (response.status_code, response.text) == (status, text)
    assert api.get(TRACKING).status_code == 200


@pytest.mark.parametrize(("setting", "active"), [("off", False), ("on", True)])
def test_new_domain_tracking(emulator: Emulator, api: Api, setting: str, active: bool) -> None:
    emulator.set_dials(new_domain_tracking=setting)
    api.post("/v4/domains", data={"name": "new.example.com"})
    tracking = api.tracking("new.example.com")
    assert {tracking[name]["active"] for name in ("open", "click", "unsubscribe")} == {active}
    assert api.tracking()["click"]["active"] is False
    emulator.add_domain("by-hand.example.com", click={"active": False})
    assert emulator.domain("by-hand.example.com").click["active"] is False


def test_x509_other_host_not_found(emulator: Emulator, api: Api) -> None:
    for method, end in (("POST", ""), ("PUT", ""), ("GET", "/status")):
        response = api.call(method, f"/v2/x509/{OTHER_HOST}{end}")
        assert response.json() == {"Description": "x509 cert not found"}


def test_x509_other_host_issues(emulator: Emulator, api: Api) -> None:
    """The certificate can then be issued before the prefix is moved."""
    emulator.set_dials(x509_other_host="issues")
    assert "Please initiate" in api.get(f"/v2/x509/{OTHER_HOST}/status").text
    assert api.post(f"/v2/x509/{OTHER_HOST}").status_code == 202
    certificate = api.certificate(OTHER_HOST)
    assert certificate["status"] == "active"
    assert api.put(f"/v2/x509/{OTHER_HOST}").status_code == 409
    api.put_domain(web_prefix="links")
    emulator.set_dials(x509_other_host="not_found")
    assert api.certificate(OTHER_HOST) == certificate


@pytest.mark.parametrize("host", [DOMAIN, "sub.mg.example.com", "a.b.mg.example.com", "a_b.no"])
def test_a_sending_domain_is_never_a_tracking_host(emulator: Emulator, api: Api, host: str) -> None:
    emulator.add_domain("example.com")
    emulator.add_domain("sub.mg.example.com")
    emulator.set_dials(x509_other_host="issues")
    assert api.post(f"/v2/x509/{host}").status_code == 404


@pytest.mark.parametrize(("setting", "status"), [("accepted", 202), ("conflict", 409)])
def test_post_after_error(emulator: Emulator, api: Api, setting: str, status: int) -> None:
    emulator.set_dials(post_after_error=setting)
    emulator.set_certificate(HOST, "error", error="some reason")
    assert api.certificate()["error"] == "some reason"
    assert api.post(X509).status_code == status


@pytest.mark.parametrize(("setting", "status"), [("accepted", 202), ("conflict", 409)])
def test_put_after_error(emulator: Emulator, api: Api, setting: str, status: int) -> None:
    """POST is another way then, and an expired certificate is reissued by PUT in any case."""
    emulator.set_dials(put_after_error=setting)
    emulator.set_certificate(HOST, "error")
    assert api.put(X509).status_code == status
    emulator.set_certificate(HOST, "error")
    assert api.post(X509).status_code == 202
    emulator.set_certificate(HOST, "expired")
    assert api.put(X509).status_code == 202


@pytest.mark.parametrize(
    ("setting", "age", "generation"),
    [("off", 80, 1), ("off", 200, 1), ("on", 60, 1), ("on", 80, 2), ("on", 200, 2)],
)
def test_renewal(emulator: Emulator, api: Api, setting: str, age: int, generation: int) -> None:
    emulator.set_dials(renewal=setting)
    emulator.set_certificate(HOST, "active", lifetime_seconds=100, age_seconds=age)
    expected = "expired" if age > 100 and setting == "off" else "active"
    assert api.certificate()["status"] == expected
    assert emulator.domain(DOMAIN).certificates[HOST].generation == generation


def test_renewal_needs_the_cname_record(emulator: Emulator, api: Api) -> None:
    emulator.set_dials(renewal="on")
    emulator.set(cname_check="invalid")
    emulator.set_certificate(HOST, "active", lifetime_seconds=100, age_seconds=200)
    assert api.certificate()["status"] == "expired"


def test_a_certificate_set_to_expired_is_not_renewed(emulator: Emulator, api: Api) -> None:
    emulator.set_dials(renewal="on")
    emulator.set_certificate(HOST, "expired")
    assert api.certificate()["status"] == "expired"


@pytest.mark.parametrize(
    ("setting", "read"),
    [("kept", "\na\r\nb\n"), ("crlf", "\r\na\r\nb\r\n"), ("stripped", "a\r\nb")],
)
def test_footer_newlines(emulator: Emulator, api: Api, setting: str, read: str) -> None:
    emulator.set_dials(footer_newlines=setting)
    sent = "\na\r\nb\n"
    body = api.put(f"{TRACKING}/unsubscribe", data={"html_footer": sent}).json()
    assert body["unsubscribe"]["html_footer"] == read
    assert api.tracking()["unsubscribe"]["html_footer"] == read
    assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == sent


@pytest.mark.parametrize("setting", ["present", "missing"])
def test_empty_footer(emulator: Emulator, api: Api, setting: str) -> None:
    emulator.set_dials(empty_footer=setting)
    body = api.put(f"{TRACKING}/unsubscribe", data={"html_footer": ""}).json()["unsubscribe"]
    assert body == api.tracking()["unsubscribe"]
    assert body.get("html_footer") == ("" if setting == "present" else None)
    assert "%unsubscribe_url%" in body["text_footer"]
    assert emulator.domain(DOMAIN).unsubscribe["html_footer"] == ""


@pytest.mark.parametrize("setting", ["present", "missing"])
def test_tracking_web_scheme(emulator: Emulator, api: Api, setting: str) -> None:
    emulator.set_dials(tracking_web_scheme=setting)
    assert ("web_scheme" in api.tracking()) == (setting == "present")


@pytest.mark.parametrize("setting", ["present", "missing"])
@pytest.mark.parametrize(
    ("dial", "field"),
    [("domain_web_prefix", "web_prefix"), ("domain_tracking_host", "tracking_host")],
)
def test_fields_of_the_domain(
    emulator: Emulator, api: Api, dial: str, field: str, setting: str
) -> None:
    emulator.set_dials(**{dial: setting})
    bodies = [
        api.get(f"/v4/domains/{DOMAIN}").json()["domain"],
        api.put_domain(web_scheme="http").json()["domain"],
        api.get("/v4/domains").json()["items"][0],
    ]
    assert [field in body for body in bodies] == [setting == "present"] * 3
    if dial == "domain_tracking_host" and setting == "present":
        assert bodies[0][field] == HOST


@pytest.mark.parametrize("setting", ["present", "missing"])
def test_domain_id(emulator: Emulator, api: Api, setting: str) -> None:
    emulator.set_dials(domain_id=setting)
    ids = set()
    for _ in range(2):
        shown = api.get(f"/v4/domains/{DOMAIN}").json()["domain"].get("id")
        assert api.get("/v4/domains").json()["items"][0].get("id") == shown
        ids.add(shown)
        emulator.remove_domain(DOMAIN)
        emulator.add_domain(DOMAIN)
    assert (None in ids) == (setting == "missing")
    assert len(ids) == (2 if setting == "present" else 1)


@pytest.mark.parametrize(
    ("setting", "text"), [("json", '{"message":"Invalid private key"}'), ("text", "Forbidden")]
)
def test_unauthorized_body(emulator: Emulator, api: Api, setting: str, text: str) -> None:
    emulator.set_dials(unauthorized_body=setting)
    api.session.auth = None
    assert api.get(TRACKING).text == text


@pytest.mark.parametrize("setting", ["full", "active_only"])
def test_open_answer(emulator: Emulator, api: Api, setting: str) -> None:
    emulator.set_dials(open_answer=setting)
    body = api.put(f"{TRACKING}/open", data={"place_at_the_top": "yes"}).json()["open"]
    assert body == api.tracking()["open"]
    assert ("place_at_the_top" in body) == (setting == "full")
    assert (set(body) == {"active"}) == (setting == "active_only")
    assert emulator.domain(DOMAIN).open["place_at_the_top"] is True


@pytest.mark.parametrize("version", ["v3", "v4"])
@pytest.mark.parametrize(("setting", "scheme"), [("ignored", "http"), ("applied", "https")])
def test_domain_put_urlencoded(
    emulator: Emulator, api: Api, setting: str, scheme: str, version: str
) -> None:
    emulator.set_dials(domain_put_urlencoded=setting)
    path = f"/{version}/domains/{DOMAIN}"
    response = api.put(path, data={"web_scheme": "https"})
    assert response.status_code == 200
    assert response.json()["message"] == "Domain has been updated"
    assert response.json()["domain"]["web_scheme"] == scheme
    assert api.tracking()["web_scheme"] == scheme
    # Mailgun's own clients create domains this way, and change the sections.
    created = api.post("/v4/domains", data={"name": "new.example.com", "web_scheme": "https"})
    assert created.json()["domain"]["web_scheme"] == "https"
    api.put(f"{TRACKING}/click", data={"active": "true"})
    assert api.tracking()["click"]["active"] is True
    api.put(path, files=multipart({"web_scheme": "https"}))
    assert api.tracking()["web_scheme"] == "https"


@pytest.mark.parametrize(("setting", "stays"), [("kept", True), ("lost", False)])
@pytest.mark.parametrize(
    ("path", "form", "attribute"),
    [
        (f"{TRACKING}/open", {"active": "true"}, "open"),
        (f"/v4/domains/{DOMAIN}", {"web_scheme": "https"}, "web_scheme"),
        (f"/v4/domains/{DOMAIN}", {"spam_action": "tag"}, ""),
    ],
)
def test_parallel_puts(
    emulator: Emulator,
    api: Api,
    new_api: Callable[..., Api],
    setting: str,
    stays: bool,
    path: str,
    form: dict[str, str],
    attribute: str,
) -> None:
    """Of a PUT that arrives and ends during another one; both respond with their own change."""
    emulator.set_dials(parallel_puts=setting)
    before = emulator.domain(DOMAIN)
    option = api.get(f"/v4/domains/{DOMAIN}").json()["domain"]["spam_action"]
    emulator.forget_requests()
    emulator.add_fault(method="PUT", path=f"{TRACKING}/click", delay_seconds=3)
    with ThreadPoolExecutor(1) as threads:
        slow = threads.submit(new_api(emulator).put, f"{TRACKING}/click", data={"active": "true"})
        while not emulator.requests:
            time.sleep(0.01)
        assert api.put(path, files=multipart(form)).status_code == 200
        assert not slow.done()
        during = emulator.domain(DOMAIN)
        assert slow.result().json()["click"] == {"active": True}
    now = emulator.domain(DOMAIN)
    assert now.click == {"active": True}
    if attribute:
        assert getattr(during, attribute) != getattr(before, attribute)
        assert getattr(now, attribute) == getattr(during if stays else before, attribute)
    else:
        kept = api.get(f"/v4/domains/{DOMAIN}").json()["domain"]["spam_action"]
        assert kept == ("tag" if stays else option)


def test_puts_one_after_another_are_kept(emulator: Emulator, api: Api) -> None:
    """And one that is refused writes nothing."""
    emulator.set_dials(parallel_puts="lost")
    api.put(f"{TRACKING}/click", data={"active": "true"})
    assert api.put(f"{TRACKING}/click", data={"active": "perhaps"}).status_code == 400
    api.put(f"/v4/domains/{DOMAIN}", files=multipart({"web_scheme": "https"}))
    api.put(f"{TRACKING}/open", data={"active": "true"})
    now = emulator.domain(DOMAIN)
    assert (now.click["active"], now.open["active"], now.web_scheme) == (True, True, "https")


def test_domain_tracking_host_custom(emulator: Emulator, api: Api) -> None:
    """Links of a new domain use it whatever the web prefix, and certificates are for it."""
    emulator.set_dials(domain_tracking_host="custom")
    new = "new.example.com"
    api.post("/v4/domains", data={"name": new})
    custom = f"go.links.{new}"
    form = multipart({"web_prefix": "track"})
    answer = api.put(f"/v4/domains/{new}", files=form).json()
    assert answer["domain"]["tracking_host"] == custom
    assert answer["domain"]["web_prefix"] == "track"
    assert answer["sending_dns_records"][-1]["name"] == custom
    assert api.post(f"/v2/x509/track.{new}").status_code == 404
    assert api.post(f"/v2/x509/{custom}").status_code == 202
    assert emulator.domain(new).certificates[custom].status == "active"
    assert emulator.domain(DOMAIN).tracking_host == HOST


def test_every_dial_is_tested() -> None:
    tests = " ".join(globals())
    covered = {"domain_web_prefix", "domain_tracking_host"}
    assert [d for d in allowed_settings() if f"test_{d}" not in tests and d not in covered] == []


def test_every_dial_documents_the_bug_that_it_catches() -> None:
    source = inspect.getsource(Dials)
    for name in allowed_settings():
        text = source.split(f"    {name}: Literal")[1].split('"""')[1]
        assert "Catches a client" in " ".join(text.split())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"booleans": "maybe"}, "dial booleans must be one of json, yes_no"),
        ({"boolean": "json"}, "'boolean'; must be one of htmlonly_reads_as, "),
    ],
)
def test_invalid_dials_are_rejected(
    emulator: Emulator, changes: dict[str, str], message: str
) -> None:
    before = emulator.dials
    with pytest.raises(InvalidSetting, match=message):
        emulator.set_dials(**changes)
    assert emulator.dials == before


def test_dials_are_parsed_from_pairs() -> None:
    assert Dials.from_pairs(["booleans=yes_no", " renewal = on "]) == Dials(
        booleans="yes_no", renewal="on"
    )
    with pytest.raises(InvalidSetting, match="NAME=SETTING"):
        Dials.from_pairs(["booleans"])
