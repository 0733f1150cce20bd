"""What `TrackingCertificate` does for each state that Mailgun may have a certificate in."""

from __future__ import annotations

import pytest

from mailgun_tracking.emulator import Emulator
from tests.behaviour.mail import MailFactory, puts, wait_for_expiry

FAILED = {"status": "error", "error": "an older failure"}
AT_WORK = {"status": "processing", "error": "Waiting for x509 key pair generation"}


def host(name: str) -> str:
    return f"email.{name}.example.com"


def prepare(emulator: Emulator, *names: str) -> None:
    """Give Mailgun a domain for each name."""
    for name in names:
        emulator.add_domain(f"{name}.example.com")


def program(*names: str, more: str = "") -> str:
    """Declares a certificate for each name."""
    return "".join(f"TrackingCertificate({n!r}, {host(n)!r}{more})\n" for n in names)


def asked(emulator: Emulator, name: str) -> list[str]:
    """What was asked about one certificate: "GET 404", "POST 202"."""
    path = f"/v2/x509/{host(name)}"
    return [
        f"{r.method} {r.status}" for r in emulator.requests if r.path in (path, f"{path}/status")
    ]


def stale(emulator: Emulator, name: str, status: int, body: object) -> None:
    """Let the first look at a certificate show what is true no longer."""
    path = f"/v2/x509/{host(name)}/status"
    emulator.add_fault(method="GET", path=path, status=status, body=body, times=1)


@pytest.mark.behaviour(22)
def test_create_by_status(mail: MailFactory, emulator: Emulator) -> None:
    """active: adopt; processing: join; 404: POST; expired or error: PUT; a race: once more."""
    expected = {
        "none": ["GET 404", "POST 202", "GET 200"],
        "active": ["GET 200"],
        "processing": ["GET 200", "GET 200"],
        "expired": ["GET 200", "PUT 202", "GET 200"],
        "error": ["GET 200", "PUT 202", "GET 200"],
        # POST meets a certificate that was not there a moment ago.
        "post409active": ["GET 404", "POST 409", "GET 200"],
        "post409expired": ["GET 404", "POST 409", "GET 200", "PUT 202", "GET 200"],
        # PUT misses a certificate that was there a moment ago.
        "put404": ["GET 200", "PUT 404", "GET 404", "POST 202", "GET 200"],
        # PUT meets a certificate that Mailgun has renewed a moment ago.
        "put409": ["GET 200", "PUT 409", "GET 200"],
        # PUT meets a job; that is no rate limit.
        "put429": ["GET 200", "PUT 429", "GET 200"],
        "cname": ["GET 404", "POST 400", "POST 202", "GET 200"],
    }
    prepare(emulator, *expected)
    for name in ("active", "expired", "error"):
        emulator.set_certificate(host(name), name)
    stale(emulator, "processing", 200, AT_WORK)
    emulator.set_certificate(host("processing"), "active")
    not_found = {"Description": "not made yet"}
    stale(emulator, "post409active", 404, not_found)
    emulator.set_certificate(host("post409active"), "active")
    stale(emulator, "post409expired", 404, not_found)
    emulator.set_certificate(host("post409expired"), "expired")
    for name in ("put404", "put409", "put429"):
        stale(emulator, name, 200, FAILED)
    for name in ("put409", "put429"):
        emulator.set_certificate(host(name), "active")
    in_progress = {"Description": "x509 key pair generation job is already in progress"}
    path = f"/v2/x509/{host('put429')}"
    emulator.add_fault(method="PUT", path=path, status=429, body=in_progress, times=1)
    refusal = {"Reason": "invalid CNAME record"}
    emulator.add_fault(
        method="POST", path=f"/v2/x509/{host('cname')}", status=400, body=refusal, times=1
    )

    result = mail(program(*expected)).up()

    for name, calls in expected.items():
        assert asked(emulator, name) == calls, name
        certificate = emulator.domain(f"{name}.example.com").certificates[host(name)]
        assert certificate.status == "active", name
        outputs = result.resource_outputs(name)
        assert outputs["status"] == "active", name
        assert outputs["names"] == [host(name)], name
        assert certificate.not_after is not None
        assert outputs["not_after"] == certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"), name
        assert "certificate" not in outputs
        assert "BEGIN" not in str(outputs)
    assert any(said.startswith("adopted: valid until") for said in result.diagnostics("active"))
    assert any(said.startswith("joined: ") for said in result.diagnostics("processing"))


@pytest.mark.behaviour(22)
def test_create_that_cannot_be(mail: MailFactory, emulator: Emulator) -> None:
    """A plan without certificates, and a CNAME that nobody waits for, fail at the first no."""
    prepare(emulator, "cname", "waits", "plan", "lost")
    refusal = {"Reason": "invalid CNAME record"}
    for name in ("cname", "waits"):
        path = f"/v2/x509/{host(name)}"
        emulator.add_fault(method="POST", path=path, status=400, body=refusal)
    path = f"/v2/x509/{host('plan')}"
    emulator.add_fault(method="POST", path=path, status=402, body={"Reason": "upgrade"})
    result = mail(
        program("cname", more=", wait=False")
        + program("waits", more=", timeout=3")
        + program("plan")
        + program("lost")
        + 'TrackingCertificate("prefix", "other.lost.example.com")'
    ).up("--continue-on-error", check=False)

    assert asked(emulator, "cname") == ["GET 404", "POST 400"]
    first, *again = asked(emulator, "waits")
    assert first == "GET 404"
    assert set(again) == {"POST 400"}
    assert len(again) >= 2
    assert asked(emulator, "plan") == ["GET 404", "POST 402"]
    for name in ("cname", "waits"):
        [error] = result.diagnostics(name, "error")
        assert f"a CNAME record {host(name)} that points at mailgun.org" in error
    [error] = result.diagnostics("plan", "error")
    assert 'https_by="proxy"' in error
    [error] = result.diagnostics("prefix", "error")
    assert f"the tracking domain of lost.example.com is {host('lost')}: give that one" in error
    assert result.step("lost") == "create"
    assert emulator.domain("plan.example.com").certificates == {}


@pytest.mark.behaviour(22, 14)
def test_state_that_time_has_passed_by(mail: MailFactory, emulator: Emulator) -> None:
    """Expired by the clock previews as an update without a refresh; Mailgun may have renewed."""
    names = ("expires", "renewed")
    prepare(emulator, *names)
    emulator.set(certificate_lifetime_seconds=4)
    stack = mail(program(*names))
    stack.up()
    old = stack.resource("renewed")["outputs"]
    expiries = {name: wait_for_expiry(emulator, host(name)) for name in names}
    emulator.set(certificate_lifetime_seconds=90 * 86400)
    emulator.set_certificate(host("renewed"), "active")
    emulator.forget_requests()

    preview = stack.preview()
    assert puts(emulator) == []
    assert emulator.requests == []
    for name in names:
        assert preview.step(name) == "update"
        day = expiries[name].strftime("%Y-%m-%d")
        assert preview.diagnostics(name, "info") == [
            f"{host(name)}: expired on {day}: will be regenerated"
        ]

    result = stack.up()
    assert asked(emulator, "expires") == ["GET 200", "PUT 202", "GET 200"]
    assert asked(emulator, "renewed") == ["GET 200"]
    certificate = emulator.domain("renewed.example.com").certificates[host("renewed")]
    assert certificate.not_before is not None
    renewed = f"renewed by Mailgun on {certificate.not_before.strftime('%Y-%m-%d')}"
    assert renewed in result.diagnostics("renewed")
    new = result.resource_outputs("renewed")
    assert new["serial"] != old["serial"]
    assert new["not_after"] > old["not_after"]

    emulator.forget_requests()
    stack.preview("--expect-no-changes")
    assert emulator.requests == []
    generations = emulator.domain("expires.example.com").certificates[host("expires")].generation
    assert generations == 2


@pytest.mark.behaviour(23)
def test_processing_until_it_is_active(mail: MailFactory, emulator: Emulator) -> None:
    """Processing previews as an update; wait=False looks once, wait=True waits."""
    prepare(emulator, "looks", "waits")
    emulator.set(issuing_seconds=3600)
    stack = mail(program("looks", "waits", more=", wait=False"))
    result = stack.up()
    for name in ("looks", "waits"):
        assert asked(emulator, name) == ["GET 404", "POST 202", "GET 200"]
        assert result.resource_outputs(name)["status"] == "processing"
    emulator.forget_requests()

    preview = stack.preview("--expect-no-changes", check=False)
    assert preview.code != 0
    assert emulator.requests == []
    [reason] = preview.diagnostics("looks", "info")
    since = result.resource_outputs("looks")["processing_since"]
    assert reason == f"{host('looks')}: issuing since {since}: will be looked at"

    emulator.set_certificate(host("waits"), "active")
    stale(emulator, "waits", 200, AT_WORK)
    stack.write(program("looks", more=", wait=False") + program("waits", more=", wait=True"))
    result = stack.up()
    assert asked(emulator, "looks") == ["GET 200"]
    assert asked(emulator, "waits") == ["GET 200", "GET 200"]
    assert result.resource_outputs("looks")["status"] == "processing"
    assert result.resource_outputs("looks")["processing_since"] == since
    assert result.resource_outputs("waits")["status"] == "active"

    emulator.set_certificate(host("looks"), "active")
    result = stack.up()
    assert result.resource_outputs("looks")["status"] == "active"
    assert result.step("waits") == "same"

    emulator.forget_requests()
    stack.write(program("looks", "waits", more=", wait=True, timeout=5"))
    stack.up("--expect-no-changes", skip_preview=False)
    assert emulator.requests == []
    assert emulator.domain("looks.example.com").certificates[host("looks")].status == "active"


@pytest.mark.behaviour(24)
def test_one_attempt_for_each_up_after_an_error(mail: MailFactory, emulator: Emulator) -> None:
    """A failed generation is tried again once by each up, and the reason is shown each time."""
    prepare(emulator, "new", "old")
    stack = mail(program("old"))
    stack.up()
    emulator.set(issuance_fails="DNS problem: SERVFAIL looking up CAA")
    emulator.set_certificate(host("old"), "error", error="too many failed authorizations")
    emulator.forget_requests()
    stack.write(program("new", "old"))

    result = stack.up("--refresh", "--continue-on-error", check=False)
    assert asked(emulator, "new") == ["GET 404", "POST 202", "GET 200"]
    assert asked(emulator, "old") == ["GET 200", "GET 200", "PUT 202", "GET 200"]
    assert (
        f"{host('old')}: failed (too many failed authorizations): will be tried again"
    ) in result.diagnostics("old", "info")
    for name in ("new", "old"):
        [error] = result.diagnostics(name, "error")
        assert error.startswith(
            f"CertificateFailed: Mailgun could not get a certificate for {host(name)}: "
            "DNS problem: SERVFAIL looking up CAA; check that its CNAME"
        )

    emulator.forget_requests()
    result = stack.up("--continue-on-error", check=False)
    for name in ("new", "old"):
        assert asked(emulator, name) == ["GET 200", "PUT 202", "GET 200"]
        assert len(result.diagnostics(name, "error")) == 1
        status = emulator.domain(f"{name}.example.com").certificates[host(name)].status
        assert status == "error"

    emulator.set(issuance_fails=None)
    emulator.forget_requests()
    stack.up()
    assert sorted(puts(emulator)) == [f"PUT /v2/x509/{host(name)}" for name in ("new", "old")]
    for name in ("new", "old"):
        status = emulator.domain(f"{name}.example.com").certificates[host(name)].status
        assert status == "active"
