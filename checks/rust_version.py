"""Fails unless the library's rust-version is the highest that a dependency declares.

Reads the dependencies from the standard input, one a line: `name vX.Y.Z`.
"""

import json
import subprocess
import sys

used = {tuple(line.split()[:2]) for line in sys.stdin if line.strip()}
command = ["cargo", "metadata", "--format-version=1", "--all-features"]
packages = json.loads(subprocess.check_output(command))["packages"]


def version(package):
    return [int(part) for part in (package["rust_version"] or "1.0").split(".")][:2]


ours = next(package for package in packages if package["name"] == "whmcs-auth")
others = [
    package
    for package in packages
    if (package["name"], "v" + package["version"]) in used and package is not ours
]
highest = max(others, key=version)
print("ours", ours["rust_version"], "highest", highest["rust_version"], "of", highest["name"])
sys.exit(version(ours) != version(highest))
