"""The emulator's state: accounts, domains and certificates, under one lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from .accounts import Accounts, Caller
from .certificates import Certificate, Issuer, Status
from .dials import Dials
from .domains import DEFAULT_WEB_PREFIX, Domain, DomainId, Region, is_domain_name
from .generations import Generations
from .problems import InvalidSetting
from .settings import CnameRecords, Settings
from .state_file import StateFile


class UnknownDomain(LookupError):
    """The emulator has no such domain."""


class DomainTaken(InvalidSetting):
    """A domain of that name stands in the region already."""


class Store:
    """Everything that the API and the control surface read and change.

    Callers hold `lock` for as long as what they read must stay true. A generation has no thread
    of its own: whoever looks at a certificate after its time is up finds it finished.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        region: Region = "us",
        seeds: Iterable[DomainId] = (),
        any_domain: bool = False,
        dials: Dials | None = None,
        settings: Settings | None = None,
        state_file: StateFile | None = None,
        issuer: Issuer | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the state file, if there is one, and add the seeds that it has never seen.

        Args:
            accounts: the keys and subaccounts.
            region: the one that paths without a region's prefix belong to.
            seeds: domains that exist from the start.
            any_domain: whether a domain that is asked for comes into being.
            dials: None is all defaults.
            settings: None is all defaults.
            state_file: where domains and certificates are kept; None keeps them nowhere.
            issuer: takes the place of the emulated authority.
            monotonic: the clock that decides when a generation is done.

        Raises:
            StateFileError: the file holds something else.
        """
        self.lock = threading.RLock()
        self.accounts = accounts
        self.region: Region = region
        self.any_domain = any_domain
        self.dials = self._first_dials = dials or Dials()
        self.settings = self._first_settings = settings or Settings()
        self.cname_records = CnameRecords(monotonic)
        self.cname_records.follow(self.settings, {"cname_valid_after": {}})
        self._seeds = tuple(seeds)
        self._file = state_file
        self._monotonic = monotonic
        self.errors: list[BaseException] = []
        """What went wrong inside the emulator, for whoever closes it."""
        self._generations = Generations(issuer, monotonic, self.errors)
        self._domains: dict[tuple[Region, str], Domain] = {}
        self._seeded: set[DomainId] = set()
        self._load()

    # --- dials and settings ---

    def change_dials(self, changes: Mapping[str, Any]) -> None:
        """Turn dials; raises InvalidSetting for one that does not exist."""
        with self.lock:
            self.dials = self.dials.changed(changes)

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings; raises InvalidSetting for one that does not exist."""
        with self.lock:
            self.settings = self.settings.changed(changes)
            self.cname_records.follow(self.settings, changes)

    def reset(self) -> None:
        """Go back to the seeds, and to the dials and settings of the start."""
        with self.lock:
            self.dials = self._first_dials
            self.settings = self._first_settings
            self.cname_records.follow(self.settings, {"cname_valid_after": {}})
            self._domains.clear()
            self._seeded.clear()
            self._add_seeds()
            self.save()

    # --- domains ---

    def domains(self) -> list[Domain]:
        """Give all domains, by region and name, with their certificates up to date."""
        with self.lock:
            found = [self._domains[key] for key in sorted(self._domains)]
            for domain in found:
                for host in domain.certificates:
                    self.certificate(domain, host)
            return found

    def find(self, name: str, region: Region) -> Domain:
        """Give a domain, whoever's it is.

        Raises:
            UnknownDomain: there is none.
        """
        with self.lock:
            domain = self._domains.get((region, name.lower()))
            if domain is None:
                raise UnknownDomain(f"the emulator has no domain {name} in region {region}")
            for host in domain.certificates:
                self.certificate(domain, host)
            return domain

    def add(self, name: str, caller: Caller, settings: Mapping[str, Any] | None = None) -> Domain:
        """Add a domain.

        Args:
            name: its name; compared without regard to case.
            caller: where it stands and whose it is.
            settings: as `Domain.set_by_hand` takes them.

        Raises:
            DomainTaken: the region has one of that name.
            InvalidSetting: the name or a setting is malformed.
        """
        if not is_domain_name(name):
            raise InvalidSetting(f"{name!r} is not a domain name")
        with self.lock:
            key = (caller.region, name.lower())
            if key in self._domains:
                raise DomainTaken(f"{name} exists in region {caller.region} already")
            domain = Domain(
                name=name.lower(),
                region=caller.region,
                account=caller.account,
                subaccount=caller.subaccount,
                created_at=datetime.now(timezone.utc),
            )
            if self.dials.new_domain_tracking == "on":
                domain.turn_everything_on()
            domain.set_by_hand(settings or {})
            self._domains[key] = domain
            self.save()
            return domain

    def remove(self, domain: Domain) -> None:
        """Remove a domain with its certificates."""
        with self.lock:
            del self._domains[(domain.region, domain.name)]
            self.save()

    def visible(self, caller: Caller, name: str) -> Domain | None:
        """Give a domain if the caller may see it; with `any_domain` it may come into being."""
        domain = self._domains.get((caller.region, name.lower()))
        if domain is None:
            return self.add(name, caller) if self.any_domain and is_domain_name(name) else None
        mine = domain.account == caller.account and domain.subaccount == caller.subaccount
        return domain if mine else None

    def visible_domains(self, caller: Caller) -> list[Domain]:
        """Give all domains that the caller may see, by name."""
        return [
            domain
            for _, domain in sorted(self._domains.items())
            if (domain.region, domain.account, domain.subaccount)
            == (caller.region, caller.account, caller.subaccount)
        ]

    def domain_of_host(self, caller: Caller, host: str) -> Domain | None:
        """Give the domain whose tracking host this is, None if it is not one."""
        label, _, name = host.lower().partition(".")
        if (caller.region, name) not in self._domains and label != DEFAULT_WEB_PREFIX:
            return None
        domain = self.visible(caller, name)
        if domain is None:
            return None
        if domain.tracking_host == host.lower():
            return domain
        is_sending_domain = (caller.region, host.lower()) in self._domains
        ahead = self.dials.x509_other_host == "issues" and is_domain_name(host)
        return domain if ahead and not is_sending_domain else None

    # --- certificates ---

    def certificate(self, domain: Domain, host: str) -> Certificate | None:
        """Give what there is for a host, after all that has happened by now."""
        with self.lock:
            certificate = domain.certificates.get(host.lower())
            if certificate is None:
                return None
            if self._generations.finish_if_due(certificate) or self._renewed(domain, certificate):
                self.save()
            return certificate

    def _renewed(self, domain: Domain, certificate: Certificate) -> bool:
        """Renew a certificate as Mailgun would by now, and say whether it is done already."""
        if self.dials.renewal == "off" or certificate.is_being_renewed:
            return False
        if not certificate.is_due_for_renewal(datetime.now(timezone.utc)):
            return False
        # A check that may ask the network is left to the authority, which checks anyway.
        records = self.cname_records
        if not records.may_take_time and not records.is_valid(certificate.host):
            return False
        if self._generations.have_a_real_authority:
            certificate.is_being_renewed = True
            self._issue_aside(domain, certificate)
            return False
        self._generations.renew(certificate)
        return True

    def generate(self, domain: Domain, host: str) -> None:
        """Start a generation; the checks before it are the caller's."""
        with self.lock:
            certificate = self._kept(domain, host)
            self._generations.start(certificate, self.settings)
            self._issue_aside(domain, certificate)
            self.save()

    def put_certificate(
        self,
        domain: Domain,
        host: str,
        status: Status | None,
        *,
        error: str | None = None,
        lifetime_seconds: float | None = None,
        age_seconds: float = 0,
        ready_after_seconds: float | None = None,
    ) -> None:
        """Put a host's certificate into a state by hand.

        Args:
            domain: the domain that the host belongs to.
            host: a host one label below the domain.
            status: None forgets that there ever was one.
            error: the text of an error; None is Mailgun's usual one.
            lifetime_seconds: of an active or expired one; None is the setting.
            age_seconds: how long ago an active one was issued.
            ready_after_seconds: when a processing one is done; None is never.
        """
        with self.lock:
            if status is None:
                domain.certificates.pop(host.lower(), None)
            else:
                self._generations.put(
                    self._kept(domain, host),
                    status,
                    error=error,
                    lifetime_seconds=(
                        self.settings.certificate_lifetime_seconds
                        if lifetime_seconds is None
                        else lifetime_seconds
                    ),
                    age_seconds=age_seconds,
                    ready_after_seconds=ready_after_seconds,
                )
            self.save()

    def _kept(self, domain: Domain, host: str) -> Certificate:
        host = host.lower()
        return domain.certificates.setdefault(host, Certificate(host, "processing"))

    def _issue_aside(self, domain: Domain, certificate: Certificate) -> None:
        """Let a real authority work in a thread; what nobody waits for any more is dropped."""

        def done(pem: str | None, error: str) -> None:
            with self.lock:
                is_kept = domain.certificates.get(certificate.host) is certificate
                if not is_kept or not (
                    certificate.phase == "processing" or certificate.is_being_renewed
                ):
                    return
                if pem is not None:
                    certificate.take(pem)
                elif certificate.is_being_renewed:
                    certificate.is_being_renewed = certificate.renews = False
                else:
                    certificate.fail(error)
                self.save()

        self._generations.issue_aside(certificate.host, done)

    # --- the state file ---

    def save(self) -> None:
        """Write the state file, if there is one; to be called after each change."""
        if self._file is None:
            return
        with self.lock:
            self._file.save(
                {
                    "seeded": sorted(
                        [seed.region, seed.subaccount or "", seed.name] for seed in self._seeded
                    ),
                    "domains": [self._domains[key].as_json() for key in sorted(self._domains)],
                }
            )

    def _load(self) -> None:
        content = self._file.load() if self._file is not None else None
        if content is not None and self._file is not None:
            now, monotonic = datetime.now(timezone.utc), self._monotonic()
            try:
                self._seeded = {
                    DomainId(region, subaccount or None, name)
                    for region, subaccount, name in content["seeded"]
                }
                for kept in content["domains"]:
                    domain = Domain.from_json(kept, now, monotonic)
                    self._domains[(domain.region, domain.name)] = domain
            except (KeyError, TypeError, ValueError) as error:
                raise self._file.refuse(error) from error
            self._take_up_generations()
        self._add_seeds()
        self.save()

    def _take_up_generations(self) -> None:
        for domain in self._domains.values():
            for certificate in domain.certificates.values():
                if certificate.phase == "processing":
                    self._issue_aside(domain, certificate)

    def _add_seeds(self) -> None:
        for seed in self._seeds:
            if seed in self._seeded:
                continue
            self._seeded.add(seed)
            if (seed.region, seed.name) not in self._domains:
                self.add(
                    seed.name,
                    Caller(seed.region, self.accounts.default, seed.subaccount),
                )
