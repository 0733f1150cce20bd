"""Which domain a call is about, and in which account, region and subaccount it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..errors import InvalidInput
from .models import domain_problem, normalize_domain

Region = Literal["us", "eu"]
REGIONS: tuple[Region, ...] = ("us", "eu")
DEFAULT_ACCOUNT = "default"
_SUBACCOUNT = re.compile(r"[!-.0-~]+")


def is_subaccount(value: object) -> bool:
    """Whether a value can be a subaccount's id, which is sent in a header and is part of ids."""
    return isinstance(value, str) and _SUBACCOUNT.fullmatch(value) is not None


@dataclass(frozen=True)
class Target:
    """A domain and where it is.

    Attributes:
        account: the name of the account whose key is used; ``default`` for the default one.
        region: ``us`` or ``eu``.
        subaccount: the subaccount's id, or an empty string for the account itself.
        domain: the sending domain or tracking domain, normalized.
    """

    account: str
    region: str
    subaccount: str
    domain: str

    @property
    def id(self) -> str:
        """The resource's id: just the domain where region and subaccount are the defaults."""
        if self.subaccount:
            return f"{self.region}/{self.subaccount}/{self.domain}"
        return self.domain if self.region == "us" else f"{self.region}/{self.domain}"

    def with_domain(self, domain: str) -> Target:
        """Another domain of the same account, region and subaccount."""
        return replace(self, domain=domain)

    @classmethod
    def parse(cls, id_: str, account: str = DEFAULT_ACCOUNT) -> Target:
        """Read an id: ``mg.example.com``, ``eu/mg.example.com``, ``us/SUBACCOUNT/mg.example.com``.

        Raises:
            InvalidInput: it is none of these.
        """
        parts = id_.split("/")
        region, subaccount = "us", ""
        if len(parts) > 1:
            region = parts[0].lower()
        if len(parts) > 2:
            subaccount = parts[1]
        domain = parts[-1]
        problem = domain_problem(domain)
        if len(parts) > 3:
            problem = "it has more than three parts"
        elif region not in REGIONS:
            problem = "its region is neither us nor eu"
        elif subaccount and not is_subaccount(subaccount):
            problem = "its subaccount is not valid"
        if problem:
            raise InvalidInput(
                "the ID is not valid",
                problem,
                advice="write DOMAIN, REGION/DOMAIN or REGION/SUBACCOUNT/DOMAIN, "
                "for example eu/mg.example.com",
            )
        return cls(account, region, subaccount, normalize_domain(domain))

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any], domain_input: str) -> Target:
        """The target of inputs that check has completed.

        Args:
            inputs: the resource's inputs.
            domain_input: the name of the input that holds the domain.
        """
        return cls(
            inputs["account"],
            inputs["region"],
            inputs["subaccount"],
            normalize_domain(inputs[domain_input]),
        )

    @classmethod
    def from_state(cls, id_: str, outputs: Mapping[str, Any], domain_input: str) -> Target:
        """The target of a resource in state: its outputs say, or, for ``get``, its id.

        Args:
            id_: the resource's id.
            outputs: the resource's outputs, as far as they are valid.
            domain_input: the name of the output that holds the domain.

        Raises:
            InvalidInput: they do not say, or the id says otherwise.
        """
        account = outputs.get("account", DEFAULT_ACCOUNT)
        place = [outputs.get(name) for name in ("region", "subaccount", domain_input)]
        try:
            by_id = cls.parse(id_, account)
        except InvalidInput:
            if None in place:
                raise
            # A refresh puts the id right.
            return cls.from_inputs({**outputs, "account": account}, domain_input)
        given = (by_id.region, by_id.subaccount, by_id.domain)
        region, subaccount, domain = (
            known if value is None else value for value, known in zip(place, given, strict=True)
        )
        target = cls(account, region, subaccount, normalize_domain(domain))
        if target != by_id:
            raise InvalidInput(
                f"the state is about both {by_id.id} and {target.id}",
                "the resource's ID and its outputs contradict each other",
                domain=by_id.domain,
            )
        return target
