"""Prints bcrypt strings that Python, PHP and Apache's htpasswd made, one a line, in JSON: the kind of record,
the stored text, a presented text, and whether the library must accept it.

Python verifies each string first. PHP does so, too, if the secret holds no NUL. Some
implementations cut a secret after 72 bytes or at a NUL. The library must never accept such a secret.
"""

import hashlib
import json
import subprocess

import bcrypt

SECRETS = [
    "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
    "a",
    "ü",
    "日本語のパスワード",
    "\x80\xff\u0100",
    "😀" * 17,
    " with spaces ",
    "$2y$04$",
    "a" * 70,
    "a" * 71,
    "ü" * 35 + "a",
]
CUT = ["a" * 72, "a" * 73, "ü" * 36, "a" * 1024, "F1CKGXRI\0pylM", "\0", "a\0"]


def by_python(secret, version):
    # The package refuses more than 72 bytes, so the caller cuts.
    return bcrypt.hashpw(secret.encode()[:72], bcrypt.gensalt(4, version.encode())).decode()


def run_php(code, *arguments):
    php = ["php", "-r", f"{code}", "--", *(argument.encode().hex() for argument in arguments)]
    return subprocess.run(php, check=True, capture_output=True, text=True).stdout


def by_php(secret):
    code = "echo password_hash(hex2bin($argv[1]), PASSWORD_BCRYPT, ['cost' => 4]);"
    return run_php(code, secret)


def by_htpasswd(secret):
    htpasswd = ["htpasswd", "-niB", "-C", "4", "user"]
    written = subprocess.run(htpasswd, input=secret, check=True, capture_output=True, text=True)
    return written.stdout.strip().removeprefix("user:")


def php_verifies(secret, stored):
    return run_php("echo (int) password_verify(hex2bin($argv[1]), hex2bin($argv[2]));", secret, stored) == "1"


def python_verifies(secret, stored):
    return bcrypt.checkpw(secret.encode()[:72], stored.encode())


def row(kind, stored, presented, matches):
    print(json.dumps([kind, stored, presented, matches]))


def rows(kind, secret, stored, is_read_whole):
    assert len(stored) == 60 and stored[:4] in ("$2a$", "$2b$", "$2y$"), stored
    assert python_verifies(secret, stored), (secret, stored)
    if "\0" not in secret:
        assert php_verifies(secret, stored), (secret, stored)
    row(kind, stored, secret, is_read_whole)
    for other in (secret + "x", secret[:-1] or "x", secret.swapcase() + "1", secret + "\0"):
        row(kind, stored, other, False)


for secret in SECRETS:
    md5 = hashlib.md5(secret.encode()).hexdigest()
    for stored in (by_python(secret, "2a"), by_python(secret, "2b"), by_php(secret), by_htpasswd(secret)):
        rows("secret", secret, stored, True)
    for stored in (by_python(md5, "2a"), by_python(md5, "2b"), by_php(md5), by_htpasswd(md5)):
        rows("password", md5, stored, True)
        row("password", stored, md5.upper(), True)
        row("password", stored, secret, False)
for secret in CUT:
    for version in ("2a", "2b"):
        rows("secret", secret, by_python(secret, version), False)
    if "\0" not in secret:
        rows("secret", secret, by_php(secret), False)
