"""BIND and Pebble on free local ports, for tests and for `examples/https_demo.py`.

Both start in about 50 ms, and only use the loopback interface.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone
import requests
import trustme
import urllib3

ROOT = Path(__file__).resolve().parents[2]
LOCALHOST = "127.0.0.1"

ZONE = "example.test"
"""The zone that accepts updates; initially empty."""
MAILGUN = "mailgun.test"
"""The host that tracking CNAMEs must point to, like mailgun.org; it resolves to this machine."""
CDN = "cdn.test"
"""Another host, such as a proxy in front of a tracking domain."""
BROKEN = "broken.test"
"""A zone for which every answer is SERVFAIL."""
CA_IDENTITY = "ca.test"
"""The name of the CA in CAA records."""
BLOCKED = "email.blocked.example.test"
"""A host that the CA refuses to issue for."""

SHORT_SECONDS = 8
"""How long certificates of the profile `short` are valid."""

KEY_NAME = "pulumi"
KEY_ALGORITHM = dns.tsig.HMAC_SHA256
START_SECONDS = 20.0

_NAMED = """\
key "{key}" {{ algorithm hmac-sha256; secret "{secret}"; }};
options {{
  directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; lock-file none;
  listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; allow-query {{ 127.0.0.0/8; }};
  // Needed to follow a CNAME into another zone. The root zone below keeps queries on this machine.
  recursion yes; allow-recursion {{ 127.0.0.0/8; }}; query-source address 127.0.0.1;
  dnssec-validation no; empty-zones-enable no; notify no;
  allow-transfer {{ key "{key}"; }}; max-cache-ttl 0; max-ncache-ttl 0;
}};
controls {{ }};
zone "." {{ type primary; file "zones/root"; }};
zone "{zone}" {{ type primary; file "zones/{zone}"; allow-update {{ key "{key}"; }}; }};
"""
_ZONE = "$TTL 1\n@ IN SOA ns h 1 3600 600 86400 1\n@ IN NS ns\nns IN A 127.0.0.1\n"


class ToolMissing(Exception):
    """A program is not installed; the text says how to get it."""


class ServerFailed(Exception):
    """A server did not start; the text contains its output."""


def named_program() -> str:
    """Return the path of BIND's server; raises ToolMissing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
    program = shutil.which("named", path=path)
    if program is None:
        raise ToolMissing("`named` is missing: run `make test-tools` as root, or install BIND 9")
    return program


def pebble_program() -> str:
    """Return the path of the test CA; raises ToolMissing."""
    path = os.pathsep.join([str(ROOT / ".engine" / "bin"), os.environ.get("PATH", "")])
    program = shutil.which("pebble", path=path)
    if program is None:
        raise ToolMissing("`pebble` is missing: run `make test-tools`, which needs Go")
    return program


def free_ports(count: int) -> list[int]:
    """Return ports that are free for TCP and UDP, below the range of ephemeral ports."""
    ports: list[int] = []
    with contextlib.ExitStack() as held:
        while len(ports) < count:
            port = random.randint(20000, 32000)
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    holder = held.enter_context(socket.socket(socket.AF_INET, kind))
                    holder.bind((LOCALHOST, port))
            except OSError:
                continue
            ports.append(port)
    return ports


class _Server(ABC):
    """A program that runs until it is stopped."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @abstractmethod
    def start(self) -> None:
        """Start, and return once queries are answered; raises ServerFailed."""

    def stop(self) -> None:
        """Stop, and return once the process has exited."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()
        if self._log is not None:
            self._log.close()

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def _run(self, command: Sequence[str], answers: Callable[[], bool], **environment: str) -> None:
        log = self.folder / "log"
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            # Ctrl-C must not reach it before its user has finished.
            start_new_session=True,
        )
        end = time.monotonic() + START_SECONDS
        with contextlib.ExitStack() as on_error:
            on_error.callback(self.stop)
            while not answers():
                if self._process.poll() is not None or time.monotonic() > end:
                    raise ServerFailed(f"{command[0]} did not start:\n{log.read_text()}")
                time.sleep(0.01)
            on_error.pop_all()


class Bind(_Server):
    """BIND with the empty zone `ZONE`, which accepts signed updates, and some fixed zones."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        """Prepare to start, in a folder that does not exist yet."""
        super().__init__(folder)
        self.port = port or free_ports(1)[0]
        self.secret = base64.b64encode(secrets.token_bytes(32)).decode()

    @property
    def address(self) -> str:
        """The server as `ADDRESS:PORT`."""
        return f"{LOCALHOST}:{self.port}"

    @property
    def key(self) -> str:
        """The key that signs updates, in the format of `nsupdate -y`."""
        return f"hmac-sha256:{KEY_NAME}:{self.secret}"

    def start(self) -> None:
        """Start, and return once queries are answered; raises ServerFailed, ToolMissing."""
        program = named_program()
        zones = self.folder / "zones"
        zones.mkdir()
        config = _NAMED.format(key=KEY_NAME, secret=self.secret, folder=self.folder, zone=ZONE)
        for zone, apex in ((".", ""), (ZONE, ""), (MAILGUN, LOCALHOST), (CDN, "127.0.0.2")):
            text = _ZONE + (f"@ IN A {apex}\n" if apex else "")
            (zones / zone.replace(".", "root", zone == ".")).write_text(text)
            if apex:
                config += f'zone "{zone}" {{ type primary; file "zones/{zone}"; }};\n'
        # Its file is missing.
        config += f'zone "{BROKEN}" {{ type primary; file "zones/{BROKEN}"; }};\n'
        (self.folder / "named.conf").write_text(config)
        command = [program, "-g", "-n", "1", "-p", str(self.port), "-c", "named.conf"]
        self._run(command, self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.lookup(ZONE, "SOA"))
        except (OSError, EOFError, dns.exception.DNSException):
            return False

    def lookup(self, name: str, kind: str) -> list[str]:
        """Return the records of an answer, including CNAMEs, like `dig +noall +answer`."""
        query = dns.message.make_query(name, kind)
        answer = dns.query.tcp(query, LOCALHOST, port=self.port, timeout=3)
        return [line for rrset in answer.answer for line in rrset.to_text().splitlines()]

    def put(self, name: str, kind: str, value: str) -> None:
        """Replace all records of a name with a single one."""
        update = self._update()
        update.delete(_absolute(name))
        update.add(_absolute(name), 1, kind, value)
        self._send(update)

    def add(self, name: str, kind: str, value: str) -> None:
        """Add a record to those of a name."""
        update = self._update()
        update.add(_absolute(name), 1, kind, value)
        self._send(update)

    def delete(self, name: str, kind: str, value: str) -> None:
        """Delete one record of a name."""
        update = self._update()
        update.delete(_absolute(name), kind, value)
        self._send(update)

    def remove(self, name: str) -> None:
        """Remove all records of a name."""
        update = self._update()
        update.delete(_absolute(name))
        self._send(update)

    def clear(self) -> None:
        """Remove everything from the zone."""
        zone = dns.zone.Zone(ZONE, relativize=False)
        dns.query.inbound_xfr(LOCALHOST, zone, self._transfer(), port=self.port)
        update = self._update()
        for name in zone.nodes:
            # BIND keeps the SOA and NS records of the zone itself.
            if name != _absolute(f"ns.{ZONE}"):
                update.delete(name)
        self._send(update)

    def _transfer(self) -> dns.message.Message:
        query = dns.message.make_query(ZONE, "AXFR")
        query.use_tsig(self._keyring(), keyname=KEY_NAME, algorithm=KEY_ALGORITHM)
        return query

    def _keyring(self) -> Any:
        return dns.tsigkeyring.from_text({f"{KEY_NAME}.": self.secret})

    def _update(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(
            ZONE, keyring=self._keyring(), keyname=_absolute(KEY_NAME), keyalgorithm=KEY_ALGORITHM
        )

    def _send(self, update: dns.update.UpdateMessage) -> None:
        answer = dns.query.tcp(update, LOCALHOST, port=self.port, timeout=3)
        assert answer.rcode() == 0, answer


class Pebble(_Server):
    """A CA with ACME that validates over HTTP-01 on a local port.

    It forgets everything when it is stopped, and has a new root after each start.
    """

    def __init__(self, folder: Path, dns: str, http_port: int) -> None:
        """Prepare to start, in a folder that does not exist yet.

        :param dns: the DNS server to use, as `ADDRESS:PORT`.
        :param http_port: where it looks for challenges.
        """
        super().__init__(folder)
        self._dns = dns
        self._http_port = http_port
        self._port, self._management_port, self._tls_port = free_ports(3)
        tls = trustme.CA()
        tls.cert_pem.write_to_path(self.tls_root)
        tls.issue_cert(LOCALHOST).private_key_and_cert_chain_pem.write_to_path(self._tls_pem)

    @property
    def directory(self) -> str:
        """The URL of its ACME directory."""
        return f"https://{LOCALHOST}:{self._port}/dir"

    @property
    def tls_root(self) -> Path:
        """The root certificate of that URL's TLS; not that of issued certificates."""
        return self.folder / "root.pem"

    @property
    def _tls_pem(self) -> Path:
        return self.folder / "api.pem"

    def start(self) -> None:
        """Start, and return once queries are answered; raises ServerFailed, ToolMissing."""
        settings = {
            "listenAddress": f"{LOCALHOST}:{self._port}",
            "managementListenAddress": f"{LOCALHOST}:{self._management_port}",
            "certificate": str(self._tls_pem),
            "privateKey": str(self._tls_pem),
            "httpPort": self._http_port,
            "tlsPort": self._tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "domainBlocklist": [BLOCKED],
            "caaIdentities": [CA_IDENTITY],
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 0, "order": 0},
            "profiles": {
                "default": {"description": "90 days", "validityPeriod": 90 * 24 * 3600},
                "short": {"description": "seconds", "validityPeriod": SHORT_SECONDS},
            },
        }
        config = self.folder / "config.json"
        config.write_text(json.dumps({"pebble": settings}))
        self._run(
            [pebble_program(), "-dnsserver", self._dns, "-config", str(config)],
            self._answers,
            PEBBLE_VA_NOSLEEP="1",
            PEBBLE_WFE_NONCEREJECT="0",
            PEBBLE_AUTHZREUSE="0",
        )

    def root(self) -> str:
        """Return the root certificate of issued certificates, as PEM."""
        return self._get(f"https://{LOCALHOST}:{self._management_port}/roots/0")

    def _answers(self) -> bool:
        try:
            return bool(self._get(self.directory)) and bool(self.root())
        except requests.RequestException:
            return False

    def _get(self, url: str) -> str:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, verify=str(self.tls_root), timeout=5)
        answer.raise_for_status()
        return answer.text


def https_get(
    bind: Bind, host: str, path: str, *, port: int, root: str
) -> urllib3.BaseHTTPResponse:
    """GET over HTTPS as a browser does: resolve with BIND, and verify against a root certificate.

    :param port: the port to use instead of 443.
    :param root: the only trusted root certificate, as PEM.
    """
    addresses = [line.split()[-1] for line in bind.lookup(host, "A") if line.split()[3] == "A"]
    if not addresses:
        raise OSError(f"{host} has no address: {bind.lookup(host, 'CNAME')}")
    context = urllib3.util.ssl_.create_urllib3_context()
    context.load_verify_locations(cadata=root)
    with urllib3.HTTPSConnectionPool(
        addresses[0], port, server_hostname=host, assert_hostname=host, ssl_context=context
    ) as pool:
        return pool.request(
            "GET", path, headers={"Host": host}, redirect=False, retries=False, timeout=10
        )


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name)
