"""Calls, each with its outcome behind the gateway."""

from servers import FORM, Request

IDENTIFIER, SECRET = b"D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv", b"F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
PAIR = b"identifier=" + IDENTIFIER + b"&secret=" + SECRET
LOGIN = b"username=" + IDENTIFIER + b"&password=" + SECRET
CALL = b"action=GetClients&responsetype=json&" + PAIR
BOUNDARY = b"XBOUNDARYX7"
MULTIPART = b"multipart/form-data; boundary=" + BOUNDARY

FORWARDED = "forwarded"
UNAUTHORIZED = "Authentication Failed"
BAD_REQUEST = "Bad Request"
TOO_LARGE = "Request Too Large"


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    return part_of(b'form-data; name="' + name + b'"' + more, value)


def part_of(disposition: bytes, value: bytes) -> bytes:
    return b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (BOUNDARY, disposition, value)


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


PARTS = [part(*field.split(b"=")) for field in CALL.split(b"&")]
NUMBERED = [b"x%d=%d" % (number, number) for number in range(1200)]

# What is sent, and the outcome: FORWARDED, or the message of the refusal.
TABLE = {
    "a form": (Request(body=CALL), FORWARDED),
    "a query and a form": (Request(b"action=GetClients", PAIR), FORWARDED),
    "a query alone, by GET": (Request(CALL, content_type=None, method=b"GET"), FORWARDED),
    "a query alone, by PUT": (Request(CALL, content_type=None, method=b"PUT"), "Method Not Allowed"),
    "a query alone, by POST": (Request(CALL), FORWARDED),
    "a query alone, without content type": (Request(CALL, content_type=None), FORWARDED),
    "a body by GET": (Request(CALL, b"x=1", method=b"GET"), UNAUTHORIZED),
    "the pair as username and password": (Request(body=b"action=GetClients&" + LOGIN), FORWARDED),
    "empty fields of the other pair": (Request(body=CALL + b"&username=&password=&accesskey="), FORWARDED),
    "empty fields of the first pair": (Request(body=b"identifier=&secret=&action=x&" + LOGIN), FORWARDED),
    "both pairs": (Request(body=CALL + b"&" + LOGIN), FORWARDED),
    "another admin beside the pair": (Request(body=CALL + b"&username=admin&password=x"), FORWARDED),
    "another admin in the query": (Request(b"username=admin&password=x", CALL), FORWARDED),
    "half a pair": (Request(body=b"action=x&identifier=" + IDENTIFIER), UNAUTHORIZED),
    "half a pair beside another": (Request(body=b"identifier=x&action=x&" + LOGIN), UNAUTHORIZED),
    "a wrong secret": (Request(body=CALL + b"x"), UNAUTHORIZED),
    "no action": (Request(body=PAIR), "Empty action request"),
    "an access key": (Request(b"accesskey=key%231%2B2", CALL), FORWARDED),
    "a cookie of a credential": (Request(body=CALL, cookie=b"username=admin; password=x"), FORWARDED),
    "a cookie of an action": (Request(body=CALL, cookie=b"action=DeleteClient"), FORWARDED),
    "a field twice": (Request(body=CALL + b"&action=GetClients"), UNAUTHORIZED),
    "a field in query and body": (Request(b"action=GetClients", CALL), UNAUTHORIZED),
    "a field as array": (Request(body=CALL + b"&action[]=x"), UNAUTHORIZED),
    "a field after a space": (Request(body=CALL + b"&+action=x"), UNAUTHORIZED),
    "a field before a NUL": (Request(body=CALL + b"&action%00x=x"), UNAUTHORIZED),
    "an array of the other pair": (Request(body=CALL + b"&username[]=x"), UNAUTHORIZED),
    "a credential that is not UTF-8": (Request(body=b"action=x&secret=x&identifier=%FF"), UNAUTHORIZED),
    "an access key that is not UTF-8": (Request(body=CALL + b"&accesskey=%FF"), UNAUTHORIZED),
    "a charset": (Request(body=CALL, content_type=FORM + b"; charset=ISO-8859-1"), FORWARDED),
    "a charset and a space": (Request(body=CALL, content_type=FORM + b" ;charset=UTF-16"), FORWARDED),
    "a type in upper case": (Request(body=CALL, content_type=FORM.upper()), FORWARDED),
    "a type, a tab and a charset": (Request(body=CALL, content_type=FORM + b"\t;charset=UTF-8"), UNAUTHORIZED),
    "a type and a comma": (Request(body=CALL, content_type=FORM + b",x"), UNAUTHORIZED),
    "a type and a word": (Request(body=CALL, content_type=FORM + b" x"), UNAUTHORIZED),
    "two content types": (Request(body=CALL, more_headers=((b"Content-Type", b"text/plain"),)), UNAUTHORIZED),
    "no content type": (Request(body=CALL, content_type=None), UNAUTHORIZED),
    "JSON": (Request(body=b'{"action":"GetClients"}', content_type=b"application/json"), UNAUTHORIZED),
    "JSON beside a full query": (Request(CALL, b'{"a":1}', b"application/json"), UNAUTHORIZED),
    "JSON as a form": (Request(CALL, b'{"a":"b=c"}'), FORWARDED),
    "multipart": (Request(body=multipart(*PARTS), content_type=MULTIPART), FORWARDED),
    "multipart with a charset": (
        Request(body=multipart(*PARTS), content_type=MULTIPART + b"; charset=UTF-16"),
        FORWARDED,
    ),
    "multipart without quotes": (
        Request(CALL, multipart(part_of(b"form-data; name=x.y", b"1")), MULTIPART),
        FORWARDED,
    ),
    "multipart with a file": (
        Request(CALL, multipart(part(b"x", b"1", b'; filename="x"'), part(b"y", b"2")), MULTIPART),
        FORWARDED,
    ),
    "multipart with a credential as file": (
        Request(b"action=x&identifier=" + IDENTIFIER, multipart(part(b"secret", SECRET, b'; filename="x"')), MULTIPART),
        UNAUTHORIZED,
    ),
    "multipart with a file whose name is not UTF-8": (
        Request(CALL, multipart(part(b"username", b"1", b'; filename="\xff"')), MULTIPART),
        FORWARDED,
    ),
    "multipart with a file name that PHP ignores": (
        Request(CALL, multipart(part(b"x", b"1", b"; filename*=UTF-8''x")), MULTIPART),
        UNAUTHORIZED,
    ),
    "multipart with two names": (Request(CALL, multipart(part(b"x", b"1", b'; name="y"')), MULTIPART), UNAUTHORIZED),
    "multipart with an escape": (Request(CALL, multipart(part(b'x\\"', b"1")), MULTIPART), UNAUTHORIZED),
    "multipart without a name": (Request(CALL, multipart(part_of(b"form-data", b"1")), MULTIPART), UNAUTHORIZED),
    "multipart without an end": (Request(CALL, b"".join(PARTS), MULTIPART), UNAUTHORIZED),
    "multipart and a query, a field in both": (Request(b"action=x", multipart(*PARTS), MULTIPART), UNAUTHORIZED),
    "multipart with a part behind its end": (
        Request(CALL, multipart(*PARTS) + multipart(part(b"x", b"1")), MULTIPART),
        UNAUTHORIZED,
    ),
    "multipart with a text before its beginning": (Request(CALL, b"x" + multipart(*PARTS), MULTIPART), UNAUTHORIZED),
    "multipart as a form": (Request(CALL, multipart(*PARTS)), FORWARDED),
    "a form as multipart": (Request(body=CALL, content_type=MULTIPART), UNAUTHORIZED),
    "multipart without boundary": (Request(CALL, multipart(*PARTS), b"multipart/form-data"), UNAUTHORIZED),
    "1,200 fields before the credentials": (Request(body=b"&".join([*NUMBERED, CALL])), UNAUTHORIZED),
    "600 fields in the query and in the body": (
        Request(b"&".join(NUMBERED[:600]), b"&".join([*NUMBERED[600:], CALL])),
        UNAUTHORIZED,
    ),
    "1,000 fields, the credentials last": (Request(body=b"&".join([*NUMBERED[:996], CALL])), FORWARDED),
    "1,001 fields, the credentials last": (Request(body=b"&".join([*NUMBERED[:997], CALL])), UNAUTHORIZED),
    "names that PHP changes": (Request(b"client.id=1&+x=2&a[b=3&[c=4&d%00e=5&f[g][h]=6&_.Host-i=7", CALL), FORWARDED),
    "a name that PHP changes, in query and body": (Request(b"x.y=1&x_y=2", CALL + b"&x+y=3"), FORWARDED),
    "an array in the body": (Request(b"x=1", CALL + b"&a[]=1&a[]=2&a[b][]=3&a[b][]=4"), FORWARDED),
    "an array in query and body": (Request(b"a[]=1", CALL + b"&a[]=2"), BAD_REQUEST),
    "a text and an array in query and body": (Request(b"a=1", CALL + b"&a[]=2"), BAD_REQUEST),
    "an array of 65 levels": (Request(body=CALL + b"&a=1&a" + b"[b]" * 65 + b"=2"), FORWARDED),
    "values that are not UTF-8": (Request(b"x=%FF%00%80", CALL + b"&y=%C3&z=\xff\x00&\xfe=1"), FORWARDED),
    "a value of 600 KiB": (Request(body=CALL + b"&x=" + b"%FF" * 200 * 1024), FORWARDED),
    "a part of nearly 2 MiB, three times as long as a form": (
        Request(CALL, multipart(part(b"x", b"\xff" * (2 * 1024 * 1024 - 200))), MULTIPART),
        FORWARDED,
    ),
    "a body over the limit": (Request(CALL, b"x=" + b"1" * 2 * 1024 * 1024), TOO_LARGE),
}
