"""Compares `Received::field` with PHP, over random forms with difficult names.

usage: names.py FIELDS COUNT SEED
FIELDS is the program of this folder.
"""

import contextlib
import pathlib
import random
import subprocess
import sys
import tempfile
import urllib.parse

from servers import FORM, Php, Request

PIECES = [
    b"a", b"b", b"_", b".", b" ", b"[", b"[", b"]", b"[]", b"[b]", b"[ ]", b"\0", b"\t", b"\n", b"'", b"\xc3\xa4",
    b"__Host-", b"_", b"Host-", b"__Secure-", b"0", b"[b]" * 63,
]  # fmt: skip


def random_name(chance: random.Random) -> bytes:
    return b"".join(chance.choice(PIECES) for _ in range(chance.randint(0, 5)))


def related(name: bytes) -> set[bytes]:
    """Names under which a careless reader might store the field."""
    names = {name, name.lstrip(b" "), name.split(b"\0")[0]}
    names |= {cut.split(b"[")[0] for cut in names}
    return names | {cut.translate(bytes.maketrans(b" .[", b"___")) for cut in names}


def main() -> None:
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    asked, expected = [], []
    with contextlib.ExitStack() as running:
        folder = running.enter_context(tempfile.TemporaryDirectory())
        php = Php(pathlib.Path(folder, "log"), running)
        for _ in range(count):
            names = [random_name(chance) for _ in range(chance.randint(1, 5))]
            pairs = [urllib.parse.quote_plus(name) + f"={place}" for place, name in enumerate(names)]
            body = "&".join(pairs).encode()
            post = php.read(Request(body=body, content_type=FORM))["post"]
            candidates = {bytes.fromhex(name) for name in post}.union(*map(related, names))
            for name in sorted(candidates):
                value = post.get(name.hex())
                asked.append((body, name))
                expected.append("=" + value if isinstance(value, str) else "-")
    lines = "".join(f"{body.hex()} {name.hex()}\n" for body, name in asked)
    read = subprocess.run([program], input=lines, capture_output=True, text=True, check=True).stdout.split()
    assert len(read) == len(expected), f"{len(read)} answers to {len(expected)} questions"
    faults = [
        f"{body!r}: PHP has {value} under {name!r}, and the library {field}"
        for (body, name), value, field in zip(asked, expected, read)
        if value != field
    ]
    for fault in faults[:20]:
        print(fault)
    texts = sum(value != "-" for value in expected)
    print(f"{count} forms, {len(asked)} names, {texts} with a text: {len(faults)} read otherwise than by PHP")
    sys.exit(1 if faults or texts < count / 2 else 0)


main()
