"""Calls a running service with the Python clients: every way to authenticate, accepted and refused.

usage: clients.py URL GUARDED_URL

The second service lists no address of this machine, so a call needs the access key.
"""

import sys
import urllib3

import whmcs_client
import whmcspy
from whmcs_client.exceptions import ApiException, ForbiddenException
from whmcspy.exceptions import Error, MissingPermission

IDENTIFIER = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"
SECRET = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
PASSWORD_MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"
ACCESS_KEY = "key#1+2"

url, guarded = sys.argv[1:]


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r}, expected {expected!r}")
    print(f"{what}: {got}")


def raised(call, kind):
    try:
        call()
    except kind as error:
        # The name, as a subclass would match `kind`, too.
        return type(error).__name__, error
    sys.exit(f"{kind.__name__} was expected")


def through_whmcspy():
    name = "whmcspy 0.3.0"
    known = whmcspy.WHMCS(f"{url}/includes/api.php", IDENTIFIER, SECRET)
    found = known.call("GetClients", search="a+b@example.com")
    check(f"{name}, identifier and secret", found["clients"]["client"][0]["id"], 2)
    found = known.call("GetClients", search="\U0001f600")
    check(f"{name}, a text that the character set cannot store", found["totalresults"], 0)
    pages = [page["numreturned"] for page in known.paginated_call("GetClients")]
    check(f"{name}, page by page", pages, [25, 5])
    kind, error = raised(lambda: known.call("AddClient"), MissingPermission)
    message = 'Invalid Permissions: API action "addclient" is not allowed'
    check(f"{name}, an action of no role", (kind, str(error)), ("MissingPermission", message))
    kind, error = raised(lambda: known.call("CreateSsoToken", client_id=99), Error)
    check(f"{name}, no such client", (kind, str(error)), ("Error", "Client ID Not Found"))

    wrong = whmcspy.WHMCS(f"{url}/includes/api.php", IDENTIFIER, "wrong")
    kind, error = raised(lambda: wrong.call("GetClients"), MissingPermission)
    expected = ("MissingPermission", "Authentication Failed")
    check(f"{name}, a wrong secret", (kind, str(error)), expected)


def through_whmcs_api_client():
    name = "whmcs-api-client 1.0.32"

    def ask(base, username, password, **more):
        configuration = whmcs_client.Configuration(host=f"{base}/includes")
        with whmcs_client.ApiClient(configuration) as client:
            api = whmcs_client.DefaultApi(client)
            return api.get_clients(username, password, responsetype="json", **more)

    for way, pair in [
        ("the pair as username and password", (IDENTIFIER, SECRET)),
        ("an admin and the md5", ("admin", PASSWORD_MD5)),
    ]:
        answer = ask(url, *pair, limitstart=28, limitnum=1)
        got = (answer.totalresults, answer.clients.client[0].email)
        check(f"{name}, {way}", got, (30, "client29@example.com"))
        answer = ask(guarded, *pair, accesskey=ACCESS_KEY, limitnum=1)
        check(f"{name}, {way}, access key", answer.clients.client[0].email, "demo@whmcs.com")
    for way, base, pair, more, message in [
        ("a wrong secret", url, (IDENTIFIER, "wrong"), {}, "Authentication Failed"),
        ("the password itself", url, ("admin", "password"), {}, "Authentication Failed"),
        ("a wrong access key", guarded, (IDENTIFIER, SECRET), {"accesskey": "x"}, "Invalid IP 127.0.0.1"),
        ("no access key", guarded, (IDENTIFIER, SECRET), {}, "Invalid IP 127.0.0.1"),
    ]:
        kind, error = raised(lambda: ask(base, *pair, **more), ApiException)
        assert isinstance(error, ForbiddenException)
        body = f'{{"result":"error","message":"{message}"}}'
        check(f"{name}, {way}", (kind, error.status, error.body), ("ForbiddenException", 403, body))


urllib3.disable_warnings()
through_whmcspy()
through_whmcs_api_client()
