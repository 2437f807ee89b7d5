-- An API call, as public clients send it.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.body = "action=GetClients&responsetype=json&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"
    .. "&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"
