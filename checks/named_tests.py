"""Fails unless each `cargo test` command in SECURITY.md and docs/ names a test that another step of the gate runs.

usage: named_tests.py LISTING...

A LISTING is the output of a run of `cargo test ... -- --list`, with what cargo writes to standard error. The controls
pass a listing without the tests of a file.
"""

import argparse
import pathlib
import re
import shlex
import sys

ROOT = pathlib.Path(__file__).parent.parent
COMMAND = re.compile(r"`(cargo test[^`]*)`")
# `Running unittests src/lib.rs (...)`, `Running tests/spec/main.rs (...)`, `Doc-tests whmcs_auth`.
TARGET = re.compile(r"^\s*(?:Running (unittests|tests/)|(Doc-tests) )(\S*)")


def targets(listings):
    """The names of the tests of each target: `lib`, `doc`, or the name of a file in `tests`."""
    found = {}
    for line in "\n".join(pathlib.Path(listing).read_text() for listing in listings).splitlines():
        if target := TARGET.match(line):
            if target[2]:
                name = "doc"
            else:
                name = "lib" if target[1] == "unittests" else target[3].removesuffix("/main.rs").removesuffix(".rs")
            tests = found.setdefault(name, [])
        elif line.endswith(": test"):
            tests.append(line.removesuffix(": test"))
    return found


def wanted(command):
    """The targets that a command names, or none for all, and its filter."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("-p", dest="package")
    parser.add_argument("--test")
    for flag in ("--lib", "--doc", "--release", "--all-features"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("filter", nargs="?", default="")
    options = parser.parse_args(shlex.split(command)[2:])
    target = options.test or ("lib" if options.lib else "doc" if options.doc else None)
    return target, options.filter


def main(listings):
    found = targets(listings)
    pages = [ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
    commands = sorted({command for page in pages for command in COMMAND.findall(page.read_text())})
    faults = []
    for command in commands:
        target, text = wanted(command)
        tests = found.get(target, []) if target else [test for tests in found.values() for test in tests]
        if not any(text in test for test in tests):
            faults.append(f"no such test: {command}")
    if not commands or faults:
        sys.exit("\n".join(faults) or "the pages name no command")
    print(f"{len(commands)} commands name tests that are run")


if len(sys.argv) == 1:
    sys.exit(__doc__)
main(sys.argv[1:])
