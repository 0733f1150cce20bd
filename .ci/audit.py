"""Fails if a locked version has a known vulnerability, and says so if it cannot find out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60
"""For all requests, one for each version."""
UNREACHABLE = (
    "requests.exceptions.",
    "urllib3.exceptions.",
    "ERROR:pip_audit._cli:Could not connect",
)
"""How pip-audit's last line begins if its service does not answer."""


def audit() -> subprocess.CompletedProcess[str]:
    """Run pip-audit on all lock files."""
    command = [str(Path(sys.executable).parent / "pip-audit"), "--disable-pip", "--require-hashes"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "5"]
    for file in sorted(ROOT.glob("requirements*.txt")):
        command += ["--requirement", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603


def main() -> int:
    """Print what was found. Returns the exit code."""
    try:
        result = audit()
    except subprocess.TimeoutExpired:
        print(f"skipped: pip-audit's service did not answer within {SECONDS} s")
        return 0
    if not result.stdout:
        last = result.stderr.strip().rpartition("\n")[2]
        if last.startswith(UNREACHABLE):
            print(f"skipped: pip-audit's service cannot be reached: {last}")
            return 0
        print(result.stderr, file=sys.stderr)
        return 1
    versions = json.loads(result.stdout)["dependencies"]
    for one in versions:
        for found in one.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no version"
            print(f"{one['name']} {one['version']}: {found['id']}, fixed in {fixed}")
    unknown = [one["name"] for one in versions if "skip_reason" in one]
    if len(unknown) == len(versions):
        print("skipped: pip-audit's service knows none of the packages")
    elif unknown:
        print(f"not audited, because pip-audit's service does not know them: {', '.join(unknown)}")
    print(f"Audited {len(versions) - len(unknown)} of {len(versions)} locked versions.")
    return int(any(one.get("vulns") for one in versions))


if __name__ == "__main__":
    sys.exit(main())
