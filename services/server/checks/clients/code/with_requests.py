"""Sends calls with Python's requests."""

import json
import sys

import requests

WAYS = {
    "form": lambda fields: {"data": fields},
    "multipart": lambda fields: {"files": {name: (None, value) for name, value in fields.items()}},
    "json": lambda fields: {"json": fields},
    "json text": lambda fields: {"data": json.dumps(fields)},
}

session = requests.Session()
for line in sys.stdin:
    call = json.loads(line)
    answer = session.post(call["url"], **WAYS[call["way"]](call["fields"]))
    retry_after = answer.headers.get("Retry-After")
    print(json.dumps({"status": answer.status_code, "body": answer.text, "retry_after": retry_after}), flush=True)
