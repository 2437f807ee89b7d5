"""What the programs that measure speed share: how they start a program, call it with wrk, and name the machine."""

import contextlib
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
CLIENTS = 16


def build(*packages):
    arguments = [argument for package in packages for argument in ("-p", package)]
    subprocess.run(["cargo", "build", "-q", "--release", *arguments], cwd=ROOT, check=True)


@contextlib.contextmanager
def program(name, *options, log=None):
    """A program that prints `listening on URL`: its URL, and the number of its process."""
    with subprocess.Popen([TARGET / name, *options], stdout=subprocess.PIPE, stderr=log, text=True) as running:
        try:
            line = running.stdout.readline()
            if not line.startswith("listening on "):
                raise SystemExit(f"{name} does not start")
            yield line.split()[-1], running.pid
        finally:
            running.kill()


def calls_a_second(url, seconds, script, *arguments):
    """Each call must be answered with a status below 400."""
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "-s", script, url, "--", *arguments]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        raise SystemExit(report)
    return float(re.search(r"Requests/sec: +([\d.]+)", report)[1])


def machine():
    about = pathlib.Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"model name\s*: (.*)", about)
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "CPU": cpu[1] if cpu else "unknown",
        "threads": os.cpu_count(),
        "SHA instructions": bool(re.search(r"\bsha_ni\b", about)),
        "rustc": rustc,
        "profile": "release",
    }
