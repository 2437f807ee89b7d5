"""Calls the server by the code that people write: PHP's curl and streams, Node's fetch and axios, Python's requests.
Each program sends the calls that it is told to send, and this one knows the right answers and lines of the log.

usage: calls.py SERVER DATABASE [OPTION...]

The options are for the server. With options that make it refuse the calls, the check must fail.
"""

import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing
import urllib.parse

IDENTIFIER = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"
SECRET = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
PAIR = {"identifier": IDENTIFIER, "secret": SECRET, "responsetype": "json"}
API = "/includes/api.php"
HERE = pathlib.Path(__file__).parent
MOST_FAILURES = 5
FOLDER = ["--base-path", "/whmcs", "--max-failures", str(MOST_FAILURES)]


class Sender(typing.NamedTuple):
    """A program, and what is right for the two mistakes with JSON: the status, the code and the finding."""

    name: str
    command: list[str]
    ways: list[str]
    keeps_alive: bool
    # For JSON with no type set by hand.
    json_text: tuple[int, str, str]


UNDER_THE_FORM_TYPE = (403, "missing_credentials", "body_is_json")
OF_ANOTHER_TYPE = (403, "body_not_form", "body_is_json")
SENDERS = [
    Sender("PHP curl", ["php", "curl.php"], ["form", "multipart"], True, UNDER_THE_FORM_TYPE),
    Sender("PHP streams", ["php", "streams.php"], ["form"], False, UNDER_THE_FORM_TYPE),
    Sender("Node fetch", ["node", "fetch.js"], ["form", "multipart"], True, OF_ANOTHER_TYPE),
    Sender("Node axios", ["node", "axios.js"], ["form", "multipart"], True, UNDER_THE_FORM_TYPE),
    # requests sends a text without any type.
    Sender("Python requests", [sys.executable, "with_requests.py"], ["form", "multipart"], True, OF_ANOTHER_TYPE),
]


class Case(typing.NamedTuple):
    what: str
    fields: dict
    # `a.0.b` is the path of a value, and an empty path stands for the whole body.
    values: dict
    status: int = 200
    code: str | None = None
    path: str = API


def right(what: str, action: str, fields: dict, values: dict) -> Case:
    return Case(what, PAIR | {"action": action} | fields, {"result": "success"} | values)


def no(what: str, action: str, fields: dict, message: str, code: str, status: int = 200, path: str = API) -> Case:
    values = {"result": "error", "message": message}
    return Case(what, PAIR | {"action": action} | fields, values, status, code, path)


FIRST = {"totalresults": 30, "clients.client.0.email": "demo@whmcs.com"}
SECOND = {"email": "a+b@example.com", "client.id": 2, "client.email": "a+b@example.com"}
CASES = [
    right("GetClients", "GetClients", {"limitnum": "1"}, FIRST),
    right("GetClientsDetails, id", "GetClientsDetails", {"clientid": "2"}, SECOND),
    right("GetClientsDetails, e-mail", "GetClientsDetails", {"email": "a+b@example.com"}, SECOND),
    no("GetClientsDetails, unknown id", "GetClientsDetails", {"clientid": "99"}, "Client Not Found", "client_not_found"),
    no("GetClientsDetails, unknown e-mail", "GetClientsDetails", {"email": "x@example.com"}, "Client Not Found", "client_not_found"),
    no("CreateSsoToken, unknown id", "CreateSsoToken", {"client_id": "99"}, "Client ID Not Found", "client_not_found"),
    no("CreateSsoToken, closed account", "CreateSsoToken", {"client_id": "4"}, "Client Account Closed", "client_closed"),
    no("CreateSsoToken, no parameter", "CreateSsoToken", {}, "Client ID or User ID Required", "client_missing"),
    no("CreateSsoToken, unknown destination", "CreateSsoToken", {"client_id": "1", "destination": "moon"}, "Invalid destination", "destination_unknown"),
    no("CreateSsoToken, another site", "CreateSsoToken", {"client_id": "1", "destination": "sso:custom_redirect", "sso_redirect_path": "//evil.example"}, "Invalid Redirect Path", "path_refused"),
    no("an action of no role", "AddClient", {}, 'Invalid Permissions: API action "addclient" is not allowed', "action_not_allowed", 403),
    no("a wrong secret", "GetClients", {"secret": "wrong"}, "Authentication Failed", "wrong_secret", 403),
    # In NVP, because `responsetype` is in the body that was refused.
    Case("a body over the limit", PAIR | {"attachment": "x" * 600_000}, {"": "result=error;message=Request Too Large"}, 413, "body_too_large"),
    no("an unknown path", "GetClients", {}, "Not Found: the API is /includes/api.php", "path_unknown", 404, "/includes/ap1.php"),
]

# Parameters of CreateSsoToken, and the page that the token leads to.
TOKENS = [
    ({}, "clientarea.php"),
    ({"destination": "clientarea:services"}, "clientarea.php?action=services"),
    ({"destination": "clientarea:product_details", "service_id": "7"}, "clientarea.php?action=productdetails&id=7"),
    ({"destination": "sso:custom_redirect", "sso_redirect_path": "viewinvoice.php?id=12"}, "viewinvoice.php?id=12"),
    # Only with its destination.
    ({"sso_redirect_path": "viewinvoice.php?id=12"}, "clientarea.php"),
]


def check(what: str, got: object, expected: object) -> None:
    if got != expected:
        sys.exit(f"{what}: {got!r}, expected {expected!r}")


def value_at(path: str, answer: object) -> object:
    for step in path.split(".") if path else ():
        try:
            answer = answer[int(step)] if isinstance(answer, list) else answer[step]
        except (KeyError, IndexError, TypeError):
            return None
    return answer


class Server:
    """A server, and a relay in front of it that counts connections."""

    def __init__(self, program: str, options: list[str], log: pathlib.Path, running: contextlib.ExitStack):
        # Each refusal has a line, and none is summed up.
        environment = {"RUST_LOG": "whmcs_auth=debug"}
        log.touch()
        self.log = running.enter_context(log.open())
        command = [program, "--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0", *options]
        with log.open("a") as output:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=output, text=True)
        running.callback(stop, process)
        line = process.stdout.readline()
        if not line:
            sys.exit(f"the server does not start:\n{log.read_text()}")
        self.port = urllib.parse.urlsplit(line.removeprefix("listening on ").strip()).port
        self.relay = running.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.url = f"http://127.0.0.1:{self.relay.getsockname()[1]}"
        self.connections = 0
        self.partial = ""
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.relay.accept()
                self.connections += 1
                far = socket.create_connection(("127.0.0.1", self.port))
                for source, sink in (near, far), (far, near):
                    threading.Thread(target=copy, args=(source, sink), daemon=True).start()

    def line(self, code: str) -> dict:
        """The next line with this code."""
        for _ in range(500):
            for line in iter(self.log.readline, ""):
                self.partial += line
                if line.endswith("\n"):
                    fields, self.partial = json.loads(self.partial)["fields"], ""
                    if fields.get("code") == code:
                        return fields
            time.sleep(0.01)
        sys.exit(f"the log has no line with the code {code}")


def copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    process.wait()


class Program:
    """A running sender."""

    def __init__(self, sender: Sender, running: contextlib.ExitStack):
        self.process = subprocess.Popen(sender.command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.callback(stop, self.process)

    def send(self, url: str, way: str, fields: dict) -> tuple[int, object, str | None]:
        """The status, the JSON and `Retry-After`."""
        print(json.dumps({"url": url, "way": way, "fields": fields}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the program ended at {url}")
        answer = json.loads(line)
        try:
            content = json.loads(answer["body"])
        except ValueError:
            content = answer["body"]
        return answer["status"], content, answer["retry_after"]


def send_case(program: Program, server: Server, name: str, way: str, case: Case, base: str = "") -> None:
    name = f"{name}, {way}: {case.what} at {base + case.path}"
    status, content, _ = program.send(server.url + base + case.path, way, case.fields)
    got = {path: value_at(path, content) for path in case.values}
    if (status, got) != (case.status, case.values):
        sys.exit(f"{name}: {status} {content}, expected {case.status} {case.values}")
    if case.code:
        check(f"{name}, in the log", server.line(case.code)["status"], case.status)


def send_all(sender: Sender, plain: Server, in_folder: Server, running: contextlib.ExitStack) -> None:
    program = Program(sender, running)
    for way in sender.ways:
        for case in CASES:
            send_case(program, plain, sender.name, way, case)
        for fields, page in TOKENS:
            create_token(program, plain, f"{sender.name}, {way}", fields, page)
    for base in "/", "/whmcs", "/whmcs/", "//whmcs/":
        server = in_folder if "whmcs" in base else plain
        send_case(program, server, sender.name, "form", CASES[0], base)

    for way, expected in ("json", OF_ANOTHER_TYPE), ("json text", sender.json_text):
        status, content, _ = program.send(plain.url + API, way, CASES[0].fields)
        line = plain.line(expected[1])
        got = (status, line["code"], *line["findings"].split(","))
        check(f"{sender.name}, {way} by mistake", got, expected)

    before = plain.connections
    for _ in range(10):
        send_case(program, plain, sender.name, "form", CASES[0])
    opened = plain.connections - before
    # One, if the connection of the last call is gone.
    check(f"{sender.name}: connections of 10 calls", opened <= 1 if sender.keeps_alive else opened, sender.keeps_alive or 10)

    for _ in range(MOST_FAILURES):
        program.send(in_folder.url + "/whmcs" + API, "form", PAIR | {"secret": "wrong"})
    status, content, retry_after = program.send(in_folder.url + "/whmcs" + API, "form", CASES[0].fields)
    # In NVP, because the body was not read.
    check(f"{sender.name}, too many failures", (status, content), (429, "result=error;message=Too Many Requests"))
    check(f"{sender.name}, Retry-After", 0 < int(retry_after or 0) <= 60, True)
    print(f"{sender.name}: {', '.join(sender.ways)}, and JSON by mistake")


def create_token(program: Program, server: Server, name: str, fields: dict, page: str) -> None:
    fields = PAIR | {"action": "CreateSsoToken", "client_id": "1"} | fields
    status, content, _ = program.send(server.url + API, "form", fields)
    check(f"{name}: CreateSsoToken", (status, value_at("result", content)), (200, "success"))
    url = urllib.parse.urlsplit(content["redirect_url"])
    check(f"{name}: the token is in the URL", url.query, f"access_token={content['access_token']}")
    for expected in (302, f"http://localhost/{page}"), (403, None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", f"{url.path}?{url.query}")
        answer = connection.getresponse()
        location = answer.headers["Location"]
        target = location and urllib.parse.urljoin(f"http://localhost{url.path}", location)
        check(f"{name}: the token leads to {page}, once", (answer.status, target), expected)
        connection.close()


def main(program: str, database: str, *options: str) -> None:
    options = ["--database", database, "--autoauth-key", "abcXYZ123", *options]
    with tempfile.TemporaryDirectory() as folder:
        for number, sender in enumerate(SENDERS):
            # Each sender has servers of its own, because failures of this machine count together.
            with contextlib.ExitStack() as running:
                log = pathlib.Path(folder)
                plain = Server(program, [*options, "--max-failures", "1000"], log / f"{number}.log", running)
                in_folder = Server(program, [*options, *FOLDER], log / f"{number}-folder.log", running)
                send_all(sender, plain, in_folder, running)


main(*sys.argv[1:])
