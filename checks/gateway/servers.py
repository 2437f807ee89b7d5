"""PHP and the gateway on free ports, and requests to them, byte by byte."""

import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import time
import typing

PATH = b"/includes/api.php"
FORM = b"application/x-www-form-urlencoded"
ECHO = pathlib.Path(__file__).with_name("echo.php")


class Request(typing.NamedTuple):
    query: bytes = b""
    body: bytes = b""
    content_type: bytes | None = FORM
    cookie: bytes | None = None
    method: bytes = b"POST"
    more_headers: tuple[tuple[bytes, bytes], ...] = ()

    def encoded(self) -> bytes:
        target = PATH + (b"?" + self.query if self.query else b"")
        headers = [(b"Host", b"whmcs.test"), (b"Connection", b"close")]
        if self.content_type is not None:
            headers.append((b"Content-Type", self.content_type))
        if self.cookie is not None:
            headers.append((b"Cookie", self.cookie))
        if self.body or self.method == b"POST":
            headers.append((b"Content-Length", b"%d" % len(self.body)))
        lines = [self.method + b" " + target + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in (*headers, *self.more_headers)]
        return b"\r\n".join([*lines, b"", self.body])


def send(port: int, request: Request) -> tuple[int, bytes]:
    """The status and the body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request.encoded())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


class Php:
    """A `php -S` that answers with what it has of a request."""

    def __init__(self, log: pathlib.Path, running: contextlib.ExitStack):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        log.touch()
        self.log = running.enter_context(log.open())
        # Without php.ini cookies are a part of $_REQUEST, too.
        command = ["php", "-n", "-d", "display_errors=0", "-d", "log_errors=0"]
        command += ["-S", f"127.0.0.1:{self.port}", str(ECHO)]
        process = subprocess.Popen(command, env={"ECHO_LOG": str(log)}, stderr=subprocess.DEVNULL)
        running.callback(stop, process)
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.05)
        raise RuntimeError("php -S does not start")

    def read(self, request: Request) -> dict:
        """What PHP has of a request that reaches it directly."""
        status, body = send(self.port, request)
        assert status == 200, (status, body)
        return json.loads(body)

    def new_requests(self) -> int:
        """How many requests have reached it since the last time."""
        return self.log.read().count("\n")


def gateway(program: str, upstream: Php, options: list[str], running: contextlib.ExitStack) -> int:
    """The port of a gateway in front of that PHP."""
    url = f"http://127.0.0.1:{upstream.port}{PATH.decode()}"
    command = [program, "--listen", "127.0.0.1:0", "--upstream", url, "--allow-get", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    running.callback(stop, process)
    return int(process.stdout.readline().rpartition(":")[2])


def stop(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
