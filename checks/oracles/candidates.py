"""Prints `goto` targets, one a line, in JSON.

- `candidates.py short`: all texts of 1 to 5 characters of a hostile alphabet.
- `candidates.py control`: the short texts that a check of the first characters would offer.
- `candidates.py url FILE`: the inputs of the URL standard's test data.
- `candidates.py vectors FILE`: the targets of the library's vectors.
- `candidates.py django FILE`: the URLs that Django's own tests call bad.
"""

import ast
import itertools
import json
import pathlib
import sys


def short():
    for length in range(1, 6):
        for letters in itertools.product("/\\.:@;%?#a2f\t ", repeat=length):
            yield "".join(letters)


def control():
    return (text for text in short() if text.startswith("/") and not text.startswith("//"))


def url(path):
    for case in json.loads(pathlib.Path(path).read_text()):
        if isinstance(case, dict):
            # Alone, and in every part of a target.
            for before in ["", "/", "a", "a/", "a?", "a#"]:
                yield before + case["input"]


def vectors(path):
    cases = json.loads(pathlib.Path(path).read_text())
    assert len(cases) > 100, len(cases)
    return (case["goto"] for case in cases)


def django(path):
    tests = ast.walk(ast.parse(pathlib.Path(path).read_text()))
    lists = (
        node.value
        for node in tests
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "bad_urls"
    )
    yield from ast.literal_eval(next(lists))


for candidate in globals()[sys.argv[1]](*sys.argv[2:]):
    print(json.dumps(candidate))
