"""A demo of HTTPS tracking from scratch; run it with `make https-demo`.

It starts BIND, a certificate authority (Pebble) and the Mailgun emulator on this machine. A single
`pulumi up` of `examples/rfc2136` then creates the record, gets the certificate and enables https.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from cryptography import x509

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.engine.stack import StackFactory  # noqa: E402 - found through the line above
from tests.https.example import ExampleStack, emulated_mailgun, example_stack  # noqa: E402
from tests.https.servers import (  # noqa: E402
    MAILGUN,
    ZONE,
    Bind,
    Pebble,
    ToolMissing,
    free_ports,
    https_get,
)

DOMAIN = f"mg.{ZONE}"
HOST = f"email.{DOMAIN}"
LINK = "/c/abc?url=https://example.com/offer"


def main() -> int:
    """Run the demo; returns 0 if everything worked."""
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="https-demo-")))
        http_port = free_ports(1)[0]
        try:
            bind: Bind = running.enter_context(Bind(folder / "bind"))
            pebble: Pebble = running.enter_context(
                Pebble(folder / "pebble", bind.address, http_port)
            )
        except ToolMissing as missing:
            print(missing, file=sys.stderr)
            return 1
        mailgun = running.enter_context(emulated_mailgun(bind, pebble, http_port))
        https_port = mailgun.tracking_host.https_port
        say("Servers on this machine")
        print(f"  DNS (BIND)                {bind.address}, with the zone {ZONE}")
        print(f"  CA (Pebble)               {pebble.directory}")
        print(f"  Mailgun (emulated)        {mailgun.url}, with the domain {DOMAIN}")
        print(f"  tracking domains, HTTPS   127.0.0.1:{https_port}")

        say("Before: no record in the zone, no certificate at Mailgun")
        records = bind.lookup(HOST, "CNAME")
        print(f"  {HOST}  CNAME  {records or 'none'}")
        print(f"  web scheme {mailgun.domain(DOMAIN).web_scheme}")
        check(not records and not mailgun.domain(DOMAIN).certificates, "it starts from scratch")

        say("A single `pulumi up` of examples/rfc2136")
        stack = example_stack(StackFactory(folder / "stacks"), mailgun, bind)
        stack.config_set("key", bind.key, secret=True)
        pulumi(stack, "up", "--yes", "--skip-preview")

        say("The record is in DNS")
        records = bind.lookup(HOST, "A")
        print("".join(f"  {record}\n" for record in records), end="")
        check(f"CNAME {MAILGUN}." in records[0], "it points to Mailgun")

        say("The certificate is active, and the web scheme is https")
        domain = mailgun.domain(DOMAIN)
        certificate = domain.certificates[HOST]
        leaf = x509.load_pem_x509_certificate((certificate.pem or "").encode())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        print(f"  names        {', '.join(names.get_values_for_type(x509.DNSName))}")
        print(f"  issuer       {leaf.issuer.rfc4514_string()}")
        print(f"  valid        {certificate.not_before} to {certificate.not_after}")
        print(f"  status       {certificate.status}")
        print(f"  web scheme   {domain.web_scheme}")
        check((certificate.status, domain.web_scheme) == ("active", "https"), "HTTPS is enabled")

        say("A link from a mail, resolved by that DNS server and verified against that CA's root")
        answer = https_get(bind, HOST, LINK, port=https_port, root=pebble.root())
        print(f"  GET https://{HOST}{LINK}")
        print(f"  {answer.status}")
        for name in ("location", "strict-transport-security"):
            print(f"  {name}: {answer.headers[name]}")
        check(answer.status == 302, "it redirects, and HSTS keeps browsers on https")

        say("A second `pulumi up` makes no changes")
        pulumi(stack, "up", "--yes", "--skip-preview", "--expect-no-changes")
    return 0


_steps = 0


def say(title: str) -> None:
    """Print the title of the next step."""
    global _steps
    _steps += 1
    print(f"\n{_steps}. {title}\n", flush=True)


def check(passed: bool, what: str) -> None:
    """Print the result of a check; exit if it failed."""
    if not passed:
        sys.exit(f"  FAILED: {what}")
    print(f"  ok: {what}", flush=True)


def pulumi(stack: ExampleStack, *arguments: str) -> None:
    """Run `pulumi` with its output shown; exit if it fails."""
    command = ["pulumi", *arguments, "--stack", stack.name, "--non-interactive"]
    done = subprocess.run(command, cwd=stack.directory, env=stack.environment)  # noqa: S603
    check(done.returncode == 0, f"pulumi {arguments[0]} succeeded")


if __name__ == "__main__":
    sys.exit(main())
