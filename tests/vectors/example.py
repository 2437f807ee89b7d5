"""The rules in Python, as an example of an implementation that `run.py` holds against the vectors. It is short, and not
hardened. It has no bcrypt, because Python's standard library has none.
"""

import hashlib
import hmac
import json
import re
import unicodedata
from urllib.parse import unquote_plus

# The caps in bytes.
ANY = 2**63
LINK_FIELDS = {"email": 254, "timestamp": ANY, "hash": 40}
CALL_FIELDS = {
    "identifier": 255, "secret": 1024, "username": 255, "password": 1024,
    "accesskey": ANY, "action": ANY, "responsetype": ANY,
}  # fmt: skip


def has_control(text):
    return any(unicodedata.category(character) == "Cc" for character in text)


def fields(text, caps):
    """The fields of these names that are not empty, or None if the text is malformed: FIELD-1 to FIELD-5."""
    found = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        name, value = unquote_plus(name), unquote_plus(value)
        as_php = re.split(r"[\0[]", name.lstrip(" "))[0]
        if as_php not in caps:
            continue
        if name != as_php or name in found or "\ufffd" in value or len(value.encode()) > caps[name]:
            return None
        if name in ("identifier", "username", "email", "goto") and has_control(value):
            return None
        found[name] = value
    return {name: value for name, value in found.items() if value}


def are_allowed(keys):
    """LINK-1: may these keys stand in one set?"""
    pairs = ((a, b) for i, a in enumerate(keys) for j, b in enumerate(keys) if i != j)
    return all(key.strip() for key in keys) and not any(a.endswith(b) for a, b in pairs)


def target(goto):
    """LINK-6: `refuse`, `acts` or `follow`."""
    path, rest = re.fullmatch(r"([^?#]*)(?:[?#](.*))?", goto, re.DOTALL).groups("")
    unsafe = r'[^\x21-\x7e]|[\\"<>^{|}`]'
    if (
        len(goto) > 2048
        or not re.match(r"(?!//)[/A-Za-z0-9_]", path)
        or re.search(unsafe + "|[:@;%]", path)
        or re.search(unsafe + "|%(?![2-689a-f][0-9a-f]|7[0-9a-e])", rest, re.IGNORECASE)
        or {".", ".."} & set(path.split("/"))
    ):
        return "refuse"
    acting = {"dologin", "logout", "singlesignon", "api"}
    stems = {segment.split(".")[0].lower() for segment in path.split("/")}
    return "acts" if stems & acting else "follow"


def verify_link(keys, now, query):
    """LINK-2 to LINK-6."""
    given = fields(query, LINK_FIELDS)
    if given is None or len(given) < 3 or not re.fullmatch("[1-9][0-9]{9}", given["timestamp"]):
        return {"result": "not valid"}
    email = given["email"].replace(" ", "+")
    hashes = [hashlib.sha1((email + given["timestamp"] + key).encode()).hexdigest() for key in keys]
    presented = given["hash"].lower().encode()
    if not any([hmac.compare_digest(expected.encode(), presented) for expected in hashes]):
        return {"result": "not valid"}
    if abs(now - int(given["timestamp"])) > 900:
        return {"result": "expired"}
    goto = (fields(query, {"goto": 2048}) or {}).get("goto")
    return {"result": "accepted", "email": email, "goto": goto if goto and target(goto) == "follow" else None}


def matches(record, presented):
    """API-2: does this match what is stored?"""
    is_admin = "username" in record
    if is_admin and not re.fullmatch("[0-9a-fA-F]{32}", presented):
        return False
    presented = (presented.lower() if is_admin else presented).encode()
    scheme, stored = record["scheme"], record["stored"].encode()
    if scheme.startswith("bcrypt"):
        raise NotImplementedError(scheme)
    if is_admin:
        expected = hashlib.md5(stored).hexdigest().encode() if scheme == "plain" else stored
    else:
        expected = stored
        presented = presented if scheme == "plain" else hashlib.new(scheme, presented).hexdigest().encode()
    return hmac.compare_digest(expected, presented)


def verify_call(credentials, admins, body):
    """API-1 to API-7, and the action."""

    def refused(status, message):
        return {"status": status, "message": message}

    given = fields(body, CALL_FIELDS) or {}
    is_pair = "identifier" in given or "secret" in given
    name, presented = map(given.get, ("identifier", "secret") if is_pair else ("username", "password"))
    if name is None or presented is None:
        return refused(403, "Authentication Failed")
    record = next((record for record in credentials if record["identifier"] == name), None)
    mode = "credential" if record or is_pair else "admin"
    if mode == "admin":
        same = (record for record in admins if record["username"].encode().lower() == name.encode().lower())
        record = next(same, None)
    if record is None or not matches(record, presented):
        return refused(403, "Authentication Failed")
    if record["admin"] == "disabled":
        return refused(403, "Administrator Account Disabled")
    if record["admin"] == "without access":
        return refused(403, "Access Denied")
    action = given.get("action", "").lower()
    if not re.fullmatch("[a-z0-9_]{1,64}", action):
        return refused(400, "Empty action request")
    if mode == "credential" and action not in record["actions"]:
        return refused(403, f'Invalid Permissions: API action "{action}" is not allowed')
    return {"mode": mode, "id": record["id"], "action": action}


def answer(message):
    """ANSWER-2: the three bodies of an error. The action is `getclients`."""
    escapes = {character: f"\\u{ord(character):04X}" for character in "<>&'\""} | {"/": "\\/", "\x7f": "\x7f"}
    in_json = "".join(escapes.get(character) or json.dumps(character)[1:-1] for character in message)
    escapes = {"<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;", "'": "&#39;", "\r": "&#13;"}
    in_xml = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", message)
    in_xml = "".join(escapes.get(character, character) for character in in_xml)
    in_nvp = "".join(" " if character in ";=" or has_control(character) else character for character in message)
    return {
        "json": '{"result":"error","message":"' + in_json + '"}',
        "xml": '<?xml version="1.0" encoding="utf-8"?>\n<whmcsapi>\n<action>getclients</action>\n'
        f"<result>error</result>\n<message>{in_xml}</message>\n</whmcsapi>",
        "nvp": "result=error;message=" + in_nvp,
    }
