"""Runs the server for some time with mixed traffic and faults, and checks every answer.

usage: soak.py SERVER sqlite|mariadb SECONDS [--shift SHIFT]

With --shift the check is wrong in one respect, and must fail:

    secret   a wrong secret is right
    once     a used link or token works again
    calm     a fault of the database is none
    log      what the log says about callers is secret
    memory   4 MiB more with each second
    metrics  one login was seen that did not happen
"""

import argparse
import asyncio
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import aiohttp

from databases import MariaDb, Sqlite
from oracle import Answer, Oracle, Truth, Wrong
from server import Server, until
from traffic import ACCESS_KEY, KEY, OTHER_KEY, PAIR, ROTATED_KEY, SUCCESS, LINK_REFUSED, Traffic, refused

# Until a right call has its right answer again, from the end of a fault.
RECOVERY_TIME = 10
# The longest time of a right call or login while nothing is at fault. The server may be stopped for a while.
ANSWER_TIME = 5
# How much larger the memory may become after the warm-up.
MEMORY_MIB = 8
# Connections to the database, standard streams, epoll and the like.
OWN_DESCRIPTORS = 60
IDLE_CONNECTIONS = 300
CALM = 2
UNREAD_TIME = 5


class Soak:
    def __init__(self, program: str, kind: type, seconds: float, shifts: set[str], folder: pathlib.Path):
        self.program, self.seconds, self.shifts, self.folder = program, seconds, shifts, folder
        self.database = kind(folder)
        self.oracle = Oracle(shifts)
        # The collation of MariaDB finds another account.
        self.look_alike = "account_email_mismatch" if kind is MariaDb else "unknown_email"
        self.keys, self.networks = folder / "keys", folder / "networks"
        access_key = folder / "access-key"
        access_key.write_text(f"{ACCESS_KEY}\n")
        self.write_files(is_rotated=True)
        self.options = [
            "--database", self.database.url, "--autoauth-key-file", str(self.keys),
            "--allow-ip-file", str(self.networks), "--access-key-file", str(access_key),
            "--trust-proxy", "127.0.0.1", "--one-time-links", "--query-time", "2",
        ]
        for file in self.keys, self.networks, access_key:
            file.chmod(0o600)
        self.memory: list[float] = []
        self.faults: list[str] = []
        self.slowest_recovery = 0.0

    def write_files(self, is_rotated: bool) -> None:
        self.keys.write_text(f"{KEY}\n" + f"{ROTATED_KEY}\n" * is_rotated)
        self.networks.write_text("10.1.0.0/16\n10.2.0.0/16\n" + "10.3.0.0/16\n" * is_rotated)

    async def run(self) -> None:
        self.server = Server(self.program, self.options)
        try:
            await self.database.start()
            await self.server.start()
            if "log" in self.shifts:
                self.server.markers.append(b'"caller":"credential')
            rotated = self.rotated_credential()
            self.traffic = Traffic(self.server, self.oracle, self.credentials(2), list(self.hashes), rotated)
            await self.soak()
            await self.compare()
            await self.stop_with_unread_log()
            await self.full_log()
        finally:
            self.server.kill()
            await self.database.stop()

    def credentials(self, number: int) -> dict[str, str]:
        """Credentials that the server's own command makes: identifiers and their secrets."""
        command = [self.program, "make-credential", "--database", self.database.url]
        command += ["--admin", "admin", "--role", "Reader"]
        made = {}
        for _ in range(number):
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            identifier, secret = re.findall(r"\b[A-Za-z0-9]{32}\b", text)
            made[identifier] = secret
        return made

    def rotated_credential(self) -> tuple[str, Truth]:
        """A credential whose stored secret becomes another one from time to time. The other one's credential is
        deleted."""
        made = self.credentials(2)
        self.identifier, deleted = made
        hashes = [self.database.value(f"SELECT secret FROM tbldeviceauth WHERE identifier = '{name}'") for name in made]
        self.hashes = dict(zip(made.values(), hashes))
        self.database.sql(f"DELETE FROM tbldeviceauth WHERE identifier = '{deleted}'")
        return self.identifier, Truth(made[self.identifier])

    async def soak(self) -> None:
        begun = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.traffic.run(self.look_alike))
            watch = group.create_task(self.watch())
            log = group.create_task(self.watch_log())
            await self.disturb(begun + self.seconds)
            self.traffic.is_over = True
            watch.cancel()
            log.cancel()

    async def watch_log(self) -> None:
        await asyncio.shield(self.server.reader)
        raise Wrong("the log ended")

    async def watch(self) -> None:
        while True:
            leaked = 2 * len(self.memory) if "memory" in self.shifts else 0
            self.memory.append(self.server.memory() + leaked)
            await asyncio.sleep(0.5)

    async def disturb(self, end: float) -> None:
        """All faults, in turns, until the time is over, and each at least once."""
        disturbances = [self.change_secret, self.rotate, *self.database.faults]
        disturbances += [self.log_unread, self.idle, self.stopped_server]
        if isinstance(self.database, Sqlite):
            disturbances.append(self.replace_file)
        if self.shifts:
            disturbances = self.database.faults[:1]
        rounds, begun = 0, time.monotonic()
        while rounds == 0 or time.monotonic() < end:
            for disturbance in disturbances:
                if rounds > 0 and time.monotonic() > end:
                    break
                await asyncio.sleep(CALM)
                print(f"  {time.monotonic() - begun:5.0f} s  {disturbance.__name__}", flush=True)
                if disturbance in self.database.faults:
                    await self.fault(disturbance)
                else:
                    await disturbance()
                self.faults.append(disturbance.__name__)
            rounds += 1

    async def fault(self, disturbance) -> None:
        if "calm" not in self.shifts:
            self.oracle.fault_begins()
        await disturbance()
        took = await until(self.recovered, RECOVERY_TIME, f"right answers after {disturbance.__name__}")
        self.slowest_recovery = max(self.slowest_recovery, took)
        if self.oracle.faults:
            self.oracle.fault_is_over()

    async def recovered(self) -> bool:
        """Whether the API and the pages are answered three times in a row."""
        for _ in range(3):
            answer = await self.traffic.call("after a fault", PAIR, SUCCESS, "10.1.0.4")
            url = self.traffic.link("demo@whmcs.com", int(time.time()), OTHER_KEY)
            page = await self.traffic.visit("after a fault", refused("hash_mismatch", LINK_REFUSED), url)
            if answer is None or page is None:
                return False
        return True

    async def change_secret(self) -> None:
        await self.store_other_secret(self.database.sql)

    async def replace_file(self) -> None:
        await self.store_other_secret(self.database.replace_by_copy)

    async def store_other_secret(self, sql) -> None:
        truth = self.traffic.rotated_secret
        other = next(secret for secret in self.hashes if secret != truth.value)
        truth.begins_to_be(other)
        update = f"UPDATE tbldeviceauth SET secret = '{self.hashes[other]}' WHERE identifier = '{self.identifier}'"
        await asyncio.to_thread(sql, update)
        truth.is_now()

    async def rotate(self) -> None:
        """A key and a network are removed and added. A file that cannot be used changes nothing."""
        truth = self.traffic.rotation
        for is_rotated in not truth.value, truth.value:
            truth.begins_to_be(is_rotated)
            self.write_files(is_rotated)
            await self.server.reread()
            truth.is_now()
            await asyncio.sleep(CALM)
        self.networks.write_text("not-an-address\n")
        self.server.process.send_signal(signal.SIGHUP)
        await asyncio.sleep(CALM)
        self.write_files(truth.value)
        await self.server.reread()

    async def log_unread(self) -> None:
        self.server.reads.clear()
        await asyncio.sleep(UNREAD_TIME)
        self.server.reads.set()

    async def stopped_server(self) -> None:
        """As a virtual machine that is moved."""
        self.server.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(CALM)
        self.server.process.send_signal(signal.SIGCONT)

    async def idle(self) -> None:
        open_ones = [await asyncio.open_connection("127.0.0.1", self.server.port) for _ in range(IDLE_CONNECTIONS)]
        await asyncio.sleep(CALM)
        for _, writer in open_ones:
            writer.close()

    async def compare(self) -> None:
        """Memory, descriptors and metrics, without traffic."""
        await until(lambda: self.server.descriptors() < OWN_DESCRIPTORS, 15, "the connections are closed")
        async with aiohttp.ClientSession() as session, session.get(f"{self.server.operator_url}/metrics") as answer:
            text = await answer.text()
        if "metrics" in self.shifts:
            self.oracle.counts["dologin", "accepted"] += 1
        found = re.findall(r'whmcs_auth_answers_total\{endpoint="(\w+)",code="(\w+)"\} (\d+)', text)
        self.oracle.compare({(endpoint, code): int(count) for endpoint, code, count in found})
        lost = sum(int(count) for count in re.findall(r"whmcs_auth_log_lines_lost_total\S+ (\d+)", text))
        for gauge in "verifications", "verifications_waiting":
            if f"whmcs_auth_{gauge} 0\n" not in text:
                raise Wrong(f"{gauge} is not 0 without traffic")
        if self.oracle.slowest > ANSWER_TIME:
            raise Wrong(f"a right answer took {self.oracle.slowest:.1f} s, and nothing was at fault")
        self.check_memory()
        unavailable = sum(self.oracle.unavailable.values())
        print(f"  {self.traffic.requests} requests, {unavailable} of them refused for a fault")
        print(f"  {len(self.faults)} disturbances: {', '.join(dict.fromkeys(self.faults))}")
        print(f"  slowest recovery {self.slowest_recovery:.1f} s, slowest right answer {self.oracle.slowest:.1f} s")
        print(f"  {self.server.lines} lines of the log, {lost} lost")
        print(f"  {self.server.descriptors()} descriptors at the end")

    def check_memory(self) -> None:
        """The first third is the warm-up. The middle and the last third are compared."""
        third = len(self.memory) // 3
        parts = self.memory[:third], self.memory[third : 2 * third], self.memory[2 * third :]
        first, middle, last = map(statistics.median, parts)
        print(f"  memory: {first:.1f}, {middle:.1f}, {last:.1f} MiB in the thirds, at most {max(self.memory):.1f}")
        if last - middle > MEMORY_MIB:
            raise Wrong(f"the memory grows from {middle:.1f} to {last:.1f} MiB, and {MEMORY_MIB} MiB are allowed")

    async def run_traffic(self, seconds: float) -> None:
        self.traffic.is_over = False
        running = asyncio.create_task(self.traffic.run(self.look_alike))
        await asyncio.wait([running], timeout=seconds)
        self.traffic.is_over = True
        await running

    async def stop_with_unread_log(self) -> None:
        """Neither a log that nobody reads nor an open request keeps the server from ending."""
        self.server.reads.clear()
        await self.run_traffic(UNREAD_TIME)
        _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(self.traffic.head("10.2.1.1", 100))
        await writer.drain()
        ended = await self.server.stop()
        writer.close()
        self.server.reads.set()
        await self.server.reader
        print(f"  ended {ended:.1f} s after SIGTERM, with an unread log and an open request")

    async def full_log(self) -> None:
        """A log without room changes no answer. The server says so, and ends in time."""
        self.server = Server(self.program, self.options)
        with open("/dev/full", "w") as full:
            await self.server.start(full.fileno())
        rotated = self.identifier, self.traffic.rotated_secret
        self.traffic = Traffic(self.server, Oracle(set()), self.traffic.secrets, list(self.hashes), rotated)
        await self.run_traffic(max(UNREAD_TIME, self.seconds / 20))
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.server.operator_url}/readyz") as answer:
                if answer.status != 200 or '"log":"not ready"' not in await answer.text():
                    raise Wrong(f"/readyz with a full log: {answer.status}")
            async with session.get(f"{self.server.operator_url}/metrics") as answer:
                lost = re.search(r'lost_total\{reason="write_failed"\} (\d+)', await answer.text())
        if int(lost[1]) == 0:
            raise Wrong("no line was lost with a full log")
        ended = await self.server.stop()
        print(f"  full log: {self.traffic.requests} requests, {lost[1]} lines lost, ended {ended:.1f} s after SIGTERM")


def first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("database", choices=["sqlite", "mariadb"])
    parser.add_argument("seconds", type=float)
    shifts = ["secret", "once", "calm", "log", "memory", "metrics"]
    parser.add_argument("--shift", choices=shifts, action="append", default=[])
    options = parser.parse_args()
    kind = {"sqlite": Sqlite, "mariadb": MariaDb}[options.database]
    with tempfile.TemporaryDirectory() as folder:
        # The finally blocks end the database and the server.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
        try:
            await Soak(options.server, kind, options.seconds, set(options.shift), pathlib.Path(folder)).run()
        except* Wrong as error:
            sys.exit(str(first(error)))


asyncio.run(main())
