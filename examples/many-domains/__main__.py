"""Tracking settings of every domain in domains.yaml."""

from pathlib import Path

import pulumi
import yaml

from mailgun_tracking import DomainTracking

domains = yaml.safe_load(Path("domains.yaml").read_text(encoding="utf-8"))

for domain, settings in domains.items():
    try:
        DomainTracking(domain, domain, **settings)
    except TypeError as error:
        raise pulumi.RunError(f"domains.yaml: {domain}: {error}") from error
