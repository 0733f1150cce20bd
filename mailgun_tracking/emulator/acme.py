"""A real certificate authority in place of the emulated one: ACME, by HTTP-01."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests
from acme import challenges, client, crypto_util, errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from .certificates import GENERATION_FAILED, IssuanceFailed
from .name_server import DnsProblem, NameServer, allow

if TYPE_CHECKING:
    from .tracking_host import TrackingHost

PATIENCE_SECONDS = 300.0
"""How long a generation goes on trying while the authority is away."""
SECONDS_BETWEEN_TRIES = 1.0
ANSWER_SECONDS = 90.0
"""How long the authority may take to validate, and to sign."""
FIRST_LOOK_SECONDS = 0.02
LONGEST_LOOK_SECONDS = 1.0


class AcmeIssuer:
    """An `Issuer` that gets certificates as Mailgun does: from an ACME authority, by HTTP-01.

    Before it orders it asks DNS who may issue, since a test authority may not ask by itself. It
    makes an account of its own, on first use. While the authority is away it goes on trying.
    """

    def __init__(
        self,
        directory: str,
        name_server: NameServer,
        tracking_host: TrackingHost,
        *,
        root: str | None = None,
        profile: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare; nobody is asked before the first certificate.

        Args:
            directory: the address of the authority's ACME directory.
            name_server: where CAA records are looked up.
            tracking_host: answers the challenges, and takes the certificates.
            root: a file with the root that the directory's own TLS is verified against; None is
                those of the system.
            profile: the certificate profile to order; None leaves it to the authority.
            patience_seconds: how long to go on trying while the authority is away.
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
        """End all waiting; generations under way fail."""
        self._closing.set()

    def issue(self, host: str) -> str:
        """Get a certificate for a host, and let the tracking host use it.

        Returns:
            The chain as PEM, the host's own certificate first.

        Raises:
            IssuanceFailed: CAA forbids it, the authority refuses, or it was away for too long.
        """
        give_up_at = time.monotonic() + self._patience_seconds
        while True:
            try:
                return self._issue(host)
            except requests.exceptions.SSLError as error:
                raise IssuanceFailed(
                    f"the certificate authority is not trusted: {error}"
                ) from error
            except requests.exceptions.RequestException as error:
                if time.monotonic() >= give_up_at:
                    raise IssuanceFailed("the certificate authority cannot be reached") from error
                self._pause(SECONDS_BETWEEN_TRIES)
            except errors.ValidationError as error:
                raise IssuanceFailed(_why_invalid(error)) from error
            except messages.Error as problem:
                if problem.code != "accountDoesNotExist" or self._account is None:
                    raise IssuanceFailed(_why_refused(problem)) from problem
                # The authority has forgotten it: a test authority does at each start.
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
        waiting = _Waiting(self._pause)
        while body.status == messages.STATUS_PROCESSING:
            waiting.go_on(f"the certificate authority did not sign for {host}")
            body = messages.Order.from_json(self._get(acme, order.uri).json())
        if body.status != messages.STATUS_VALID or body.certificate is None:
            raise IssuanceFailed(_why_refused(body.error) if body.error else GENERATION_FAILED)
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
            waiting = _Waiting(self._pause)
            while authorization.body.status == messages.STATUS_PENDING:
                waiting.go_on("the certificate authority did not end its validation")
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
        except DnsProblem as problem:
            raise IssuanceFailed(f"While processing CAA for {host}: {problem}") from problem
        if not allow(records, identities):
            raise IssuanceFailed(f"CAA record for {found_at} prevents issuance")

    def _client(self) -> client.ClientV2:
        # One for each thread, since a client keeps its nonces without a lock.
        network = client.ClientNetwork(self._key, alg=ES256, timeout=30)
        network.verify_ssl = self._root or True  # type: ignore[assignment]
        network.session.trust_env = False
        acme = client.ClientV2(client.ClientV2.get_directory(self._directory, network), network)
        with self._account_lock:
            if self._account is None:
                wanted = messages.NewRegistration.from_data(terms_of_service_agreed=True)
                self._account = acme.new_account(wanted)
            network.account = self._account
        return acme

    def _get(self, acme: client.ClientV2, url: str) -> requests.Response:
        """Ask for something, as ACME has it: by an empty POST."""
        return acme.net.post(url, None, new_nonce_url=acme.directory["newNonce"])

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise IssuanceFailed("the emulator was stopped")


class _Waiting:
    """Looks again ever less often, up to a limit."""

    def __init__(self, pause: Callable[[float], None]) -> None:
        self._pause = pause
        self._seconds = FIRST_LOOK_SECONDS
        self._end = time.monotonic() + ANSWER_SECONDS

    def go_on(self, too_late: str) -> None:
        if time.monotonic() >= self._end:
            raise IssuanceFailed(too_late)
        self._pause(self._seconds)
        self._seconds = min(self._seconds * 1.5, LONGEST_LOOK_SECONDS)


def _why_invalid(error: errors.ValidationError) -> str:
    details = [
        _why_refused(challenge.error)
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]
    return details[0] if details else GENERATION_FAILED


def _why_refused(problem: Any) -> str:
    """Give a problem document's text; that of the first subproblem says what is meant."""
    for part in (*(problem.subproblems or ()), problem):
        if part.detail:
            return str(part.detail)
    return GENERATION_FAILED
