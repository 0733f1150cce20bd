"""One operation on one resource: its target, its row, and a client for Mailgun."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from pulumi.dynamic import CheckFailure

from .. import errors
from .._api.models import sending_domain
from .._api.settings import Settings
from .._api.target import Target
from .plugin_process import current_urn
from .process import process
from .read_ahead import LISTED_DOMAINS, NO_RESPONSE
from .resource_log import ResourceLog

if TYPE_CHECKING:
    from .._api.client import MailgunClient
    from .._api.models import DomainDetails

CHECK_DEADLINE_SECONDS = 10.0
"""How long each request of a check may be retried."""
MISSING_SECONDS = 10.0
"""How long a domain has to be missing before it counts as gone, or as never created."""
MISSING_INTERVAL_SECONDS = 2.5
NOTHING_REMOVED = "nothing was removed from the state"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Operation:
    """One call of the engine, or of the program, about one domain.

    Attributes:
        target: the domain it is about.
        log: the resource's row.
        settings: where the key and the base URL come from.
        connect: makes a client for a target.
    """

    target: Target
    log: ResourceLog
    settings: Settings
    connect: Callable[[Target], MailgunClient]

    @classmethod
    def on(
        cls, target: Target, *, deadline: float | None = None, settings: Settings | None = None
    ) -> Operation:
        """Prepare an operation.

        Args:
            target: the domain it is about.
            deadline: how many seconds each request may be retried; the client's own by default.
            settings: the program's settings; those of the provider process by default.
        """
        log = ResourceLog(current_urn())
        process.domains_seen.add(target)
        own = settings or process.settings

        def connect(target: Target) -> MailgunClient:
            client = replace(own.client(target), say=log.throttled, cancelled=process.cancelled)
            return client if deadline is None else replace(client, deadline=deadline)

        return cls(target, log, own, connect)

    @functools.cached_property
    def client(self) -> MailgunClient:
        """A client for the target."""
        return self.connect(self.target)

    def client_in(self, region: str) -> MailgunClient:
        """A client for the same account in another region."""
        return self.connect(replace(self.target, region=region))

    def explain(self, error: errors.TrackingError, *, is_from_state: bool = False) -> None:
        """Add advice that needs the settings or another request to Mailgun.

        Args:
            error: a 401, or the 404 of a domain; others stay as they are.
            is_from_state: whether the key may be that of the last update (read and delete).
        """
        if isinstance(error, errors.Unauthorized):
            _, source = self.settings.api_key(self.target.account)
            subaccount = self.target.subaccount
            if subaccount and error.is_about_subaccount:
                error.advise(
                    f"check the subaccount's ID, {subaccount}, and that it belongs to the account "
                    f"of the key, which is from {source}; Mailgun accepts the key"
                )
            else:
                error.advise(f"the key is from {source}")
                error.advise(
                    self._missing_role(error)
                    or f"check its account, its role, and its access to region {self.target.region}"
                    + (f" and subaccount {subaccount}" if subaccount else "")
                )
            if is_from_state:
                error.advise(
                    "refresh and destroy use the configuration of the last `pulumi up`; "
                    "add --run-program to use the current one"
                )
        elif isinstance(error, errors.DomainNotFound) and NOTHING_REMOVED not in error.advice:
            error.advise(self.location_hint(error.domain or self.target.domain))

    def _missing_role(self, error: errors.Unauthorized) -> str:
        """What kind of key it seems to be, and which role is needed; empty if unclear."""
        allowed = self.client.allowed
        if error.access == "write" and not allowed:
            # A 404 is not a refusal either.
            with contextlib.suppress(errors.TrackingError):
                self.client.get_domain(self.target.domain)
        if error.access == "write" and "write" in allowed:
            return "it can make other changes, so this one may need the role Admin"
        if error.access == "write" and allowed:
            return (
                "it can read but not write, like a key with the role Basic, Analyst or Support; "
                "use one with the role Admin or Developer"
            )
        if error.access == "list" and allowed:
            return "it can read domains but not list them; use one with the role Admin or Developer"
        if not allowed and error.reason.casefold() == "forbidden":
            return (
                "it may be a domain sending key, which can only send mail, or belong to another "
                "account; use an account API key with the role Admin or Developer"
            )
        return ""

    @contextlib.contextmanager
    def explaining_errors(self, *, is_from_state: bool = False) -> Iterator[None]:
        """Explain every error that leaves the block; the argument is that of `explain`."""
        try:
            yield
        except errors.TrackingError as error:
            self.explain(error, is_from_state=is_from_state)
            raise

    def check_failures(self, error: errors.TrackingError) -> list[CheckFailure]:
        """The failures that an error means for a check: none where there was no response.

        Then the check warns and goes on.
        """
        if isinstance(error, NO_RESPONSE):
            warn_of_no_response(error, self.log.warn, process)
            return []
        self.explain(error)
        return [CheckFailure("", str(error))]

    def location_hint(self, domain: str) -> str:
        """Where a domain that was not found may be instead."""
        try:
            region = self._read_in_other_region(domain)
        except errors.TrackingError:
            region = None
        if region:
            return _in_region(domain, region)
        place = f"region {self.target.region}"
        if self.target.subaccount:
            place += f", subaccount {self.target.subaccount}"
        return f"{domain} is not in {place}; check the name, the region, the subaccount and the key"

    def read_new_domain(self, domain: str) -> DomainDetails | None:
        """A domain for the check of a new resource; None where it does not exist yet.

        Raises:
            NO_RESPONSE: Mailgun is not available; the check continues without it.
            TrackingError: the key, the region or the subaccount is wrong.
        """
        try:
            return process.read_ahead.details(self.client, self.target.with_domain(domain))
        except errors.DomainNotFound:
            return None

    def domain_of_host(self) -> DomainDetails:
        """The domain whose tracking domain the target is, or would be with another web prefix.

        Raises:
            DomainNotFound: there is none.
        """
        host = self.target.domain
        usual: DomainDetails | errors.DomainNotFound
        try:
            usual = self.client.get_domain(sending_domain(host))
            if usual.tracking_domain == host:
                return usual
        except errors.DomainNotFound as error:
            usual = error
        try:
            listed = [*self.client.list_domains(limit=LISTED_DOMAINS)]
        except errors.MailgunError:
            # A key that may not list domains finds no custom host.
            listed = []
        for details in listed:
            if details.custom_host == host:
                # The list has no DNS records.
                return self.client.get_domain(details.name)
        if isinstance(usual, errors.DomainNotFound):
            raise usual
        return usual

    def wrong_region(self, domain: str) -> list[CheckFailure]:
        """A failure where a domain that was not found is in the other region."""
        other = self.settings.other_region(self.target.region)
        if other is None:
            return []
        target = replace(self.target, region=other, domain=domain)
        if not process.read_ahead.exists(self.client_in(other), target):
            return []
        message = f"{domain} is in region {other}, not in {self.target.region}"
        return [CheckFailure("region", message)]

    def until_found(self, read: Callable[[], _T]) -> _T:
        """Read again for 10 s where a domain is not found: a new one may not be visible yet."""
        started = time.monotonic()
        while True:
            try:
                return read()
            except errors.DomainNotFound:
                if time.monotonic() - started >= MISSING_SECONDS:
                    raise
            self.log.progress("waiting for the domain to appear at Mailgun")
            self.client.sleep(MISSING_INTERVAL_SECONDS)

    def is_domain_gone(self, domain: str) -> bool:
        """Whether a domain is gone for certain.

        Its own GET said 404 repeatedly over 10 s, the other region does not have it either, and
        the account has another domain of this run. Otherwise the key may belong to another
        account, or the base URL may be wrong.

        Raises:
            TrackingError: that could not be found out.
        """
        try:
            self.until_found(lambda: self.client.get_domain(domain))
            return False
        except errors.DomainNotFound:
            is_right_account = self._has_another_domain(domain)
        try:
            region = self._read_in_other_region(domain)
        except errors.DomainNotFound:
            region = None
        if region is not None:
            what = f"{domain} is not in region {self.target.region}"
            raise self._not_gone(domain, what, _in_region(domain, region))
        if not is_right_account:
            raise self._not_gone(
                domain,
                f"cannot find {domain} or any other domain of this stack",
                "check the key and the base URL; if the domain was deleted, "
                f"run `pulumi state delete{f' {self.log.urn!r}' if self.log.urn else ''}`",
            )
        return True

    def _has_another_domain(self, domain: str) -> bool:
        """Whether the key's account has a domain of this run other than this one.

        Raises:
            TrackingError: the domains could not be listed.
        """
        seen = process.domains_seen.of(self.target.account)
        here = self.target.with_domain("")
        try:
            return any(
                listed.name != domain and {listed.name, listed.tracking_domain} & seen[place]
                for place in sorted(seen, key=here.__ne__)
                for listed in self.connect(place).list_domains()
            )
        except errors.Unauthorized as error:
            error.advise("the list is needed to tell whether a domain was deleted")
            error.advise(NOTHING_REMOVED)
            raise

    def _not_gone(self, domain: str, what: str, advice: str) -> errors.DomainNotFound:
        error = errors.DomainNotFound(
            what, "Domain not found", status=404, advice=advice, domain=domain
        )
        error.advise(NOTHING_REMOVED)
        return error

    def report_new(self, domain: str, details: DomainDetails | None) -> None:
        """Say in a preview what is special about the domain of a resource that is new.

        Args:
            domain: the domain.
            details: what Mailgun has, or None where it does not have it.
        """
        if details is None:
            # So that a typo does not pass unnoticed.
            self.log.info(
                f"{domain} does not exist at Mailgun yet; "
                "`pulumi up` fails unless something creates it first"
            )
            return
        if details.is_sandbox:
            self.log.info(f"{domain} is a sandbox domain")
        if details.problem:
            self.log.info(f"{domain} is {details.problem}")

    def report_gone(self, domain: str) -> None:
        """Say that a resource is removed from the state, because its domain is gone."""
        regions = [self.target.region]
        if other := self.settings.other_region(self.target.region):
            regions.append(other)
        self.log.info(
            f"{domain} no longer exists at Mailgun (checked in {' and '.join(regions)}); "
            "removing this resource from the state"
        )

    def _read_in_other_region(self, domain: str) -> str | None:
        """The other region, which has the domain; None where there is no other region.

        Raises:
            DomainNotFound: the other region does not have it.
            TrackingError: the request failed.
        """
        other = self.settings.other_region(self.target.region)
        if other is not None:
            self.client_in(other).get_domain(domain)
        return other


def warn_of_no_response(
    error: errors.TrackingError, warn: Callable[[str], None], run: object
) -> None:
    """Warn, once per run, that a preview could not ask Mailgun."""
    if run not in process.warned:
        process.warned.add(run)
        warn(f"Mailgun is not available; the preview continues without it: {error}")


def _in_region(domain: str, region: str) -> str:
    return (
        f"{domain} is in region {region}: set region={region!r}, "
        f"or give the ID as {region}/{domain}"
    )
