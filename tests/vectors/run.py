"""Holds an implementation in Python against the vectors. It has the functions of example.py.

usage: run.py [IMPLEMENTATION]
"""

import json
import pathlib
import runpy
import sys
import xml.etree.ElementTree as xml

here = pathlib.Path(__file__).parent
ours = runpy.run_path(sys.argv[1] if len(sys.argv) > 1 else str(here / "example.py"))


def read(name):
    return json.loads((here / f"{name}.json").read_text())


def form(body, _php):
    """What PHP reads is a matter of PHP."""
    return {"malformed": ours["fields"](body, ours["CALL_FIELDS"]) is None}


def answer(message):
    """The bodies, after other parsers read the same message from each."""
    bodies = ours["answer"](message)
    assert json.loads(bodies["json"]) == {"result": "error", "message": message}, bodies
    in_xml = {element.tag: element.text or "" for element in xml.fromstring(bodies["xml"])}
    in_nvp = dict(field.split("=") for field in bodies["nvp"].split(";"))
    for fields, lost in (in_xml, "\ufffd"), (in_nvp, " "):
        assert fields["result"] == "error" and len(fields["message"]) == len(message), bodies
        assert all(read in (sent, lost) for read, sent in zip(fields["message"], message)), bodies
    return bodies


records = read("calls")
failed = False
for name, cases, given, run in [
    ("keys", read("keys"), ["keys"], lambda keys: {"allowed": ours["are_allowed"](keys)}),
    ("links", read("links"), ["keys", "now", "query"], ours["verify_link"]),
    ("goto", read("goto"), ["goto"], lambda goto: {"verdict": ours["target"](goto)}),
    ("forms", read("forms"), ["body", "php"], form),
    ("calls", records.pop("calls"), ["body"], lambda body: ours["verify_call"](**records, body=body)),
    ("answers", read("answers"), ["message"], answer),
]:
    skipped = 0
    for case in cases:
        expected = {key: value for key, value in case.items() if key not in ("rule", *given)}
        try:
            got = run(*(case[key] for key in given))
        except NotImplementedError:
            skipped += 1
            continue
        if got != expected:
            failed = True
            print(f"{name}: {json.dumps(case)}\n    but: {json.dumps(got)}")
    print(f"{name}: {len(cases)} cases" + (f", {skipped} of them left out" if skipped else ""))
sys.exit(failed)
