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
MIB = 1 << 20


class Server:
    def __init__(self, program: str, options: list[str]):
        self.command = [program, "--listen", "127.0.0.1:0", *options]
        self.secrets: set[bytes] = set()
        self.lines = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self.rereads = 0
        self.process = None

    async def start(self, log: int = asyncio.subprocess.PIPE) -> None:
        # Two lines for each answer.
        environment = {"RUST_LOG": "whmcs_auth_server=debug"}
        self.process = await asyncio.create_subprocess_exec(
            *self.command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log, limit=MIB
        )
        line = await self.process.stdout.readline()
        if not line:
            raise Wrong(f"the server does not start: {await self.process.stderr.read()}")
        self.url = line.decode().removeprefix("listening on ").strip()
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
            if b"MARKED" in line or b"key#1+2" in line or b"panicked" in line:
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
        begun = time.monotonic()
        self.process.terminate()
        try:
            status = await asyncio.wait_for(self.process.wait(), STOP_TIME)
        except TimeoutError as error:
            raise Wrong(f"the server still runs {STOP_TIME} s after SIGTERM") from error
        if status != 0:
            raise Wrong(f"the server ended with status {status}")
        return time.monotonic() - begun

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
