"""Random calls."""

import random

from servers import FORM, Request
from table import BOUNDARY, FORWARDED, IDENTIFIER, MULTIPART, SECRET, multipart, part


class RandomCalls:
    """Most have the right credentials, and difficult names, values and types."""

    ACTIONS = [b"GetClients", b"getproducts", b"Add_Order", b"x" * 64]
    OTHERS = [
        b"x", b"y", b"x", b"client.id", b"client_id", b" x", b"x ", b"a[b", b"a[]", b"a[b][c]", b"a[b][]", b"a", b"a.b",
        b"a\0b", b"[x", b"[x]", b"x]", b"_.Host-x", b"email", b"hash", b"Action", b"ACTION", b"actions", b"\xff",
        b"0", b"", b"identifier_", b"secret.", b"'", b"a[ ]", b"a[\t", b"x'y", b"\xc3\xa4",
    ]  # fmt: skip
    VALUES = [b"", b"1", b"a b", b"a+b", b"\xc3\xa4", b"\xff", b"\0", b"a&b=c", b"%41", b"\r\n", b"'\"\\"]
    ALIASES = [b" action", b"action[]", b"secret\0", b"username[x", b"password[", b"  accesskey", b"responsetype[0]"]
    RARE_TYPES = [FORM + b"; charset=UTF-8", FORM + b" ; charset=iso-8859-1", FORM.upper() + b";", FORM + b";x=,"]
    WRONG_TYPES = [None, b"application/json", b"text/plain", FORM + b",x", FORM + b" x", b"multipart/mixed", b"x"]

    def __init__(self, seed: int):
        self.chance = random.Random(seed)
        self.must_pass = True

    def one(self, choices):
        return self.chance.choice(choices)

    def happens(self, share: float) -> bool:
        return self.chance.random() < share

    def value(self) -> bytes:
        if self.happens(0.5):
            return self.one(self.VALUES)
        return self.chance.randbytes(self.chance.randint(0, 20))

    def fields(self) -> list[tuple[bytes, bytes]]:
        """Sets `must_pass` to whether a call with these fields must be forwarded."""
        pair = [(b"identifier", IDENTIFIER), (b"secret", SECRET)]
        login = [(b"username", IDENTIFIER), (b"password", SECRET)]
        password = self.one([b"", b"x", SECRET, b"\xc3\xa4\0"])
        other = [(b"username", self.one([b"admin", b"", IDENTIFIER])), (b"password", password)]
        empty = [(b"identifier", b""), (b"secret", b"")]
        wrong = [(b"identifier", self.one([IDENTIFIER, b"x"])), (b"secret", self.one([SECRET, b"x", b"\xff"]))]
        right = [pair, login, pair + login, pair + other, empty + login]
        self.must_pass = self.happens(0.9)
        fields = list(self.one(right if self.must_pass else [wrong, wrong + login, wrong + other]))
        fields.append((b"action", self.one(self.ACTIONS)))
        if self.happens(0.5):
            fields.append((b"responsetype", self.one([b"json", b"XML", b"nvp", b""])))
        if self.happens(0.3):
            fields.append((b"accesskey", self.one([b"key#1+2", b"", b"\xc3\xa4"])))
        for _ in range(self.chance.randint(0, 8)):
            fields.append((self.one(self.OTHERS), self.value()))
        if self.happens(0.1):
            self.must_pass = False
            fields.append(self.one([(self.one(self.ALIASES), self.value()), self.one(fields), (b"action", b"a b")]))
        self.chance.shuffle(fields)
        return fields

    def quoted(self, text: bytes, is_query: bool) -> bytes:
        """Encodes what must be encoded, and some of the rest."""
        marks = b"-_.~!$'()*,;:@/?[]"

        def byte(value: int) -> bytes:
            char = bytes([value])
            if char == b" " and self.happens(0.5):
                return b"+"
            may_stay = char.isalnum() or char in marks or (not is_query and char not in b"&=+%")
            return char if may_stay and self.happens(0.9) else self.one([b"%%%02x", b"%%%02X"]) % value

        return b"".join(map(byte, text))

    def form(self, fields: list[tuple[bytes, bytes]], is_query: bool) -> bytes:
        pairs = [self.quoted(name, is_query) + b"=" + self.quoted(value, is_query) for name, value in fields]
        if self.happens(0.1):
            pairs.insert(self.chance.randint(0, len(pairs)), self.one([b"", b"=", b"z", b"=1", b"z=%zz%4"]))
        return self.one([b"&"] * 9 + [b"&&"]).join(pairs)

    def multipart(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        odd = [b'; filename="x"', b'; filename=""', b"; filename*=UTF-8''x", b'; filename="\xff"', b'; name="y"']
        parts = [(name, value, self.one(odd) if self.happens(0.05) else b"") for name, value in fields]
        self.must_pass &= not any(more or min(name, default=32) < 32 for name, _, more in parts)
        return multipart(*[part(*of) for of in parts])

    def call(self) -> tuple[Request, str | None]:
        """A request, and its outcome if that is certain."""
        fields = self.fields()
        cut = self.one([0, 0, 0, len(fields), self.chance.randint(0, len(fields))])
        in_query, in_body = fields[:cut], fields[cut:]
        if in_query and in_body and any(b"[" in name for name, _ in fields):
            self.must_pass = False
        cookie = self.one([None, None, None, b"username=admin; password=x", b"x=cookie; action=x; secret=y"])
        request = Request(self.form(in_query, is_query=True), cookie=cookie)
        if not in_body and self.happens(0.5):
            request = request._replace(content_type=None, method=b"GET")
        elif self.happens(0.3):
            types = [MULTIPART] * 9 + [b"Multipart/Form-Data; boundary=" + BOUNDARY, MULTIPART + b"; charset=UTF-8"]
            request = request._replace(body=self.multipart(in_body), content_type=self.one(types))
        else:
            content_type = self.one([FORM, FORM, self.one(self.RARE_TYPES)])
            request = request._replace(body=self.form(in_body, is_query=False), content_type=content_type)
            if self.happens(0.05):
                self.must_pass = False
                request = request._replace(content_type=self.one(self.WRONG_TYPES))
        return request, FORWARDED if self.must_pass else None
