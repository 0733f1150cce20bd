"""The emulator's state: accounts, domains and certificates, under a single lock."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from .accounts import Accounts, Caller
from .certificates import Certificate, CertificateSpec, Issuer
from .cname_records import CnameRecords
from .dials import Dials
from .domains import (
    CNAME_VALUES,
    DEFAULT_WEB_PREFIX,
    REGIONS,
    Domain,
    DomainId,
    Region,
    is_domain_name,
)
from .errors import DomainTaken, InvalidSetting, UnknownDomain
from .issuing import Issuing
from .rate_limit import RateLimit
from .settings import Settings
from .state_file import StateFile

_DOMAIN_PATH = re.compile(r"/v[34]/domains/([^/]+)(?:/tracking/[a-z]+)?")


class Store:
    """Everything that the API and the control API read and change.

    Callers hold `lock` for as long as what they read must not change.
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
        """Load the state file, if any, and add those seeds that it has not had before.

        Args:
            accounts: the keys and subaccounts.
            region: the region of paths without a region's prefix.
            seeds: the initial domains.
            any_domain: whether a domain is created when it is first requested; not again after it
                was deleted.
            dials: None means all defaults.
            settings: None means all defaults.
            state_file: where domains and certificates are saved; None means nowhere.
            issuer: issues certificates instead of the emulated authority.
            monotonic: the clock that decides when issuance completes.

        Raises:
            StateFileError: the file was not written by an emulator.
        """
        self.lock = threading.RLock()
        self.accounts = accounts
        self.region: Region = region
        self.any_domain = any_domain
        self.dials = self._initial_dials = dials or Dials()
        self.settings = self._initial_settings = settings or Settings()
        self.cname_records = CnameRecords(self.settings, monotonic)
        self.rate_limit = RateLimit()
        self._seeds = tuple(seeds)
        self._file = state_file
        self._monotonic = monotonic
        self.errors: list[BaseException] = []
        """Unexpected errors inside the emulator, which `Emulator.close` raises."""
        self._issuing = Issuing(issuer, monotonic, self.errors)
        self._domains: dict[tuple[Region, str], Domain] = {}
        self.subaccounts: set[str] = set(accounts.subaccounts)
        """Those that were given, and those that have or had a domain."""
        self._seeded: set[DomainId] = set()
        self._removed: set[tuple[Region, str]] = set()
        """Domains that a request does not bring back, with `any_domain`."""
        self._load()

    # --- dials and settings ---

    def change_dials(self, changes: Mapping[str, Any]) -> None:
        """Change dials; raises InvalidSetting."""
        with self.lock:
            self.dials = self.dials.changed(changes)

    def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings; raises InvalidSetting."""
        with self.lock:
            self.settings = self.settings.changed(changes)
            self.cname_records.update(self.settings, changes)

    def reset(self) -> None:
        """Restore the initial domains, dials and settings."""
        with self.lock:
            self.dials = self._initial_dials
            self.settings = self._initial_settings
            self.cname_records.reset(self.settings)
            self.rate_limit.clear()
            self._domains.clear()
            self._seeded.clear()
            self._removed.clear()
            self.subaccounts = set(self.accounts.subaccounts)
            self._add_seeds()
            self.save()

    # --- domains ---

    def domains(self) -> list[Domain]:
        """Return all domains by region and name, with their certificates up to date."""
        with self.lock:
            found = [self._domains[key] for key in sorted(self._domains)]
            for domain in found:
                self._update_certificates(domain)
            return found

    def find(self, name: str, region: Region) -> Domain:
        """Return a domain of any account.

        Raises:
            UnknownDomain: there is no such domain.
        """
        with self.lock:
            domain = self._domains.get((region, name.lower()))
            if domain is None:
                raise UnknownDomain(f"the emulator has no domain {name} in region {region}")
            self._update_certificates(domain)
            return domain

    def find_by_host(self, host: str, region: Region) -> Domain:
        """Return the domain that a tracking host belongs to, whatever its current web prefix.

        Raises:
            UnknownDomain: `host` is no custom host, and no domain is one label above it.
        """
        custom = self._with_custom_host(host, region)
        return self.find(custom.name if custom else host.partition(".")[2], region)

    def add(
        self,
        name: str,
        caller: Caller,
        settings: Mapping[str, Any] | None = None,
        *,
        only_seen: bool = False,
    ) -> Domain:
        """Add a domain, or take over one that has only been seen.

        Args:
            name: its name, in any case.
            caller: its region, account and subaccount.
            settings: as for `Domain.change_settings`.
            only_seen: whether it only exists because it was requested.

        Raises:
            DomainTaken: the region already has a domain of that name.
            InvalidSetting: the name or a setting is invalid.
        """
        if not is_domain_name(name):
            raise InvalidSetting(f"{name!r} is not a valid domain name")
        with self.lock:
            key = (caller.region, name.lower())
            domain = self._domains.get(key)
            if domain is None:
                domain = Domain(
                    name=name.lower(),
                    region=caller.region,
                    account=caller.account,
                    subaccount=caller.subaccount,
                    created_at=datetime.now(timezone.utc),
                )
                if self.dials.new_domain_tracking == "on":
                    domain.activate_all_tracking()
                if self.dials.domain_tracking_host == "custom":
                    domain.custom_host = f"go.links.{domain.name}"
            elif not domain.only_seen:
                raise DomainTaken(f"region {caller.region} already has a domain {name}")
            domain.change_settings(settings or {})
            domain.account, domain.subaccount = caller.account, caller.subaccount
            domain.only_seen = only_seen
            self._domains[key] = domain
            if caller.subaccount:
                self.subaccounts.add(caller.subaccount)
            self._removed.discard(key)
            self.save()
            return domain

    def remove(self, domain: Domain) -> None:
        """Remove a domain and its certificates; only `add` brings it back."""
        with self.lock:
            key = (domain.region, domain.name)
            del self._domains[key]
            self._removed.add(key)
            self.save()

    def visible_domain(self, caller: Caller, name: str) -> Domain | None:
        """Return a domain that the caller can see; with `any_domain`, create a missing one."""
        key = (caller.region, name.lower())
        domain = self._domains.get(key)
        if domain is None:
            if not self.any_domain or key in self._removed or not is_domain_name(name):
                return None
            return self.add(name, caller, only_seen=True)
        return domain if _belongs_to(domain, caller) else None

    def claim(self, domain: Domain) -> None:
        """Let a domain that has only been seen exist like any other, as it is being changed."""
        if domain.only_seen:
            domain.only_seen = False
            self.save()

    def before_put(self, region: Region, method: str, path: str) -> dict[str, Any]:
        """Return what a PUT of a domain will overwrite; nothing unless parallel PUTs get lost."""
        match = _DOMAIN_PATH.fullmatch(path)
        if self.dials.parallel_puts == "kept" or method != "PUT" or match is None:
            return {}
        with self.lock:
            domain = self._domains.get((region, match[1].lower()))
            return domain.settings() if domain else {}

    def visible_domains(self, caller: Caller) -> list[Domain]:
        """Return all domains that the caller can see, by name."""
        return [
            domain for _, domain in sorted(self._domains.items()) if _belongs_to(domain, caller)
        ]

    def visible_domain_by_host(self, caller: Caller, host: str) -> Domain | None:
        """Return the domain for whose tracking host certificates can be requested."""
        custom = self._with_custom_host(host, caller.region)
        if custom is not None:
            return custom if _belongs_to(custom, caller) else None
        label, _, name = host.lower().partition(".")
        if (caller.region, name) not in self._domains and label != DEFAULT_WEB_PREFIX:
            return None
        domain = self.visible_domain(caller, name)
        if domain is None:
            return None
        if domain.tracking_host == host.lower():
            return domain
        is_sending_domain = (caller.region, host.lower()) in self._domains
        allows_others = self.dials.x509_other_host == "issues" and is_domain_name(host)
        return domain if allows_others and not is_sending_domain else None

    def cname_value(self, host: str) -> str | None:
        """Return what the CNAME record of a tracking host points to, or None where it has none."""
        for region in REGIONS:
            try:
                self.find_by_host(host, region)
            except UnknownDomain:
                continue
            # Without the lock, since a DNS lookup may take long.
            if self.cname_records.is_valid(host):
                return self.settings.cname_target or CNAME_VALUES[region]
        return None

    def has_domain(self, name: str) -> bool:
        """Return whether a region has a domain."""
        with self.lock:
            return any((region, name) in self._domains for region in REGIONS)

    def _with_custom_host(self, host: str, region: Region) -> Domain | None:
        with self.lock:
            for (place, _), domain in self._domains.items():
                if place == region and domain.custom_host == host.lower():
                    return domain
        return None

    # --- certificates ---

    def certificate(self, domain: Domain, host: str) -> Certificate | None:
        """Return the certificate of a host, if any, after updating it to the current time."""
        with self.lock:
            certificate = domain.certificates.get(host.lower())
            if certificate is None:
                return None
            if self._issuing.complete_if_due(certificate) or self._renew_if_due(
                domain, certificate
            ):
                self.save()
            return certificate

    def start_issuing(self, domain: Domain, host: str) -> None:
        """Start issuing a certificate, without any checks."""
        with self.lock:
            certificate = self._get_or_add_certificate(domain, host)
            self._issuing.start(certificate, self.settings)
            self._issue_in_thread(domain, certificate)
            self.save()

    def set_certificate(self, domain: Domain, host: str, spec: CertificateSpec | None) -> None:
        """Put the certificate of a host into a state; None removes it."""
        with self.lock:
            if spec is None:
                domain.certificates.pop(host.lower(), None)
            else:
                certificate = self._get_or_add_certificate(domain, host)
                self._issuing.set_state(certificate, spec, self.settings)
            self.save()

    def _get_or_add_certificate(self, domain: Domain, host: str) -> Certificate:
        host = host.lower()
        return domain.certificates.setdefault(host, Certificate(host, "processing"))

    def _update_certificates(self, domain: Domain) -> None:
        for host in domain.certificates:
            self.certificate(domain, host)

    def _renew_if_due(self, domain: Domain, certificate: Certificate) -> bool:
        """Renew a certificate as Mailgun would, and return whether that is already complete."""
        if self.dials.renewal == "off" or certificate.is_being_renewed:
            return False
        if not certificate.is_due_for_renewal(datetime.now(timezone.utc)):
            return False
        # A check that may block is skipped, since the lock is held; an issuer fails by itself.
        records = self.cname_records
        if not records.may_block and not records.is_valid(certificate.host):
            return False
        if self._issuing.uses_issuer:
            certificate.is_being_renewed = True
            self._issue_in_thread(domain, certificate)
            return False
        self._issuing.renew(certificate)
        return True

    def _issue_in_thread(self, domain: Domain, certificate: Certificate) -> None:
        """Let the `Issuer`, if any, work in a thread; discard results that are out of date."""

        def done(pem: str | None, error: str) -> None:
            with self.lock:
                is_current = domain.certificates.get(certificate.host) is certificate
                is_expected = certificate.phase == "processing" or certificate.is_being_renewed
                if not is_current or not is_expected:
                    return
                if pem is not None:
                    certificate.store(pem)
                elif certificate.is_being_renewed:
                    certificate.is_being_renewed = certificate.renews = False
                else:
                    certificate.fail(error)
                self.save()

        self._issuing.issue_in_thread(certificate.host, done)

    # --- the state file ---

    def save(self) -> None:
        """Write the state file, if any; must be called after each change."""
        if self._file is None:
            return
        with self.lock:
            self._file.save(
                {
                    "seeded": sorted(
                        [seed.region, seed.subaccount or "", seed.name] for seed in self._seeded
                    ),
                    "removed": sorted(self._removed),
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
                # A file from before deletions were kept does not have it.
                self._removed = {(region, name) for region, name in content.get("removed", [])}
                for data in content["domains"]:
                    domain = Domain.from_json(data, now, monotonic)
                    self._domains[(domain.region, domain.name)] = domain
                known: list[DomainId | Domain] = [*self._seeded, *self._domains.values()]
                self.subaccounts.update(one.subaccount for one in known if one.subaccount)
            except (KeyError, TypeError, ValueError) as error:
                raise self._file.invalid(error) from error
            self._resume_issuing()
        self._add_seeds()
        self.save()

    def _resume_issuing(self) -> None:
        for domain in self._domains.values():
            for certificate in domain.certificates.values():
                if certificate.phase == "processing":
                    self._issue_in_thread(domain, certificate)

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


def _belongs_to(domain: Domain, caller: Caller) -> bool:
    return (domain.region, domain.account, domain.subaccount) == (
        caller.region,
        caller.account,
        caller.subaccount,
    )
