#!/usr/bin/env python3
"""Runs the server over MariaDB while a table is locked, while MariaDB does not answer, and while it is down.
Every call must be answered in time, the log must have the cause, and the server must go on without a restart.

usage: database.py SERVER LOG [QUERY-TIME]

SERVER is the program. The control passes a time of a query with which calls wait for longer.
"""

import concurrent.futures
import contextlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from run import ASK, mariadb, program

CALLERS = 64


def status(url, body=None):
    """The status of an answer, and how long it took."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(url, body and body.encode(), timeout=60) as answer:
            code = answer.status
    except urllib.error.HTTPError as error:
        code = error.code
    return code, time.monotonic() - begun


class Server:
    def __init__(self, base, log):
        self.api, self.page = f"{base}/includes/api.php", f"{base}/dologin.php?email=x%40y.zz&timestamp=1&hash=1"
        self.log = log

    def call(self):
        return status(self.api, ASK)

    def expect_failures(self, what, seconds, cause, page=None):
        """64 calls at once are answered with 503 in time. So is a page, or with its own status."""
        before = len(self.log.read_text())
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            answers = [callers.submit(self.call) for _ in range(CALLERS)]
            time.sleep(0.2)
            pages = [status(self.page) for _ in range(3)] if page else []
            answers = [answer.result() for answer in answers]
        slowest = max(time for _, time in answers)
        print(f"{what}: {CALLERS} calls are answered in {slowest:.1f} s", flush=True)
        if any(code != 503 for code, _ in answers) or slowest > seconds:
            sys.exit(f"{what}: not all calls are answered with 503 in {seconds} s: {sorted(set(answers))[-3:]}")
        if any(code != page or time > 1 for code, time in pages):
            sys.exit(f"{what}: the pages are not answered at once: {pages}")
        time.sleep(0.3)
        lines = [json.loads(line) for line in self.log.read_text()[before:].splitlines()]
        causes = {line["fields"].get("message", "") for line in lines if line["level"] == "ERROR"}
        if cause and not any(re.search(cause, message) for message in causes):
            sys.exit(f"{what}: no line of the log has {cause!r}: {causes}")

    def expect_success(self, what, seconds=3):
        until = time.monotonic() + seconds
        while self.call()[0] != 200:
            if time.monotonic() > until:
                sys.exit(f"{what}: the server did not recover in {seconds} s")
            time.sleep(0.1)


@contextlib.contextmanager
def serving(log, *command):
    """A server that has answered a call."""
    with program(log, *command) as base:
        server = Server(base, log)
        server.expect_success("at the start")
        yield server


@contextlib.contextmanager
def locked(client, table):
    with subprocess.Popen([*client, "whmcs"], stdin=subprocess.PIPE, text=True) as session:
        session.stdin.write(f"LOCK TABLES {table} WRITE;\n")
        session.stdin.flush()
        time.sleep(0.5)
        try:
            yield
        finally:
            session.stdin.close()


def main():
    program_file, log, query_time = [*sys.argv[1:], "2"][:3]
    log = pathlib.Path(log)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with program(folder / "demo.log", program_file, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--database", f"sqlite:{folder}/whmcs.db", "--bcrypt-cost", "4"):
            pass
        command = [program_file, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", "--max-failures", "1000000", "--bcrypt-cost", "4"]
        command += ["--query-time", query_time, "--database-connect-time", "1", "--database-connections", "4"]
        with mariadb(folder, folder / "whmcs.db") as database:
            # A new server for each case, because the log sums up like refusals of ten seconds.
            started = lambda: serving(log, *command, "--database", database.url)
            with started() as server:
                with locked(database.client, "tbldeviceauth"):
                    cause = "(Lock wait timeout|max_statement_time) exceeded"
                    server.expect_failures("a locked table", 4, cause, page=403)
                server.expect_success("after the lock")
            with started() as server:
                database.process.send_signal(signal.SIGSTOP)
                server.expect_failures("MariaDB does not answer", 5, "did not answer")
                server.expect_failures("a moment later", 2, None)
                database.process.send_signal(signal.SIGCONT)
                server.expect_success("after the silence")
            with started() as server:
                database.stop()
                # Connections that were not used for a second are tested, and then others are opened.
                time.sleep(1.5)
                server.expect_failures("MariaDB is down", 1, "Connection refused")
                database.start()
                server.expect_success("after the start of MariaDB")


main()
