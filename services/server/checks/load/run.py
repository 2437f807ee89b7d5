#!/usr/bin/env python3
"""Measures calls a second of the server, with and without the cache and beside an API without
authentication, over SQLite and MariaDB, and what a flood of wrong secrets costs other callers.

usage: run.py [--seconds SECONDS] [--record] [--check [--without-cache]]

It builds the programs, starts them on this machine and calls them with wrk. `--record` writes docs/load.json.
`--check` fails if a ratio is far below its goal. Its control measures a server without cache in place of one with it.
It needs Rust, wrk and MariaDB (Debian: wrk, mariadb-server), and takes about five minutes.
"""

import argparse
import contextlib
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[4]
HERE = pathlib.Path(__file__).parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"

PAIR = "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
ASK = f"action=GetClients&responsetype=json&{PAIR}"
WRONG = "action=GetClients&responsetype=json&identifier=x#&secret=y#"
HONEST = "192.0.2.1"
CLIENTS = (1, 8, 64)


@contextlib.contextmanager
def program(log, *command):
    """A program that prints `listening on URL`."""
    with open(log, "w") as errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as running:
        try:
            line = running.stdout.readline()
            if not line.startswith("listening on "):
                sys.exit(f"{command[0]} did not start: {pathlib.Path(log).read_text()}")
            yield line.split()[-1]
        finally:
            running.kill()


class MariaDB:
    """A MariaDB server with the tables of WHMCS, and the hashes of the demo."""

    def __init__(self, folder, sqlite_file):
        self.data, self.socket, self.log = folder / "mariadb", folder / "socket", folder / "mariadb.log"
        self.client = ["mariadb", "--no-defaults", "--user=root", f"--socket={self.socket}"]
        self.url = f"mysql://root@localhost/whmcs?socket={self.socket}"
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--user=root"]
        with open(self.log, "w") as log:
            subprocess.run([*install, "--auth-root-authentication-method=normal"], stdout=log, stderr=log, check=True)
        self.start()
        demo = sqlite3.connect(sqlite_file)
        (secret,) = demo.execute("SELECT secret FROM tbldeviceauth").fetchone()
        (password,) = demo.execute("SELECT password FROM tbladmins WHERE id = 1").fetchone()
        files = ("services/server/deploy/schema.sql", "services/server/checks/clients/mariadb/rows.sql")
        tables = "".join((ROOT / file).read_text() for file in files)
        rows = f"""
            INSERT INTO tbladmins (id, username, password, passwordhash, roleid, disabled)
                VALUES (1, 'admin', '{password}', '{password}', 1, 0);
            INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids)
                VALUES (7, 'D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv', '{secret}', 1, '[1,2]');"""
        self.sql("CREATE DATABASE whmcs; USE whmcs;" + tables + rows)

    def start(self):
        command = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={self.data}", f"--socket={self.socket}"]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*command, "--skip-networking"], stdout=log, stderr=log)
        while subprocess.run([*self.client, "-e", "SELECT 1"], capture_output=True).returncode:
            if self.process.poll() is not None:
                sys.exit(self.log.read_text())
            time.sleep(0.1)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def sql(self, text):
        subprocess.run(self.client, input=text, text=True, check=True)


@contextlib.contextmanager
def mariadb(folder, sqlite_file):
    database = MariaDB(folder, sqlite_file)
    try:
        yield database
    finally:
        database.stop()


def wrk(base, clients, seconds, *arguments, fields=ASK):
    """Starts a client."""
    url = f"{base}/includes/api.php"
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", HERE / "api.lua", url, "--", fields, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(client):
    output, _ = client.communicate()
    if client.returncode:
        sys.exit(f"wrk failed: {output}")
    return json.loads(output.splitlines()[-1])


def measure(base, clients, seconds, *arguments):
    """Calls that must all be answered with 200."""
    told = result(wrk(base, clients, seconds, *arguments))
    if told["refused"] or told["broken"] or not told["calls"]:
        sys.exit(f"calls failed: {told}")
    return {"per second": round(told["calls"] / told["seconds"], 1), "p50 ms": told["p50"], "p99 ms": told["p99"]}


def speed(database, folder, seconds, *cached):
    """The three programs in turn, so that a slow moment of the machine meets all of them."""
    server = TARGET / "whmcs-auth-server"
    options = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--database", database]
    with (
        program(folder / "cache.log", server, *options, *cached) as cache,
        program(folder / "no-cache.log", server, *options, "--cache-age", "0") as no_cache,
        program(folder / "open.log", TARGET / "whmcs-auth-load", database) as without,
    ):
        for base in (cache, no_cache, without):
            measure(base, 1, 1)
        rows = []
        for clients in CLIENTS:
            row = {"clients": clients}
            rounds = {"without authentication": [], "cache": []}
            for _ in range(3):
                for name, base in (("without authentication", without), ("cache", cache)):
                    rounds[name].append(measure(base, clients, max(1, seconds // 3)))
            for name, measured in rounds.items():
                row[name] = {key: round(statistics.median(one[key] for one in measured), 3) for key in measured[0]}
            row["cache off"] = measure(no_cache, clients, seconds)
            rows.append(row)
        return rows


FLOODS = {
    "8 clients of one address": (8, "198.51.100.1"),
    "64 clients of one address": (64, "198.51.100.1"),
    "300 clients of random addresses": (300, "*"),
}


def floods(database, folder, seconds):
    """Eight clients of an honest caller, alone and beside a flood of wrong secrets."""
    rows = []
    for kind, options in {
        "as it starts": [],
        "no limit of failures": ["--max-failures", "1000000000"],
        "no limit of failures, cache off": ["--max-failures", "1000000000", "--cache-age", "0"],
    }.items():
        arguments = ["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--database", database, "--trust-proxy", "127.0.0.1", "--allow-ip", HONEST]
        arguments += ["--allow-ip", "198.51.100.0/24", "--allow-ip", "10.0.0.0/8", *options]
        for flood, (clients, address) in FLOODS.items():
            with program(folder / "flood.log", TARGET / "whmcs-auth-server", *arguments) as base:
                measure(base, 1, 1, HONEST)
                alone = measure(base, 8, seconds, HONEST)
                attack = wrk(base, clients, seconds + 2, address, fields=WRONG)
                time.sleep(1)
                beside = measure(base, 8, seconds, HONEST)
                wrong = result(attack)
                rows.append({
                    "server": kind, "flood": flood, "alone": alone, "beside the flood": beside,
                    "refused per second": round(wrong["refused"] / wrong["seconds"], 1),
                })
    return rows


def check(measured):
    """Other programs may share the cores, so the limits are below the goals."""
    rate = lambda row, name: row[name]["per second"]
    for database, rows in measured["speed"].items():
        for row in rows:
            if rate(row, "cache") < 0.4 * rate(row, "without authentication"):
                sys.exit(f"{database}: the cache is far from an API without authentication: {row}")
    for row in measured["floods"]:
        if rate(row, "beside the flood") < 0.3 * rate(row, "alone"):
            sys.exit(f"a flood takes too much: {row}")


def machine():
    cpu = next(line.split(": ")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    version = lambda *command: subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout.split()[1]
    return {"CPU": cpu, "threads": os.cpu_count(), "rustc": version("rustc", "-V"), "wrk": wrk, "MariaDB": version("mariadbd", "--version").split("Ver ")[1].split()[0]}


def show(rows):
    for row in rows:
        print("  " + json.dumps(row), flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=9)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--without-cache", action="store_true")
    arguments = parser.parse_args()
    cached = ["--cache-age", "0"] if arguments.without_cache else []
    for package in ("whmcs-auth-server", "whmcs-auth-load"):
        subprocess.run(["cargo", "build", "-q", "--release", "--locked", "-p", package], cwd=ROOT, check=True)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        file = folder / "whmcs.db"
        sqlite = f"sqlite:{file}"
        measured = {"machine": machine(), "seconds": arguments.seconds, "speed": {}}
        measured["speed"]["SQLite"] = speed(sqlite, folder, arguments.seconds, *cached)
        show(measured["speed"]["SQLite"])
        with mariadb(folder, file) as database:
            measured["speed"]["MariaDB"] = speed(database.url, folder, arguments.seconds, *cached)
            show(measured["speed"]["MariaDB"])
        measured["floods"] = floods(sqlite, folder, max(3, arguments.seconds // 2))
        show(measured["floods"])

    if arguments.record:
        (ROOT / "docs" / "load.json").write_text(json.dumps(measured, indent=1) + "\n")
    if arguments.check:
        check(measured)


if __name__ == "__main__":
    main()
