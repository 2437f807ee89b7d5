#!/usr/bin/env python3
"""Measures the calls a second of the companion crate beside those of a route without authentication.

usage: measure.py [--seconds SECONDS] [--record]

The routes are called in turn with wrk, seven rounds each, and the median counts. `--record` writes
docs/companion.json. It needs Rust and wrk, and a machine that does nothing else.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).parent.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
ROUTES = {"bare": "without authentication", "plain": "a plain secret", "remembered": "a remembered match of bcrypt"}
CLIENTS = 16
ROUNDS = 7


def calls_a_second(url, seconds):
    script = ROOT / "checks" / "companion" / "call.lua"
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", script, url]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        raise SystemExit(report)
    return float(re.search(r"Requests/sec: +([\d.]+)", report)[1])


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"CPU": cpu[1] if cpu else "unknown", "threads": os.cpu_count(), "rustc": rustc}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "-q", "--release", "-p", "whmcs-auth-companion-speed"], cwd=ROOT, check=True)
    rates = {route: [] for route in ROUTES}
    with subprocess.Popen([TARGET / "companion_speed"], stdout=subprocess.PIPE, text=True) as server:
        try:
            base = server.stdout.readline().split()[-1]
            for route in ROUTES:
                calls_a_second(f"{base}/{route}", 1)
            for _ in range(ROUNDS):
                for route in ROUTES:
                    rates[route].append(calls_a_second(f"{base}/{route}", options.seconds))
        finally:
            server.kill()
    bare = statistics.median(rates["bare"])
    rows = [
        {"route": name, "calls a second": round(statistics.median(rates[route])),
         "to the bare route": round(statistics.median(rates[route]) / bare, 2)}
        for route, name in ROUTES.items()
    ]
    for row in rows:
        print(*row.values(), sep="\t")
    if options.record:
        recorded = {"machine": machine(), "clients": CLIENTS, "rows": rows}
        (ROOT / "docs" / "companion.json").write_text(json.dumps(recorded, indent=1) + "\n")


main()
