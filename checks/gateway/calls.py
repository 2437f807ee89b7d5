"""Sends API calls through the gateway, and compares what PHP then has with what it has without a gateway.

usage: calls.py GATEWAY COUNT SEED [--as-received]

The calls are those of table.py, and COUNT random ones. `--as-received` is for the control: calls that the gateway
accepted reach PHP as they were received.
"""

import contextlib
import json
import pathlib
import re
import sys
import tempfile

from random_calls import RandomCalls
from servers import PATH, Php, Request, gateway, send
from table import FORWARDED, IDENTIFIER, SECRET, TABLE

# PHP's answer has names and values in hex.
CREDENTIALS = [name.hex() for name in (b"identifier", b"secret", b"username", b"password")]
API_FIELDS = [*CREDENTIALS, *(name.hex() for name in (b"accesskey", b"action", b"responsetype"))]
VERIFIED = [dict(zip(pair, [IDENTIFIER.hex(), SECRET.hex()])) for pair in (CREDENTIALS[:2], CREDENTIALS[2:])]


def merged(get: dict, post: dict) -> dict:
    """As PHP makes $_REQUEST of $_GET and $_POST."""
    both = dict(get)
    for name, value in post.items():
        have = both.get(name)
        is_array = isinstance(value, dict) and isinstance(have, dict)
        both[name] = merged(have, value) if is_array else value
    return both


def expected(direct: dict) -> dict:
    """What PHP is to have, out of what it has of the original request."""
    fields = merged(direct["get"], direct["post"])
    # The first pair counts if it is there.
    ignored = CREDENTIALS[2:] if fields.get(CREDENTIALS[0]) else CREDENTIALS[:2]
    is_ignored = lambda name, value: name in ignored or (name in API_FIELDS and not value)
    return {name: value for name, value in fields.items() if not is_ignored(name, value)}


def texts(fields: dict) -> dict:
    """For a message."""
    shown = {}
    for name, value in fields.items():
        value = texts(value) if isinstance(value, dict) else bytes.fromhex(value)[:80]
        shown[bytes.fromhex(name)] = value
    return shown


def faults_of_forwarded(seen: dict, direct: dict) -> list[str]:
    faults = []
    credentials = {name: value for name, value in seen["post"].items() if name in CREDENTIALS}
    if credentials not in VERIFIED:
        faults.append(f"PHP has other credentials than the verified ones: {texts(credentials)}")
    for place in ("get", "cookie"):
        if seen[place]:
            faults.append(f"PHP has {texts(seen[place])} as {place}")
    wanted = expected(direct)
    for name in sorted({*wanted, *seen["post"]}):
        want, have = ({name: fields[name]} if name in fields else {} for fields in (wanted, seen["post"]))
        if want != have:
            faults.append(f"PHP has {texts(have)}, and without a gateway {texts(want)}")
    if seen["request"] != seen["post"]:
        faults.append(f"$_REQUEST is {texts(seen['request'])}")
    if seen["line"] != f"POST {PATH.decode()}":
        faults.append(f"the request was {seen['line']}")
    if sorted(seen["headers"]) != ["content-length", "content-type", "host"]:
        faults.append(f"the headers were {seen['headers']}")
    return faults


def message(body: bytes) -> str | None:
    """The message of a refusal, in any of the three formats."""
    text = body.decode()
    if text.startswith("{"):
        answer = json.loads(text)
        return answer["message"] if answer["result"] == "error" else None
    found = re.fullmatch(r"result=error;message=(.*)", text)
    found = found or re.fullmatch(r"<\?xml .*<result>error</result>\n<message>(.*)</message>\n</whmcsapi>", text, re.S)
    return found and found[1]


class Check:
    def __init__(self, program: str, as_received: bool, folder: pathlib.Path, running: contextlib.ExitStack):
        self.as_received = as_received
        self.upstream = Php(folder / "upstream", running)
        self.without_gateway = Php(folder / "without_gateway", running)
        options = ["--max-fields", "1000000"] if as_received else []
        self.gateway = gateway(program, self.upstream, options, running)
        self.forwarded = self.refused = self.faulty = 0

    def run(self, what: str, request: Request, outcome: str | None = None) -> None:
        status, body = send(self.gateway, request)
        reached = self.upstream.new_requests()
        if status == 200:
            self.forwarded += 1
            got = FORWARDED
            direct = self.without_gateway.read(request)
            faults = faults_of_forwarded(direct if self.as_received else json.loads(body), direct)
            if reached != 1:
                faults.append(f"PHP was reached {reached} times")
        else:
            self.refused += 1
            got = message(body)
            faults = [f"PHP was reached by what was refused with {got}"] if reached else []
            if status not in (400, 403, 405, 413):
                faults.append(f"the status is {status}")
        if outcome is not None and got != outcome:
            faults.append(f"the outcome is {got}, and not {outcome}")
        self.faulty += bool(faults)
        # One fault brings others.
        for fault in faults[:3] if self.faulty < 50 else []:
            shown = f"{what}: {fault}"
            print(shown if len(shown) < 2000 else f"{shown[:500]} ... {shown[-1500:]}")


def main() -> None:
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with contextlib.ExitStack() as running:
        folder = pathlib.Path(running.enter_context(tempfile.TemporaryDirectory()))
        check = Check(program, "--as-received" in sys.argv[4:], folder, running)
        for what, (request, outcome) in TABLE.items():
            check.run(what, request, outcome)
        generator = RandomCalls(seed)
        for _ in range(count):
            request, outcome = generator.call()
            check.run(repr(request), request, outcome)
    total = len(TABLE) + count
    print(f"{total} calls: {check.forwarded} forwarded, {check.refused} refused, {check.faulty} of them wrongly")
    # Without enough calls of both kinds the check shows little.
    is_balanced = min(check.forwarded, check.refused) >= total / 5
    sys.exit(1 if check.faulty or not is_balanced else 0)


main()
