"""The server as a process: its log, its metrics, its memory and its descriptors."""

import asyncio
import json
import os
import re
import signal
import time

from oracle import Wrong

LONG_WORD = re.compile(rb"[A-Za-z0-9]{32,}")
# The server gives open requests 10 s, and the log 2 s.
STOP_TIME = 15
# How much of the log is read ahead.
MOST_OF_LOG = 1 << 14
MIB = 1 << 20


class Server:
    def __init__(self, program: str, options: list[str]):
        self.command = [program, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", *options]
        # What the log must not have: words, and parts of lines.
        self.secrets: set[bytes] = set()
        self.markers = [b"MARKED", b"key#1+2", b"panicked", b"soak-key"]
        self.lines = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self.rereads = 0
        self.process = None

    async def start(self, log: int = asyncio.subprocess.PIPE) -> None:
        # Two lines for each answer.
        environment = {"RUST_LOG": "whmcs_auth=debug"}
        self.process = await asyncio.create_subprocess_exec(
            *self.command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log, limit=MOST_OF_LOG
        )
        line = await self.process.stdout.readline()
        if not line:
            raise Wrong(f"the server does not start: {await self.process.stderr.read()}")
        self.url = line.decode().removeprefix("listening on ").strip()
        line = await self.process.stdout.readline()
        self.operator_url = line.decode().removeprefix("listening for the operator on ").strip()
        self.port = int(self.url.rpartition(":")[2])
        if log == asyncio.subprocess.PIPE:
            self.reader = asyncio.create_task(self.read_log())

    async def read_log(self) -> None:
        """Each line is JSON, and has no secret."""
        while line := await self.process.stderr.readline():
            await self.reads.wait()
            self.lines += 1
            for word in LONG_WORD.findall(line):
                if word in self.secrets:
                    raise Wrong(f"a secret in the log: {line}")
            if any(marker in line for marker in self.markers):
                raise Wrong(f"a secret or a panic in the log: {line}")
            try:
                fields = json.loads(line)["fields"]
            except (ValueError, KeyError) as error:
                raise Wrong(f"not a line of the log: {line}") from error
            self.rereads += fields.get("message") == "read addresses and keys anew"

    async def reread(self) -> None:
        """Sends SIGHUP, and waits until the files were read."""
        before = self.rereads
        self.process.send_signal(signal.SIGHUP)
        await until(lambda: self.rereads > before, 10, "the files are read anew")

    def memory(self) -> float:
        """Resident MiB."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    async def stop(self) -> float:
        """How long it took to end after SIGTERM."""
        self.process.terminate()
        # `wait` also waits until the log was read.
        took = await until(lambda: self.process.returncode is not None, STOP_TIME, "the server ends after SIGTERM")
        if self.process.returncode != 0:
            raise Wrong(f"the server ended with status {self.process.returncode}")
        return took

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


async def until(is_so, seconds: float, what: str) -> float:
    """Waits until it is so, and returns how long that took."""
    begun = time.monotonic()
    while True:
        result = is_so()
        if await result if asyncio.iscoroutine(result) else result:
            return time.monotonic() - begun
        if time.monotonic() - begun > seconds:
            raise Wrong(f"after {seconds} s not yet: {what}")
        await asyncio.sleep(0.05)
