"""Gets certificates from a real certificate authority: over ACME, with HTTP-01."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from mailgun_tracking.emulator import IssuanceFailed
from mailgun_tracking.emulator.certificates import GENERATION_FAILED

from .name_server import DnsError, NameServer, caa_allows
from .tracking_host import TrackingHost

PATIENCE_SECONDS = 300.0
"""How long to retry while the CA cannot be reached."""
RETRY_SECONDS = 1.0
RESPONSE_SECONDS = 90.0
"""How long the CA may take to validate, and to sign."""
FIRST_POLL_SECONDS = 0.02
MAX_POLL_SECONDS = 1.0


class AcmeIssuer:
    """An `Issuer` that gets certificates as Mailgun does: over ACME, with HTTP-01.

    It checks CAA records itself before it orders, since a test CA may not do so. It registers an
    account on first use, and retries while the CA cannot be reached.
    """

    def __init__(
        self,
        directory: str,
        name_server: NameServer,
        tracking_host: TrackingHost,
        *,
        root: Path | None,
        profile: str,
        patience_seconds: float,
    ) -> None:
        """Create an issuer; it contacts the CA for the first certificate.

        Args:
            directory: the URL of the CA's ACME directory.
            name_server: where CAA records are looked up.
            tracking_host: answers the challenges, and uses the certificates.
            root: a file with the root certificate of that URL's own TLS; None means the system's.
            profile: the certificate profile to order.
            patience_seconds: how long to retry while the CA cannot be reached.
        """
        self.profile = profile
        self._directory = directory
        self._name_server = name_server
        self._tracking_host = tracking_host
        self._root = root
        self._patience_seconds = patience_seconds
        self._key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        self._account: messages.RegistrationResource | None = None
        self._account_lock = threading.Lock()
        self._closing = threading.Event()

    def close(self) -> None:
        """Stop all waiting; certificates that are being issued fail."""
        self._closing.set()

    def issue(self, host: str) -> str:
        """Get a certificate, and hand it to the tracking host.

        Returns:
            The chain as PEM, starting with the certificate of `host`.

        Raises:
            IssuanceFailed: CAA records or the CA forbid it, or the CA cannot be reached.
        """
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return self._issue(host)
            except requests.exceptions.SSLError as error:
                raise IssuanceFailed(
                    f"the certificate authority is not trusted: {error}"
                ) from error
            except requests.exceptions.RequestException as error:
                if time.monotonic() >= deadline:
                    raise IssuanceFailed("the certificate authority cannot be reached") from error
                self._pause(RETRY_SECONDS)
            except errors.ValidationError as error:
                raise IssuanceFailed(_validation_detail(error)) from error
            except messages.Error as problem:
                if problem.code != "accountDoesNotExist" or self._account is None:
                    raise IssuanceFailed(_detail(problem)) from problem
                # A test CA forgets its accounts when it is restarted.
                self._account = None
            except errors.Error as error:
                raise IssuanceFailed(str(error) or GENERATION_FAILED) from error

    def _issue(self, host: str) -> str:
        acme = self._client()
        self._check_caa(host, acme)
        key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        order = acme.new_order(crypto_util.make_csr(key, [host]), profile=self.profile)
        for authorization in order.authorizations:
            self._authorize(acme, authorization)
        body = acme.begin_finalization(order).body
        polling = _Polling(self._pause)
        while body.status == messages.STATUS_PROCESSING:
            polling.wait(f"the certificate authority did not issue for {host} in time")
            body = messages.Order.from_json(self._get(acme, order.uri).json())
        if body.status != messages.STATUS_VALID or body.certificate is None:
            raise IssuanceFailed(_detail(body.error) if body.error else GENERATION_FAILED)
        chain = self._get(acme, body.certificate).text
        self._tracking_host.use_certificate(host, chain.encode("ascii"), key)
        return chain

    def _authorize(
        self, acme: client.ClientV2, authorization: messages.AuthorizationResource
    ) -> None:
        if authorization.body.status == messages.STATUS_VALID:
            return
        for challenge in authorization.body.challenges:
            if isinstance(challenge.chall, challenges.HTTP01):
                break
        else:
            raise IssuanceFailed("the certificate authority does not offer HTTP-01")
        response, text = challenge.response_and_validation(self._key)
        path = challenge.chall.path
        self._tracking_host.answer_challenge(path, text)
        try:
            acme.answer_challenge(challenge, response)
            polling = _Polling(self._pause)
            while authorization.body.status == messages.STATUS_PENDING:
                polling.wait("the certificate authority did not finish validation in time")
                authorization, _ = acme.poll(authorization)
        finally:
            self._tracking_host.forget_challenge(path)
        if authorization.body.status != messages.STATUS_VALID:
            raise errors.ValidationError([authorization])

    def _check_caa(self, host: str, acme: client.ClientV2) -> None:
        meta = getattr(acme.directory, "meta", None)
        identities = [name.lower() for name in (meta and meta.caa_identities) or ()]
        try:
            found_at, records = self._name_server.caa(host)
        except DnsError as error:
            raise IssuanceFailed(f"While processing CAA for {host}: {error}") from error
        if not caa_allows(records, identities):
            raise IssuanceFailed(f"CAA record for {found_at} prevents issuance")

    def _client(self) -> client.ClientV2:
        # A client for each call, since its nonces are not thread-safe.
        network = client.ClientNetwork(self._key, alg=ES256, timeout=30)
        network.verify_ssl = str(self._root) if self._root else True  # type: ignore[assignment]
        network.session.trust_env = False
        acme = client.ClientV2(client.ClientV2.get_directory(self._directory, network), network)
        with self._account_lock:
            if self._account is None:
                registration = messages.NewRegistration.from_data(terms_of_service_agreed=True)
                self._account = acme.new_account(registration)
            network.account = self._account
        return acme

    def _get(self, acme: client.ClientV2, url: str) -> requests.Response:
        """Read a resource as ACME requires: with an empty POST."""
        return acme.net.post(url, None, new_nonce_url=acme.directory["newNonce"])

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise IssuanceFailed("the emulator was closed")


class _Polling:
    """Waits between polls, with growing intervals, until a deadline."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._seconds = FIRST_POLL_SECONDS
        self._deadline = time.monotonic() + RESPONSE_SECONDS

    def wait(self, timeout_error: str) -> None:
        if time.monotonic() >= self._deadline:
            raise IssuanceFailed(timeout_error)
        self._pause(self._seconds)
        self._seconds = min(self._seconds * 1.5, MAX_POLL_SECONDS)


def _validation_detail(error: errors.ValidationError) -> str:
    details = [
        _detail(challenge.error)
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]
    return details[0] if details else GENERATION_FAILED


def _detail(problem: Any) -> str:
    """Return the text of a problem document; that of its first subproblem is more specific."""
    for part in (*(problem.subproblems or ()), problem):
        if part.detail:
            return str(part.detail)
    return GENERATION_FAILED
