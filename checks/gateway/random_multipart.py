"""Multipart bodies, and random changes of well-formed ones."""

import random

from servers import Request

BOUNDARIES = [
    b"Z", b"XBOUNDARYX7", b"----WebKitFormBoundary7MA4YWxkTrZu0gW", b"a.b", b"a=b", b"a'b", b"(z)", b"a/b:c?d", b"Z--",
    b"--", b"-", b"Z" * 70, b"Z" * 71, b"a b", b"a,b", b"x\\y", b'a"b', b"boundary",
]  # fmt: skip
NAMES = [
    b"a", b"b", b"a", b"search", b"action", b"a.b", b"a b", b" a", b"a ", b"a[", b"a[]", b"a[b]", b"a[b][]", b"[a",
    b"a]", b"a\0b", b"\xc3\xa4", b"\xff", b'a\\"b', b'a"b', b"a\\b", b"a\\", b"a'b", b"", b"a;b", b"a=b", b"a:b", b"a,b",
    b"0", b"__Host-x", b"_.Host-x", b"a%22b", b"filename", b'a"; filename="f', b"a\tb", b"a\rb", b"a\nb",
]  # fmt: skip
VALUES = [
    b"", b"1", b"GetClients", b"a b+c%41&d=e", b"\xff\0", b"\r\n", b"\n", b"\r", b"--", b"\r\n--", b"\r\n-", b"a\r\nb",
    b"a\nb", b"\r\n\r\n", b"\r\r\n", b"a\r", b"a\n", b"\n--", b"Content-Disposition: form-data; name=\"b\"\r\n\r\n2",
]  # fmt: skip
PARAMETERS = [
    b"charset=UTF-8", b'charset="utf-8"', b"x=y", b'x="; boundary=y"', b"xboundary=y", b"boundary=y", b'boundary="y"',
    b"Boundary=y", b"boundary", b"x=boundary", b"boundary*=UTF-8''y", b"boundary*0=y", b"x='", b'x="', b"x=\"\\\"\"", b"",
    b"x", b"x = y", b"boundary =y", b"boundary= y",
]  # fmt: skip
HEADERS = [
    b"Content-Type: text/plain", b"content-type: text/plain; charset=UTF-16", b"Content-Length: 1", b"X: y", b"X:y", b"X:",
    b"X", b": y", b"X : y", b" X: y", b"\tX: y", b"X_Y: z", b"X\0: y", b"X: \0", b"Content-Type: multipart/mixed; boundary=Y",
    b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: 8bit", b'Content-Disposition: form-data; name="b"',
    b"Content-Disposition: attachment", b'Content-Disposition : form-data; name="b"', b"X: a\nY: b", b"X: a\rY: b",
    b'X: a\nContent-Disposition: form-data; name="b"', b'X: a\rContent-Disposition: form-data; name="b"', b"X: y;\r\n z",
]  # fmt: skip
DISPOSITIONS = [
    b'form-data; name="%b"', b'form-data; name="%b"', b'form-data; name="%b"', b'form-data; name="%b"', b"form-data; name=%b",
    b"form-data;name=\"%b\"", b"form-data ; name=\"%b\"", b"form-data; name='%b'", b"form-data; name=%b c", b'form-data; name="%b"; filename="f"',
    b'form-data; filename="f"; name="%b"', b'form-data; name="%b"; filename=""', b'form-data; name="%b"; filename=f',
    b'form-data; name="%b"; filename="a\\b"', b"form-data; name=\"%b\"; filename*=UTF-8''f", b'form-data; NAME="%b"',
    b'form-data; name="%b"; name="c"', b"form-data; name*=UTF-8''%b", b'form-data; name = "%b"', b'attachment; name="%b"',
    b'FORM-DATA; name="%b"', b'name="%b"', b'form-data; name="%b";', b'form-data; name="%b"x', b'form-data, name="%b"',
    b'form-data; x="; name=c"; name="%b"', b'form-data; name="%b"; FILENAME="f"', b'form-data; name="%b"; x=y',
    b'form-data; name="%b"; filename', b'form-data; name=""%b""', b'form-data;; name="%b"', b'form-data;\tname="%b"',
]  # fmt: skip
MARKS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b'"', b"'", b"\\", b";", b",", b"=", b":", b"-", b"--", b"[", b"\xff"]
LINE_ENDS = [b"\n", b"\r", b"", b"\n\r", b"\r\r\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b" \r\n", b"\n\n", b"\r\n\0"]
# PHP reads this many bytes at a time.
BUFFER = 5120


class RandomMultipart:
    def __init__(self, seed: int):
        self.chance = random.Random(seed)

    def one(self, choices):
        return self.chance.choice(choices)

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def plain(self, choices: list[bytes], share: float) -> bytes:
        """Mostly the first, and otherwise any of them."""
        return self.one(choices) if self.happens(share) else choices[0]

    def length(self) -> int:
        return max(0, self.one([1, 2]) * BUFFER - self.chance.randint(-40, 260))

    def long_text(self, boundary: bytes) -> bytes:
        """A text that ends near the end of PHP's buffer, often in something like a boundary."""
        ends = [b"", b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--" + boundary[:-1], b"\n--" + boundary[:-1]]
        return b"a" * self.length() + self.one(ends) + self.one([b"", b"b", b"\r\n"])

    def value(self, boundary: bytes) -> bytes:
        if self.happens(0.1):
            return self.long_text(boundary)
        if self.happens(0.1):
            return self.one([b"", b"\r\n", b"\n", b"\r"]) + b"--" + boundary[: self.one([-1, None])] + self.one(MARKS)
        return self.one(VALUES)

    def part(self, boundary: bytes, oddness: float) -> bytes:
        name = self.one(NAMES[:5]) if not self.happens(oddness) else self.one(NAMES)
        headers = [b"Content-Disposition: " + self.plain(DISPOSITIONS, oddness).replace(b"%b", name)]
        if self.happens(oddness):
            headers.insert(self.one([0, 1]), self.one(HEADERS))
        if self.happens(oddness / 5):
            line = b"X: " + b"a" * self.one([900, 997, 998, BUFFER - 3, BUFFER - 3, self.length()])
            line += self.one([b"", b'Content-Disposition: form-data; name="b"', b" "])
            headers.insert(self.one([0, 1]), line)
        if self.happens(oddness / 5):
            self.chance.shuffle(headers)
        return b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, b"\r\n".join(headers), self.value(boundary))

    def content_type(self, boundary: bytes, oddness: float) -> bytes:
        parameters = [self.one([b"boundary=%b", b"boundary=%b", b'boundary="%b"']) % boundary]
        if self.happens(oddness):
            parameters.insert(self.one([0, 1]), self.one(PARAMETERS))
        if self.happens(oddness / 2):
            parameters[0] = self.one([parameters[0].swapcase, parameters[0].upper, parameters[0].capitalize])()
        separator = self.plain([b"; ", b";", b" ; ", b", ", b" ", b";\t", b";;"], oddness / 2)
        kind = self.plain([b"multipart/form-data", b"Multipart/Form-Data", b"multipart/mixed"], oddness / 3)
        content_type = separator.join([kind, *parameters])
        if self.happens(oddness / 2):
            content_type = self.changed(content_type, [b'"', b"'", b";", b",", b" ", b"\t", b"=", b"\\", b"b", b"boundary="])
        # A header cannot hold line ends, and no server passes on the space around a value.
        return bytes(byte for byte in content_type if byte in b"\t" or byte >= 0x20).strip()

    def changed(self, text: bytes, marks: list[bytes]) -> bytes:
        """With something inserted, removed, repeated or replaced."""
        start = self.chance.randint(0, len(text))
        end = min(len(text), start + self.one([0, 0, 1, 1, 2, 8, 40]))
        middle = self.one([b"", self.one(marks), text[start:end] * 2, text[start:end] + self.one(marks)])
        return text[:start] + middle + text[end:]

    def at_line_end(self, body: bytes) -> bytes:
        lines = body.split(b"\r\n")
        place = self.chance.randint(1, len(lines))
        return b"\r\n".join(lines[:place]) + self.one(LINE_ENDS) + b"\r\n".join(lines[place:])

    def request(self) -> Request:
        oddness = self.one([0, 0.05, 0.2])
        boundary = self.one(BOUNDARIES[:4]) if not self.happens(oddness) else self.one(BOUNDARIES)
        body = b"".join(self.part(boundary, oddness) for _ in range(self.chance.randint(0, 4)))
        body += b"--" + boundary + b"--" + self.plain([b"\r\n", b"", b"\n", b"x", b"\r\n\r\n", b" \r\n", b"-"], oddness)
        for _ in range(self.one([0, 0, 1, 1, 2, 3]) if oddness else 0):
            delimiters = [mark + b"--" + boundary + end for mark in MARKS[:3] for end in (b"", b"--", b"\r\n", b"\n", b" ")]
            change = self.chance.randint(0, 5)
            if change < 2:
                body = self.at_line_end(body)
            elif change < 4:
                body = self.changed(body, MARKS)
            elif change < 5:
                body = self.changed(body, delimiters + HEADERS + DISPOSITIONS)
            else:
                body = self.one([body[: self.chance.randint(0, len(body))], self.one(MARKS) + body, body + body])
        return Request(body=body or b"-", content_type=self.content_type(boundary, oddness))
