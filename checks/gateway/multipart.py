"""Compares what `Received` reads of multipart bodies with what PHP reads.

usage: multipart.py FIELDS COUNT SEED [--lax]

The bodies are those of KNOWN, and COUNT random ones. Each is refused, or PHP reads the same fields of it as of the form
that `Received` makes of it. FIELDS is the program `multipart_fields` of this folder. `--lax` is for the control: it
takes a reader that refuses nothing but a missing boundary.
"""

import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

from random_multipart import RandomMultipart
from servers import FORM, Php, Request

TYPE = b"multipart/form-data; boundary=Z"
# PHP has these, and a forwarded form leaves them out if they are empty.
API_FIELDS = [name.hex() for name in (b"accesskey", b"action", b"responsetype")]


def parts(boundary: bytes, *fields: bytes) -> bytes:
    """Each field is its header lines, an empty line and a value."""
    begun = b"".join(b"--" + boundary + b"\r\n" + field + b"\r\n" for field in fields)
    return begun + b"--" + boundary + b"--\r\n"


def field(name: bytes, value: bytes, before: bytes = b"") -> bytes:
    return before + b'Content-Disposition: form-data; name="' + name + b'"\r\n\r\n' + value


GET, DELETE = field(b"action", b"GetClients"), field(b"action", b"DeleteClient")


def inside(boundary: bytes) -> bytes:
    """Calls GetClients by the boundary Z, and DeleteClient by the other."""
    return parts(b"Z", GET, field(b"x", b"\r\n" + parts(boundary, DELETE)))


# Each is refused, and PHP reads it otherwise than a lax reader.
KNOWN = {
    "a boundary in the value of a parameter": (b'multipart/form-data; x="; boundary=y"; boundary=Z', inside(b'y"')),
    "a parameter whose name ends in boundary": (b"multipart/form-data; xboundary=y; boundary=Z", inside(b"y")),
    "BOUNDARY before another boundary": (b"multipart/form-data; BOUNDARY=Z; x=boundary", parts(b"Z", GET)),
    "a boundary after a bare LF": (TYPE, parts(b"Z", field(b"x", b"1\n--Z\r\n" + DELETE))),
    "a long header line": (
        TYPE,
        parts(b"Z", field(b"x", b"1", b"X: " + b"a" * 5117 + b'Content-Disposition: form-data; name="action"\r\n')),
    ),
    "a bare LF in a header": (TYPE, parts(b"Z", field(b"x", b"1", b"X: a\nContent-Disposition: form-data; name=b\r\n"))),
    "a bare CR in a header": (TYPE, parts(b"Z", field(b"action", b"1", b"X: a\r"))),
    "a comma in the boundary": (b"multipart/form-data; boundary=Z,y", parts(b"Z,y", GET)),
    "two dispositions": (TYPE, parts(b"Z", field(b"a", b"1", b'Content-Disposition: form-data; name="b"\r\n'))),
    "two names": (TYPE, parts(b"Z", field(b'a"; name="b', b"1"))),
}


def lax(request: Request) -> str | None:
    """The fields as a form."""
    parameter = rb';\s*([\w*-]+)=(?:"([^"]*)"|([^;]*))'
    found = {name.lower(): quoted or word for name, quoted, word in re.findall(parameter, request.content_type)}
    if not found.get(b"boundary"):
        return None
    fields = []
    _, *texts = (b"\r\n" + request.body).split(b"\r\n--" + found[b"boundary"])
    for text in texts:
        if text.startswith(b"--"):
            break
        head, _, value = text.partition(b"\r\n\r\n")
        headers = {}
        for line in re.split(rb"\r\n|\r", head):
            name, _, header = line.partition(b":")
            headers[name.lower()] = header
        name = re.search(rb'; ?name="?([^";]*)', headers.get(b"content-disposition", b""))
        if name and b"filename" not in headers[b"content-disposition"]:
            fields.append((name[1], value))
    return urllib.parse.urlencode(fields)


def read_by(program: str, requests: list[Request]) -> list[str | None]:
    lines = "".join(f"{request.content_type.hex()} {request.body.hex()}\n" for request in requests)
    read = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(read) == len(requests), f"{len(read)} answers to {len(requests)} questions"
    return [line[1:] if line.startswith("=") else None for line in read]


def texts(post: dict) -> dict:
    return {name: value for name, value in post.items() if value or name not in API_FIELDS}


def main() -> None:
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    generator = RandomMultipart(seed)
    requests = [generator.request() for _ in range(count)]
    names = [*KNOWN, *(["random"] * count)]
    requests = [Request(body=body, content_type=content_type) for content_type, body in KNOWN.values()] + requests
    is_lax = "--lax" in sys.argv[4:]
    forms = list(map(lax, requests)) if is_lax else read_by(program, requests)
    faults, accepted, with_fields, otherwise = [], 0, 0, 0
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        php = Php(pathlib.Path(folder, "log"), running)
        for name, request, form in zip(names, requests, forms):
            post = texts(php.read(request)["post"])
            if form is None:
                otherwise += bool(post)
                continue
            accepted += 1
            with_fields += bool(post)
            wanted = texts(php.read(Request(body=form.encode(), content_type=FORM))["post"])
            if post != wanted or (name in KNOWN and not is_lax):
                shown = f"{name}: PHP has {post}, and the reader {wanted}: {request.content_type} {request.body}"
                faults.append(shown if len(shown) < 1000 else f"{shown[:500]} ... {shown[-400:]}")
    for fault in faults[:20]:
        print(fault)
    print(
        f"{len(requests)} bodies: {accepted} accepted, {with_fields} of them with fields, "
        f"{len(requests) - accepted} refused, of which PHP reads {otherwise}: {len(faults)} read otherwise than by PHP"
    )
    # Without enough bodies of both kinds the check shows little.
    is_balanced = min(with_fields, otherwise) >= count / 5
    sys.exit(1 if faults or not is_balanced else 0)


main()
