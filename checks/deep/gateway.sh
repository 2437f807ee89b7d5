# The gateway of the examples in front of PHP: what PHP has of a call is what the gateway verified.

needs php php-cli
cargo build -q --release --locked -p whmcs-auth-gateway -p whmcs-auth-gateway-check
gateway=${CARGO_TARGET_DIR:-target}/release/whmcs-auth-gateway
fields=$gateway-check
multipart_fields=${gateway%/*}/multipart_fields

calls() { python3 -B checks/gateway/calls.py "$gateway" "$@"; }

names() { python3 -B checks/gateway/names.py "$1" 3000 20261122; }

calls_as_received() {
    local fault
    for fault in \
        'both pairs: PHP has other credentials' \
        'another admin in the query: PHP has' \
        '1,200 fields before the credentials: PHP has other credentials' \
        'a query and a form: PHP has' \
        'a cookie of an action: PHP has'; do
        fails_by "$fault" calls 0 20261122 --as-received || return 1
    done
}

# A reader that finds no field.
no_field() {
    printf '#!/bin/sh\nexec sed "s/.*/-/"\n' >"$work/no_field" && chmod +x "$work/no_field" &&
        fails_by 'and the library -' names "$work/no_field"
}

multipart() { python3 -B checks/gateway/multipart.py "$multipart_fields" "$@"; }

# A reader that refuses nothing but a missing boundary.
lax_multipart() {
    local fault
    for fault in \
        'a boundary in the value of a parameter: PHP has' \
        'a parameter whose name ends in boundary: PHP has' \
        'BOUNDARY before another boundary: PHP has' \
        'a boundary after a bare LF: PHP has' \
        'a long header line: PHP has' \
        'a bare LF in a header: PHP has' \
        'a bare CR in a header: PHP has' \
        'random: PHP has'; do
        fails_by "$fault" multipart 200 20261122 --lax || return 1
    done
}

check 'gateway: PHP has of random calls what was verified, and nothing of what was refused' \
    calls 3000 20261122
check 'gateway: names of random fields are read as by PHP' names "$fields"
check 'gateway: a multipart body is read as by PHP, or refused' multipart 20000 20261122
check 'the control: calls that reach PHP as they were received are noticed' calls_as_received
check 'the control: another reading of names is noticed' no_field
check 'the control: a lax reader of multipart is noticed' lax_multipart
