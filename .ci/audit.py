"""Whether a locked dependency has a known vulnerability, by pip-audit; says so where the services can't be reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

LOCKS = ("requirements.txt", "requirements-otel.txt", "requirements-dev.txt")


def main() -> int:
    found = 0
    for lock in LOCKS:
        command = [
            Path(sys.executable).with_name("pip-audit"),
            "--requirement",
            lock,
            "--disable-pip",
            "--require-hashes",
        ]
        done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
        try:
            dependencies = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            print(f"{lock}: NOT audited, the service of vulnerabilities can't be reached:")
            print("  " + (done.stderr.strip().splitlines() or ["it said nothing"])[-1])
            continue
        skipped = [each for each in dependencies if "skip_reason" in each]
        for each in dependencies:
            for one in each.get("vulns", ()):
                found += 1
                print(
                    f"{lock}: {each['name']} {each['version']}: {one['id']}, mended in {', '.join(one['fix_versions'])}"
                )
        print(f"{lock}: {len(dependencies) - len(skipped)} of {len(dependencies)} audited")
        if skipped:
            print(
                f"  NOT audited, the service does not know them: {skipped[0]['skip_reason']}"
                + (" …" if skipped[1:] else "")
            )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
