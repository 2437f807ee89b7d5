"""Reads the expected answers of the tests with other parsers. All three formats of an error must say the same.

usage: answers.py [DIRECTORY]
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml

answers = pathlib.Path(__file__).parent.parent / "tests" / "answers"
if len(sys.argv) > 1:
    answers = pathlib.Path(sys.argv[1])


def read_json(text):
    return json.loads(text)


def read_xml(text):
    root = xml.fromstring(text)
    assert root.tag == "whmcsapi", root.tag
    fields = {field.tag: field.text for field in root}
    assert len(fields) == len(root) == 3, fields
    assert fields.pop("action") == "getclients"
    return fields


def read_nvp(text):
    return dict(field.split("=") for field in text.split(";"))


names = {path.stem for path in answers.iterdir()}
assert names, "no answer"
for name in sorted(names):
    fields = read_json((answers / f"{name}.json").read_text())
    assert sorted(fields) == ["message", "result"] and fields["result"] == "error", fields
    assert read_xml((answers / f"{name}.xml").read_text()) == fields, f"{name}: XML and JSON differ"
    assert read_nvp((answers / f"{name}.nvp").read_text()) == fields, f"{name}: NVP and JSON differ"
print(len(names), "errors, the same in three formats")
