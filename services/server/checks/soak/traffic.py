"""The traffic: who calls, with what, and what each of them must be answered.

The driver is a trusted proxy, so each call has the address that it names. 10.1.0.0/16 and 10.2.0.0/16 may call,
10.3.0.0/16 may call as long as `rotation` is true, and 10.9.0.0/16 may not.
"""

import asyncio
import hashlib
import json
import random
import re
import time
import urllib.parse

import aiohttp

from oracle import Answer, Oracle, Truth, Wrong
from server import Server

KEY, ROTATED_KEY, OTHER_KEY = "soak-key-one", "soak-key-two", "soak-key-three"
ACCESS_KEY = "key#1+2"
IDENTIFIER = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"
SECRET = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
PASSWORD_MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"
PAIR = {"identifier": IDENTIFIER, "secret": SECRET}
ADMIN = {"username": "admin", "password": PASSWORD_MD5}
CLERK = {"username": "clerk", "password": hashlib.md5(b"clerk-password").hexdigest()}
GONE = {"username": "gone", "password": hashlib.md5(b"gone-password").hexdigest()}
WRONG = "MARKED-wrong-secret"
# In JSON, XML and NVP.
SUCCEEDED = re.compile(r"result\W+success")

SUCCESS = Answer(200, '"totalresults":30', "accepted", admits=True)
INVALID_IP = Answer(403, "Invalid IP 10.", "address_not_listed")
TOO_MANY = Answer(429, "Too Many Requests", "throttled")


def refused(code: str | None, message: str = "Authentication Failed", status: int = 403) -> Answer:
    return Answer(status, message, code)


WRONG_SECRET = refused("wrong_secret")
LINK_REFUSED = "This login link is not valid."
# Requests that are refused from any address of 10.2.0.0/16: the fields, and the answer.
REFUSED = [
    (PAIR | {"secret": WRONG}, WRONG_SECRET),
    (PAIR | {"secret": SECRET[:-1]}, WRONG_SECRET),
    (PAIR | {"secret": SECRET.lower()}, WRONG_SECRET),
    ({"username": IDENTIFIER, "password": WRONG}, refused("wrong_secret")),
    (PAIR | {"identifier": "MARKED-no-such-name"}, refused("unknown_identifier")),
    (PAIR | {"identifier": IDENTIFIER[:-1]}, refused("unknown_identifier")),
    ({"username": "nobody", "password": PASSWORD_MD5}, refused("unknown_username")),
    (ADMIN | {"password": "password"}, refused("password_not_md5")),
    (ADMIN | {"password": CLERK["password"]}, refused("wrong_password")),
    (CLERK, refused("no_api_access", "Access Denied")),
    (GONE, refused("admin_disabled", "Administrator Account Disabled")),
    ({}, refused("missing_credentials")),
    ({"identifier[]": IDENTIFIER, "secret": SECRET}, refused("disguised_field")),
    (PAIR | {"secret": ""}, refused("missing_credentials")),
    (PAIR | {"action": "AddClient"}, refused("action_not_allowed", "Invalid Permissions")),
    (PAIR | {"action": ""}, refused("action_missing", "Empty action request", 400)),
    (PAIR | {"secret": SECRET + "\0"}, WRONG_SECRET),
]


class Traffic:
    def __init__(
        self,
        server: Server,
        oracle: Oracle,
        secrets: dict[str, str],
        rotated_secrets: list[str],
        rotated: tuple[str, Truth],
    ):
        self.server, self.oracle, self.secrets = server, oracle, secrets
        # The identifier of a credential whose secret changes, and its right secret. It is one of the list.
        self.two_secrets = rotated_secrets
        self.rotated_identifier, self.rotated_secret = rotated
        # Whether ROTATED_KEY and 10.3.0.0/16 are in the files.
        self.rotation = Truth(True)
        self.random = random.Random(1)
        # A link must be made after the start of the server, and may be 120 s ahead.
        self.first_timestamp = int(time.time()) + 1
        self.used_links: set[tuple[str, int]] = set()
        self.admitted_links = asyncio.Queue(100)
        self.requests = 0
        self.is_over = False
        server.secrets.update(text.encode() for text in (SECRET, PASSWORD_MD5, CLERK["password"], GONE["password"]))
        server.secrets.update(text.encode() for text in (*secrets.values(), *rotated_secrets))

    def right(self, answer: Answer, shift: str, shifted: Answer) -> Answer:
        return shifted if shift in self.oracle.shifts else answer

    def address(self, network: int) -> str:
        return f"10.{network}.{self.random.randrange(256)}.{self.random.randrange(1, 255)}"

    async def send(
        self, what: str, endpoint: str, right, url: str, address: str, **request
    ) -> aiohttp.ClientResponse | None:
        """Sends a request. Returns the answer if it was a right one. `right` is the answers, or a function that has
        them for the time of the request."""
        begun = time.monotonic()
        self.requests += 1
        headers = request.pop("headers", {}) | {"X-Forwarded-For": address}
        try:
            async with self.session.request(
                request.pop("method", "GET"), url, headers=headers, allow_redirects=False, **request
            ) as response:
                body = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Wrong(f"no answer: {what}: {error!r} after {time.monotonic() - begun:.2f} s") from error
        location = response.headers.get("Location")
        # The answer to a log-out removes the cookie.
        admits = "Set-Cookie" in response.headers if location else bool(SUCCEEDED.search(body))
        answers = right(begun, time.monotonic()) if callable(right) else [right]
        is_right = self.oracle.judge(what, endpoint, answers, begun, (response.status, location or body, admits))
        response.content_text = body
        return response if is_right else None

    async def call(self, what: str, fields: dict, right, address: str, **request) -> aiohttp.ClientResponse | None:
        fields = {"action": "GetClients", "responsetype": "json", "limitnum": "1"} | fields
        if not request.keys() & {"data", "json", "params"}:
            request["data"] = fields
        url = f"{self.server.url}/includes/api.php"
        return await self.send(what, "api", right, url, address, method="POST", **request)

    # The actors. Each is run again and again.

    async def right_calls(self) -> None:
        """All modes and ways, from addresses that call often."""
        fields = self.random.choice([PAIR, {"username": IDENTIFIER, "password": SECRET}, ADMIN, *self.more_pairs()])
        fields = {"action": "GetClients", "responsetype": "json", "limitnum": "1"} | fields
        way = self.random.choice(["form", "multipart", "query", "access key"])
        address = f"10.1.0.{self.random.randrange(1, 20)}"
        match way:
            case "form":
                request = {"data": fields}
            case "multipart":
                data = aiohttp.FormData(default_to_multipart=True)
                for name, value in fields.items():
                    data.add_field(name, value)
                request = {"data": data}
            case "query":
                request = {"params": fields, "data": b""}
            case "access key":
                request = {"data": fields | {"accesskey": ACCESS_KEY}}
                address = self.address(9)
        await self.call(f"a right call, {way}, {fields}", {}, SUCCESS, address, **request)

    def more_pairs(self) -> list[dict]:
        return [{"identifier": identifier, "secret": secret} for identifier, secret in self.secrets.items()]

    async def refused_calls(self) -> None:
        fields, answer = self.random.choice(REFUSED)
        if answer is WRONG_SECRET:
            answer = self.right(answer, "secret", SUCCESS)
        await self.call(f"a refused call, {fields}", fields, answer, self.address(2))

    async def addresses(self) -> None:
        await self.call("an address that may not call", PAIR, INVALID_IP, self.address(9))
        fields = PAIR | {"accesskey": "MARKED"}
        await self.call("a wrong access key", fields, refused("wrong_access_key", "Invalid IP 10."), self.address(9))

        def right(begun: float, ended: float) -> list[Answer]:
            return [SUCCESS if is_listed else INVALID_IP for is_listed in self.rotation.values(begun, ended)]

        await self.call("an address that is listed from time to time", PAIR, right, self.address(3))

    async def rotated_secrets(self) -> None:
        """A secret counts from the moment it is in the database, whatever the cache remembers."""
        secret = self.random.choice(self.two_secrets)

        def right(begun: float, ended: float) -> list[Answer]:
            true = self.rotated_secret.values(begun, ended)
            return [answer for answer, fits in ((SUCCESS, secret in true), (WRONG_SECRET, true != [secret])) if fits]

        fields = {"identifier": self.rotated_identifier, "secret": secret}
        await self.call("a secret that changes", fields, right, self.address(2))

    async def guesser(self) -> None:
        """Too many failures from one address are refused without a look."""
        for _ in range(25):
            right = [refused("wrong_secret"), TOO_MANY]
            await self.call("a guesser", PAIR | {"secret": WRONG}, lambda *_: right, "10.2.255.255")
        await asyncio.sleep(10)

    async def mistakes(self) -> None:
        """Bodies that people send by mistake, and what they must not become."""
        fields = {"action": "GetClients", "responsetype": "json"} | PAIR
        text, address = json.dumps(fields), self.address(2)
        type_of_forms = {"Content-Type": "application/x-www-form-urlencoded"}
        await self.call("JSON", {}, refused("body_not_form"), address, json=fields)
        await self.call("JSON as a form", {}, refused("missing_credentials"), address, data=text, headers=type_of_forms)
        broken = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = refused("multipart_broken")
        await self.call("broken multipart", {}, answer, address, data=b"--x\r\nContent-Dis", headers=broken)
        large = Answer(413, "Request Too Large", "body_too_large")
        await self.call("a large body", fields | {"x": "y" * 600_000}, large, address)
        attachment = fields | {"attachment": "y" * 400_000, "limitnum": "1"}
        await self.call("an attachment", attachment, SUCCESS, "10.1.0.1")
        noise = self.random.randbytes(300)
        for answer in NOISE:
            self.oracle.unseen["api", answer.code] += 1
        await self.call("noise", {}, refused(None), self.address(2), data=noise, headers=type_of_forms)

    def link(self, email: str, timestamp: int, key: str, goto: str | None = None) -> str:
        digest = hashlib.sha1(f"{email}{timestamp}{key}".encode()).hexdigest()
        self.server.secrets.add(digest.encode())
        fields = {"email": email, "timestamp": timestamp, "hash": digest} | ({"goto": goto} if goto else {})
        return f"{self.server.url}/dologin.php?{urllib.parse.urlencode(fields)}"

    def fresh_link(self, key: str = KEY, goto: str | None = None) -> tuple[str, str]:
        """A link that nobody used, and its e-mail."""
        while True:
            email = f"client{self.random.randrange(6, 31)}@example.com"
            now = int(time.time())
            timestamp = self.random.randrange(max(now - 800, self.first_timestamp), now + 60)
            if (email, timestamp) not in self.used_links:
                self.used_links.add((email, timestamp))
                return self.link(email, timestamp, key, goto), email

    async def visit(self, what: str, right, url: str) -> aiohttp.ClientResponse | None:
        return await self.send(what, "dologin", right, url, self.address(2))

    async def genuine_links(self) -> None:
        goto, target = self.random.choice(TARGETS)
        url, email = self.fresh_link(goto=goto)
        answer = Answer(302, target, "accepted", admits=True)
        response = await self.visit(f"a genuine link to {goto}", answer, url)
        if response is None:
            return
        if response.headers["Location"] != target:
            raise Wrong(f"{goto} leads to {response.headers['Location']}")
        name, _, cookie = response.headers["Set-Cookie"].partition(";")[0].partition("=")
        self.server.secrets.add(cookie.encode())
        if not self.admitted_links.full():
            self.admitted_links.put_nowait(url)
        await self.session_works(email, {"Cookie": f"{name}={cookie}"})

    async def session_works(self, email: str, headers: dict) -> None:
        page, address = f"{self.server.url}/clientarea.php", self.address(2)
        nobody = Answer(403, "Nobody is logged in")
        await self.send("the client area", "clientarea", Answer(200, email), page, address, headers=headers)
        await self.send("the client area, no cookie", "clientarea", nobody, page, address)
        out = f"{self.server.url}/logout.php"
        answer = Answer(200, "The session has ended")
        if await self.send("the log-out", "logout", answer, out, address, method="POST", headers=headers):
            await self.send("the client area, logged out", "clientarea", nobody, page, address, headers=headers)

    async def used_links_again(self) -> None:
        if self.admitted_links.empty():
            return
        url = self.admitted_links.get_nowait()
        used = refused("link_used", "This login link was used before")
        right = self.right(used, "once", Answer(302, "", "accepted", admits=True))
        await self.visit("a used link", right, url)
        await self.visit("a used link to another page", right, re.sub("(&goto=.*)?$", "&goto=index.php", url, count=1))

    async def refused_links(self) -> None:
        now = int(time.time())
        email = f"client{self.random.randrange(6, 31)}@example.com"
        other = "demo@whmcs.com"
        genuine, _ = self.fresh_link()
        invalid = LINK_REFUSED
        for what, url, code, message in [
            ("another key", self.link(email, now - self.random.randrange(900), OTHER_KEY), "hash_mismatch", invalid),
            ("another e-mail", re.sub("email=[^&]*", f"email={other}", genuine), "hash_mismatch", invalid),
            ("an old link", self.link(email, now - 910, KEY), "expired", "This login link has expired."),
            ("a link of the future", self.link(email, now + 960, KEY), "from_future", "This login link has expired."),
            ("no such account", self.link("nobody@example.com", now, KEY), "unknown_email", invalid),
            ("a closed account", self.link("closed@example.com", now, KEY), "account_closed", invalid),
            ("a look-alike", self.link("mike@example.com", now, KEY), self.look_alike, invalid),
            ("no hash", re.sub("&hash=[^&]*", "", genuine), "missing_field", invalid),
            ("a short hash", re.sub("(&hash=[^&]{39}).", r"\1", genuine), "hash_format", invalid),
            ("two e-mails", genuine + f"&email={other}", "repeated_field", invalid),
        ]:
            await self.visit(what, refused(code, message), url)

    async def rotated_keys(self) -> None:
        url, _ = self.fresh_link(ROTATED_KEY)

        def right(begun: float, ended: float) -> list[Answer]:
            accepted, mismatch = Answer(302, "", "accepted", admits=True), refused("hash_mismatch", LINK_REFUSED)
            return [accepted if is_listed else mismatch for is_listed in self.rotation.values(begun, ended)]

        await self.visit("a link of the rotated key", right, url)

    async def tokens(self) -> None:
        fields = PAIR | {"action": "CreateSsoToken", "client_id": "2"}
        created = Answer(200, '"access_token"', "accepted", admits=True)
        response = await self.call("CreateSsoToken", fields, created, "10.1.0.2")
        if response is None:
            return
        token = json.loads(response.content_text)["access_token"]
        self.server.secrets.add(token.encode())
        url = f"{self.server.url}/oauth/singlesignon.php?access_token="
        unknown = refused("sso_token_unknown", LINK_REFUSED)
        accepted = Answer(302, "clientarea.php", "accepted", admits=True)
        changed = ("0" if token[0] != "0" else "1") + token[1:]
        await self.send("a changed token", "singlesignon", unknown, url + changed, self.address(2))
        if await self.send("a token", "singlesignon", accepted, url + token, self.address(2)):
            right = self.right(unknown, "once", accepted)
            await self.send("a used token", "singlesignon", right, url + token, self.address(2))

    async def half_closed(self) -> None:
        """A client that closes its side after the request counts as gone, unless its answer was faster."""
        body = urllib.parse.urlencode({"action": "GetClients", "responsetype": "json", "limitnum": "1"} | PAIR)
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(self.head("10.1.0.3", len(body)) + body.encode())
        writer.write_eof()
        self.oracle.unseen["api", "accepted"] += 1
        try:
            answer = (await asyncio.wait_for(reader.read(), 30)).decode()
        except TimeoutError as error:
            raise Wrong("a half-closed connection stays open") from error
        except OSError:
            answer = ""
        writer.close()
        self.requests += 1
        if answer:
            status = int(answer.split(" ", 2)[1])
            self.oracle.judge("half-closed", "api", [SUCCESS], begun, (status, answer, bool(SUCCEEDED.search(answer))))

    async def slow(self) -> None:
        """A head that comes byte by byte is cut off 10 s after its first one."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        begun = time.monotonic()
        try:
            for byte in self.head("10.2.1.1", 0)[:-2] + b"X-Slow: " + b"x" * 100:
                writer.write(bytes([byte]))
                await writer.drain()
                if await ends(reader, 0.5):
                    break
                if time.monotonic() - begun > 20:
                    raise Wrong("a slow head is not cut off")
        except OSError:
            pass
        writer.close()

    async def slow_bodies(self) -> None:
        """A body that does not come is refused after 10 s."""
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(self.head("10.2.1.2", 1000) + b"action=")
        answer = (await asyncio.wait_for(reader.read(), 30)).decode()
        writer.close()
        late = Answer(408, "Request Timeout", "body_late")
        status = int(answer.split(" ", 2)[1]) if answer else 0
        self.oracle.judge("a late body", "api", [late], begun, (status, answer, False))

    async def hang_up(self) -> None:
        """Clients that go away in the middle of a head, of a body, and before the answer."""
        body = urllib.parse.urlencode(PAIR | {"action": "GetClients", "secret": WRONG}).encode()
        whole = self.head(self.address(2), len(body)) + body
        for length in self.random.randrange(1, len(whole) - len(body)), len(whole) - 5, len(whole):
            _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
            writer.write(whole[:length])
            await writer.drain()
            self.oracle.unseen["api", "wrong_secret"] += 1
            writer.transport.abort()

    def head(self, address: str, length: int) -> bytes:
        lines = ["POST /includes/api.php HTTP/1.1", "Host: localhost", f"X-Forwarded-For: {address}"]
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {length}", "Connection: close"]
        return "\r\n".join([*lines, "", ""]).encode()

    async def run(self, look_alike: str) -> None:
        """Runs all actors until it is cancelled, or one of them finds something wrong."""
        self.look_alike = look_alike
        actors = [
            (self.right_calls, 0.02, 6), (self.refused_calls, 0.3, 2), (self.addresses, 0.3, 1),
            (self.rotated_secrets, 0.3, 1), (self.guesser, 5, 1), (self.mistakes, 1, 1), (self.genuine_links, 0.3, 2),
            (self.used_links_again, 0.3, 1), (self.refused_links, 1, 1), (self.rotated_keys, 0.5, 1),
            (self.tokens, 0.3, 1), (self.half_closed, 0.3, 1), (self.slow, 1, 5), (self.slow_bodies, 1, 3),
            (self.hang_up, 1, 1),
        ]
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=60)
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as self.session:
            async with asyncio.TaskGroup() as group:
                for actor, pause, number in actors:
                    for _ in range(number):
                        group.create_task(self.again_and_again(actor, pause))

    async def again_and_again(self, actor, pause: float) -> None:
        while not self.is_over:
            await actor()
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * pause)



async def ends(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        await asyncio.wait_for(reader.read(), seconds)
    except TimeoutError:
        return False
    return True


# Where a genuine link leads. Targets that act or that leave the site are not followed.
TARGETS = [
    (None, "clientarea.php"),
    ("viewinvoice.php?id=12", "viewinvoice.php?id=12"),
    ("index.php", "index.php"),
    *((hostile, "clientarea.php") for hostile in (
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        " //evil.example", "/\t/evil.example", "https:evil.example", "logout.php", "/LOGOUT.php/x",
        "dologin.php?email=a", "oauth/singlesignon.php?access_token=x", "a\r\nSet-Cookie: x=y",
    )),
]
# What bytes at random may be refused with. The caller cannot tell them apart.
NOISE = [refused(code) for code in ("missing_credentials", "body_not_form", "disguised_field", "field_count")]
