"""Fails unless each documented rule has a test with its number, and each number in a test belongs to a rule.

The docs of the library list the rules. A test of the rule FIELD-2 is named `field_2_...`.

The controls must fail: `--without field_2` ignores the tests of FIELD-2, and `--with field_0_x` adds a test.
"""

import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
RULE = re.compile(r"^\s*//[/!] - \*\*((?:FIELD|API|LINK)-\d+)\*\*:", re.M)
TEST = re.compile(r"#\[test\]\s+(?:#\[.*\]\s+)*fn (\w+)")
NUMBER = re.compile(r"(field|api|link)_(\d+)_")


def read(*folders):
    return "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.rs"))


def rule_of(test):
    number = NUMBER.match(test)
    return f"{number[1].upper()}-{number[2]}" if number else None


parser = argparse.ArgumentParser()
parser.add_argument("--without", metavar="RULE", help="ignore the tests of a rule")
parser.add_argument("--with", metavar="TEST", dest="added", help="add the name of a test")
options = parser.parse_args()

rules = set(RULE.findall(read("src")))
tests = TEST.findall(read("src", "tests"))
if options.without:
    tests = [test for test in tests if not test.startswith(f"{options.without}_")]
if options.added:
    tests.append(options.added)

numbered = {rule_of(test) for test in tests} - {None}
faults = [f"{rule}: no test bears its number" for rule in sorted(rules - numbered)]
faults += [f"{rule}: no such rule is documented" for rule in sorted(numbered - rules)]
if not rules or faults:
    sys.exit("\n".join(faults) or "no rules were found")
print(f"{len(rules)} rules, {sum(map(bool, map(rule_of, tests)))} tests with a number")
