"""Fails unless each documented rule has a test with its number and a row in docs/architecture.md, and each number in a
test or a row belongs to a rule. A row must name files that exist.

The docs of the library list the rules. A test of the rule FIELD-2 is named `field_2_...`.

usage: rules.py [--without RULE] [--with TEST] [PAGE]

The controls must fail: `--without field_2` ignores the tests of FIELD-2, `--with field_0_x` adds a test, and a PAGE
without a row stands in the place of docs/architecture.md.
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
PREFIXES = "FIELD|API|LINK|GATE|PROXY|CACHE|REPLAY|ANSWER"
RULE = re.compile(rf"^\s*//[/!] - \*\*((?:{PREFIXES})-\d+)\*\*:", re.M)
TEST = re.compile(r"#\[test\]\s+(?:#\[.*\]\s+)*fn (\w+)")
NUMBER = re.compile(rf"({PREFIXES})_(\d+)_", re.I)
# `| API-1: ...` or `| FIELD-1 to FIELD-5: ...`
ROW = re.compile(rf"^\| ({PREFIXES})-(\d+)(?: to \1-(\d+))?: .*\| (.*) \|$", re.M)
FILE = re.compile(r"`(src/[\w/.]*)`")


def read(*folders):
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.rs"))


def rule_of(test):
    number = NUMBER.match(test)
    return f"{number[1].upper()}-{number[2]}" if number else None


parser = argparse.ArgumentParser()
parser.add_argument("--without", metavar="RULE", help="ignore the tests of a rule")
parser.add_argument("--with", metavar="TEST", dest="added", help="add the name of a test")
parser.add_argument("page", nargs="?", type=pathlib.Path, default=ROOT / "docs" / "architecture.md")
options = parser.parse_args()

documented = RULE.findall(read("src"))
rules = set(documented)
tests = TEST.findall(read("src", "tests"))
if options.without:
    tests = [test for test in tests if not test.startswith(f"{options.without}_")]
if options.added:
    tests.append(options.added)
numbered = {rule_of(test) for test in tests} - {None}

in_table, files = set(), set()
for prefix, first, last, named in ROW.findall(options.page.read_text()):
    in_table |= {f"{prefix}-{number}" for number in range(int(first), int(last or first) + 1)}
    files |= set(FILE.findall(named)) or {f"a file of {prefix}-{first}"}

faults = [f"{rule}: documented twice" for rule in sorted(rules) if documented.count(rule) > 1]
faults += [f"{rule}: no test bears its number" for rule in sorted(rules - numbered)]
faults += [f"{rule}: no row in the table of rules" for rule in sorted(rules - in_table)]
faults += [f"{rule}: no such rule is documented" for rule in sorted((numbered | in_table) - rules)]
faults += [f"{file}: no such file, in the table of rules" for file in sorted(files) if not (ROOT / file).exists()]
if not rules or faults:
    sys.exit("\n".join(faults) or "no rules were found")
print(f"{len(rules)} rules, each with a row, {sum(map(bool, map(rule_of, tests)))} tests with a number")
