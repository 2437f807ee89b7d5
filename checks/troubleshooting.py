#!/usr/bin/env python3
"""Fails unless docs/troubleshooting.md has one entry for each code of a refusal and of a finding, and no other.

usage: troubleshooting.py [PAGE]

An entry is a row of a table whose first cell is the code. The source of the library, of the companion crate, of the
example server, of the gateway, of the bridge and of the shared state says which codes there are.
"""

import collections
import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/troubleshooting.md"

COMMENT = re.compile(r"^\s*//.*", re.M)
TESTS = re.compile(r"^#\[cfg\(test\)\]\s*mod \w+ \{.*?^\}", re.M | re.S)
# A method of the library that returns codes, as they are or with a hint beside them.
METHOD = re.compile(r"^    (?:pub )?(?:const )?fn (?:code|cause)\([^)]*\) -> \(?&'static str.*?^    \}", re.M | re.S)
CODE = re.compile(r'(?:=> |[{(]\s*)"([a-z0-9_]+)"')
# A row of the table of findings: a variant, its code and its sentence.
FINDING = re.compile(r'^    [A-Z]\w+ "([a-z0-9_]+)" "', re.M)
# A refusal of a service: the first text among the arguments.
CALL = re.compile(r'(?:Refusal|Cause|Self)::(?:new|answered_as|by_action|unavailable|not_found)\([^";]{0,120}?"([a-z0-9_]+)"')
# What of an accepted request is not followed: a code and a sentence.
NOT_FOLLOWED = re.compile(r'\(\s*"((?:goto|format|browser)_[a-z]+)",\s*"')
# What the shared state and the bridge add.
STATE = re.compile(r'"(state_[a-z]+)"')
BRIDGE = re.compile(r'=> "(whmcs_[a-z_]+)"')
ENTRY = re.compile(r"^\| `([a-z0-9_]+)` \|", re.M)


def sources(folder):
    for path in sorted((ROOT / folder).rglob("*.rs")):
        yield TESTS.sub("", COMMENT.sub("", path.read_text("utf-8")))


def library():
    for source in sources("src"):
        for method in METHOD.findall(source):
            yield from CODE.findall(method)
    for source in sources("src/diagnose"):
        yield from FINDING.findall(source)


def services():
    folders = ["crates/axum/src", "services/server/src", "examples/gateway/src", "services/bridge/src"]
    for source in itertools.chain.from_iterable(map(sources, folders)):
        yield from CALL.findall(source)
        yield from NOT_FOLLOWED.findall(source)
        yield from BRIDGE.findall(source)
    for source in sources("services/state/src"):
        yield from STATE.findall(source)


page = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else PAGE).read_text("utf-8")
entries = collections.Counter(ENTRY.findall(page))
codes = {*library(), *services()}
faults = [f"no entry: {code}" for code in codes - entries.keys()]
faults += [f"no such code: {code}" for code in entries.keys() - codes]
faults += [f"two entries: {code}" for code, count in entries.items() if count > 1]
if faults:
    sys.exit("\n".join(sorted(faults)))
print(len(codes), "codes, each with one entry")
