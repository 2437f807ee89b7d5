# The gateway of the examples in front of PHP: what PHP has of a call is what the gateway verified.

needs php php-cli
cargo build -q --release --locked -p whmcs-auth-gateway -p whmcs-auth-gateway-check
gateway=${CARGO_TARGET_DIR:-target}/release/whmcs-auth-gateway
fields=$gateway-check

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

check 'gateway: PHP has of random calls what was verified, and nothing of what was refused' \
    calls 3000 20261122
check 'gateway: names of random fields are read as by PHP' names "$fields"
check 'the control: calls that reach PHP as they were received are noticed' calls_as_received
check 'the control: another reading of names is noticed' no_field
