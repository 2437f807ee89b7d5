#!/usr/bin/env python3
"""Measures the logins a second of the bridge beside the calls that its WHMCS answers, and the memory that a connection
takes in the bridge and in the server.

usage: measure.py [--seconds SECONDS] [--record]

The WHMCS is the program of this folder, which answers at once. Each link is used once. The bridge, and this WHMCS
alone with the same calls, are called in turn with wrk, five rounds each, and the median counts. `--record` writes
docs/services.json. It needs Rust and wrk, and a machine that does nothing else.
"""

import argparse
import http.client
import json
import pathlib
import re
import select
import statistics
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "checks"))
from speed import CLIENTS, ROOT, build, calls_a_second, machine, program

ROUNDS = 5
# More than the bridge accepts. A link that is used twice would be refused, which ends the measurement.
LINKS_A_SECOND = 50_000
# Twice as many are open in the end, and the programs allow 512.
CONNECTIONS = 250
SCRIPT = pathlib.Path(__file__).parent / "walk.lua"
FREE_PORTS = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]
PROXY = ["--trust-proxy", "127.0.0.1", "--idle-connections", str(CONNECTIONS)]
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "203.0.113.7"}
CALL = (
    "action=GetClients&limitnum=1&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"
    "&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
)


def bridge(log, whmcs, *options):
    arguments = ["--whmcs-url", whmcs, "--public-url", "https://billing.example/", "--identifier", "identifier"]
    arguments += ["--secret", "secret", "--autoauth-key", "abcXYZ123", "--one-time-links", "--max-links", "10000000"]
    return program("whmcs-auth-bridge", *FREE_PORTS, *arguments, *options, log=log)


def server(log, folder):
    arguments = ["--database", f"sqlite:{folder}/whmcs.db", "--bcrypt-cost", "4", "--allow-ip", "203.0.113.7"]
    return program("whmcs-auth-server", *FREE_PORTS, *arguments, *PROXY, log=log)


def read(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode()


def links(whmcs, name, count):
    return read(f"{whmcs}/links/{name}/{count}")


def logins(whmcs, log, folder, seconds):
    """The logins a second, the calls of WHMCS that a login makes, and the calls a second of WHMCS alone."""
    with bridge(log, whmcs) as (base, _):
        # A link must be made after the start of the bridge.
        time.sleep(1)
        finish(begin(base, "GET", "/dologin.php?" + links(whmcs, "first", 1).strip()))
        calls = read(f"{whmcs}/calls")
        (folder / "calls").write_text(calls)
        logins, alone = [], []
        for number in range(ROUNDS):
            (folder / "links").write_text(links(whmcs, f"round{number}.", LINKS_A_SECOND * seconds))
            logins.append(calls_a_second(f"{base}/dologin.php", seconds, SCRIPT, "GET", folder / "links"))
            alone.append(calls_a_second(f"{whmcs}/includes/api.php", seconds, SCRIPT, "POST", folder / "calls"))
    a_login, rate, alone = len(calls.split()), statistics.median(logins), statistics.median(alone)
    return {
        "logins a second": round(rate),
        "calls of a login": a_login,
        "calls a second of WHMCS alone": round(alone),
        "ratio": round(rate * a_login / alone, 2),
    }


def resident(process):
    """The KiB of memory of a process, as soon as they stay the same for a second."""
    before, now = None, 0
    while now != before:
        time.sleep(1)
        before, now = now, int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text())[1])
    return now


def begin(base, method, path, body=None, cut=0):
    """Sends a request on a new connection, without the last bytes of its body."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)
    length = {"Content-Length": str(len(body))} if body else {}
    connection.request(method, path, body and body[: len(body) - cut], FORM | length)
    return connection


def finish(connection):
    """Reads the answer, after which the connection is idle."""
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 400 or answer.will_close:
        raise SystemExit(f"not an idle connection: {answer.status} {answer.headers}")
    return connection


def memory(name, process, idle, opened):
    """Opens idle connections, and then others with a request that is not answered yet."""
    for _ in range(200):
        idle().close()
    levels, connections = [resident(process)], []
    for connect in (idle, opened):
        connections += [connect() for _ in range(CONNECTIONS)]
        levels.append(resident(process))
        if select.select([connection.sock for connection in connections], [], [], 0)[0]:
            raise SystemExit(f"the {name} closed an idle connection, or answered an open request")
    alone, with_idle, with_opened = levels
    return {
        "program": name,
        "MiB without connections": round(alone / 1024, 1),
        "KiB of an idle connection": round((with_idle - alone) / CONNECTIONS, 1),
        "KiB of an open request": round((with_opened - with_idle) / CONNECTIONS, 1),
    }


def memory_of_both(whmcs, log, folder):
    call = "POST", "/includes/api.php", CALL
    with server(log, folder) as (base, process):
        yield memory("server", process, lambda: finish(begin(base, *call)), lambda: begin(base, *call, cut=1))
    visits, silent = (iter(links(whmcs, name, 1000).split()) for name in ("visit", "silent"))
    with bridge(log, whmcs, *PROXY, "--call-time", "60", "--max-calls-in-flight", "512") as (base, process):
        visit = lambda link: begin(base, "GET", f"/dologin.php?{link}")
        yield memory("bridge", process, lambda: finish(visit(next(visits))), lambda: visit(next(silent)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    build("whmcs-auth-bridge", "whmcs-auth-server", "whmcs-auth-bridge-speed")
    with tempfile.TemporaryDirectory() as name, program("whmcs-auth-bridge-speed") as (whmcs, _):
        folder = pathlib.Path(name)
        with open(folder / "log", "w") as log:
            measured = {
                "machine": machine(),
                "clients": CLIENTS,
                "logins": logins(whmcs, log, folder, options.seconds),
                "connections": CONNECTIONS,
                "memory": list(memory_of_both(whmcs, log, folder)),
            }
    print(json.dumps(measured, indent=1))
    if options.record:
        (ROOT / "docs" / "services.json").write_text(json.dumps(measured, indent=1) + "\n")


main()
