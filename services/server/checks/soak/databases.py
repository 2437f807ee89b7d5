"""The two databases, and what can go wrong with each. A fault is a coroutine that begins it and ends it."""

import asyncio
import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

from server import until

ROOT = pathlib.Path(__file__).resolve().parents[4]
FAULT_TIME = 3


class Sqlite:
    name = "SQLite"

    def __init__(self, folder: pathlib.Path):
        self.file = folder / "whmcs.db"
        self.url = f"sqlite:{self.file}"
        self.faults = [self.locked, self.removed, self.replaced_by_garbage]

    async def start(self) -> None:
        """The server itself creates the file."""

    def sql(self, text: str) -> None:
        with contextlib.closing(sqlite3.connect(self.file, timeout=10)) as connection:
            connection.executescript(text)

    def value(self, query: str) -> str:
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(query).fetchone()[0]

    @contextlib.contextmanager
    def without_writers(self, mode: str = "IMMEDIATE"):
        """A file must not be moved while somebody writes to it."""
        with contextlib.closing(sqlite3.connect(self.file, timeout=10, isolation_level=None)) as connection:
            connection.execute(f"BEGIN {mode}")
            yield
            connection.execute("ROLLBACK")

    async def locked(self) -> None:
        with self.without_writers("EXCLUSIVE"):
            await asyncio.sleep(2 * FAULT_TIME)

    async def removed(self) -> None:
        away = self.file.with_suffix(".away")
        with self.without_writers():
            self.file.rename(away)
        await asyncio.sleep(FAULT_TIME)
        away.rename(self.file)

    async def replaced_by_garbage(self) -> None:
        garbage, away = self.file.with_suffix(".garbage"), self.file.with_suffix(".away")
        garbage.write_bytes(os.urandom(1 << 16))
        with self.without_writers():
            os.link(self.file, away)
            garbage.replace(self.file)
        await asyncio.sleep(FAULT_TIME)
        away.replace(self.file)

    def replace_by_copy(self, text: str) -> None:
        """Puts a copy that was changed in the place of the file."""
        copy = self.file.with_suffix(".copy")
        with self.without_writers():
            shutil.copyfile(self.file, copy)
            with contextlib.closing(sqlite3.connect(copy)) as connection:
                connection.executescript(text)
            copy.replace(self.file)

    async def stop(self) -> None:
        pass


class MariaDb:
    name = "MariaDB"

    def __init__(self, folder: pathlib.Path):
        self.folder, self.socket = folder / "mariadb", folder / "socket"
        self.url = f"mysql://root@localhost/whmcs?socket={self.socket}"
        self.faults = [self.stopped, self.killed, self.paused, self.locked, self.disconnected]

    async def start(self) -> None:
        options = ["--no-defaults", f"--datadir={self.folder}", "--user=root"]
        install = ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
        await self.run()
        self.sql("CREATE DATABASE whmcs", database="mysql")
        self.sql((ROOT / "services/server/deploy/schema.sql").read_text())
        self.sql((ROOT / "services/server/checks/clients/mariadb/rows.sql").read_text())
        secrets = ["php", ROOT / "services/server/checks/clients/mariadb/secrets.php"]
        self.sql(subprocess.run(secrets, check=True, capture_output=True, text=True).stdout)

    async def run(self) -> None:
        command = ["mariadbd", "--no-defaults", f"--datadir={self.folder}", "--user=root"]
        command += [f"--socket={self.socket}", "--skip-networking"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await until(lambda: asyncio.to_thread(self.answers), 60, "MariaDB answers")

    def client(self, database: str = "mysql") -> list[str]:
        return ["mariadb", "--no-defaults", "--user=root", f"--socket={self.socket}", database]

    def answers(self) -> bool:
        return subprocess.run([*self.client(), "-e", "SELECT 1"], capture_output=True).returncode == 0

    def sql(self, text: str, database: str = "whmcs") -> None:
        subprocess.run(self.client(database), input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    def value(self, query: str) -> str:
        command = [*self.client("whmcs"), "-N", "-e", query]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    async def stopped(self) -> None:
        await self.end(signal.SIGTERM)

    async def killed(self) -> None:
        await self.end(signal.SIGKILL)

    async def end(self, by: signal.Signals) -> None:
        self.process.send_signal(by)
        await asyncio.to_thread(self.process.wait)
        await asyncio.sleep(FAULT_TIME)
        await self.run()

    async def paused(self) -> None:
        self.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2 * FAULT_TIME)
        self.process.send_signal(signal.SIGCONT)

    async def locked(self) -> None:
        text = f"LOCK TABLES tbldeviceauth WRITE, tbladmins WRITE; SELECT SLEEP({2 * FAULT_TIME}); UNLOCK TABLES;"
        await asyncio.to_thread(self.sql, text)

    async def disconnected(self) -> None:
        """All connections end at once."""
        await asyncio.to_thread(self.kill_connections)

    def kill_connections(self) -> None:
        kill = "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist"
        # The connection of the question is gone by then, which is an error.
        subprocess.run([*self.client(), "--force"], input=self.value(kill), text=True, capture_output=True)

    async def stop(self) -> None:
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            await asyncio.to_thread(self.process.wait)
