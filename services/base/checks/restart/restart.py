#!/usr/bin/env python3
"""Restarts the server and the bridge under load, behind nginx with the sample of the server, and counts the requests
that are lost.

usage: restart.py FOLDER [--without-socket] [--record]

FOLDER holds the two programs. This program keeps their listening socket open, as systemd does for a .socket unit.
`--without-socket` lets them listen for themselves. `--record` writes docs/restart.json.
"""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[4]
RESTARTS = 10
CALLERS = 16
# nginx appends the address of this machine, which is a proxy to the server.
FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "203.0.113.7"}
PAIR = "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
CALL = ("POST", "/includes/api.php", f"action=GetClients&limitnum=1&{PAIR}", FORM)
FORGED = ("GET", "/dologin.php?email=a%40b.example&timestamp=1700000000&hash=" + "0" * 40, None, {})
# The program, its options, and a request with the status of its answer.
PROGRAMS = {
    "server": (["--database", "sqlite:whmcs.db", "--trust-proxy", "127.0.0.1", "--allow-ip", "203.0.113.7"], CALL, 200),
    "bridge": (["--demo", "--trust-proxy", "127.0.0.1"], FORGED, 403),
}
WITH_SOCKET = 'exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def nginx(folder, service_port):
    """nginx with the sample, without TLS."""
    port = free_port()
    sample = (ROOT / "services/server/deploy/nginx.conf").read_text()
    redirect, site = sample.split("server {\n    listen 80;")[0], "server {\n" + sample.split("server {")[-1]
    site = re.sub(r"(?m)^ *(ssl_|add_header|listen).*\n", "", site).replace("{", f"{{\n    listen 127.0.0.1:{port};", 1)
    site = (redirect + site).replace("127.0.0.1:8080", f"127.0.0.1:{service_port}").replace("/var/log/nginx", str(folder))
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file = folder / "nginx.conf"
    file.write_text(f"pid {folder}/pid; error_log {folder}/main.log; events {{}}\nhttp {{ {temporary}\n{site}\n}}\n")
    running = subprocess.Popen(["nginx", "-p", folder, "-c", file, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        running.terminate()
        running.wait()


def start(name, programs, folder, address, kept):
    """Starts a program with the socket that is kept open, or with none."""
    program = programs / f"whmcs-auth-{name}"
    options = ["--listen", address, "--operator-listen", "127.0.0.1:0", *PROGRAMS[name][0]]
    command = ["sh", "-c", WITH_SOCKET, program, *options] if kept else [program, *options]
    with open(folder / "log", "a") as log:
        running = subprocess.Popen(
            command, cwd=folder, stdin=kept, stdout=subprocess.PIPE, stderr=log, text=True
        )
    if running.stdout.readline():
        return running
    if kept or running.wait() == 0:
        sys.exit(f"the {name} does not start: {(folder / 'log').read_text()}")
    # A connection of nginx to the closed port can hold the port for a moment.
    time.sleep(0.1)
    return start(name, programs, folder, address, kept)


def load(port, request, status, is_over):
    """Requests one after the other. Returns how many were answered and lost, and the longest time of an answer."""
    answered, lost, longest = 0, 0, 0.0
    method, path, body, headers = request
    while not is_over():
        begun = time.monotonic()
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request(method, path, body, headers)
            is_right = connection.getresponse().status == status
            connection.close()
        except (OSError, http.client.HTTPException):
            is_right = False
        answered, lost = answered + is_right, lost + (not is_right)
        longest = max(longest, time.monotonic() - begun)
    return answered, lost, longest


def measure(name, programs, is_kept):
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listening:
        folder = pathlib.Path(folder)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        service_port = listening.getsockname()[1]
        if is_kept:
            listening.listen(4096)
        else:
            listening.close()
        kept = listening if is_kept else None
        arguments = name, programs, folder, f"127.0.0.1:{service_port}", kept
        running = start(*arguments)
        with nginx(folder, service_port) as port, concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            is_over = False
            time.sleep(1)
            results = [callers.submit(load, port, *PROGRAMS[name][1:], lambda: is_over) for _ in range(CALLERS)]
            try:
                for _ in range(RESTARTS):
                    time.sleep(1)
                    running.send_signal(signal.SIGTERM)
                    if running.wait(30):
                        sys.exit(f"the {name} ended with status {running.returncode}")
                    running = start(*arguments)
                time.sleep(1)
            finally:
                is_over = True
            answered, lost, longest = zip(*(result.result() for result in results))
        running.kill()
        running.wait()
    return {"restarts": RESTARTS, "answered": sum(answered), "lost": sum(lost), "longest s": round(max(longest), 2)}


def main(programs, *options):
    measured = {name: measure(name, pathlib.Path(programs), "--without-socket" not in options) for name in PROGRAMS}
    print(json.dumps(measured, indent=1))
    if "--record" in options:
        (ROOT / "docs/restart.json").write_text(json.dumps(measured, indent=1) + "\n")
    lost = sum(result["lost"] for result in measured.values())
    if lost:
        sys.exit(f"{lost} requests were lost")


main(*sys.argv[1:])
