#!/usr/bin/env python3
"""Measures the calls a second of the companion crate beside those of a route without authentication.

usage: measure.py [--seconds SECONDS] [--record]

The routes are called in turn with wrk, seven rounds each, and the median counts. `--record` writes
docs/companion.json. It needs Rust and wrk, and a machine that does nothing else.
"""

import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from speed import CLIENTS, ROOT, build, calls_a_second, machine, program

ROUTES = {"bare": "without authentication", "plain": "a plain secret", "remembered": "a remembered match of bcrypt"}
ROUNDS = 7
SCRIPT = pathlib.Path(__file__).parent / "call.lua"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    build("whmcs-auth-companion-speed")
    rates = {route: [] for route in ROUTES}
    with program("companion_speed") as (base, _):
        for route in ROUTES:
            calls_a_second(f"{base}/{route}", 1, SCRIPT)
        for _ in range(ROUNDS):
            for route in ROUTES:
                rates[route].append(calls_a_second(f"{base}/{route}", options.seconds, SCRIPT))
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
