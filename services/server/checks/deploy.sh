# Runs the server as services/server/deploy says: behind Debian's nginx with the sample, and with the command,
# the user and the system calls of the systemd unit.

deploy=services/server/deploy
host=billing.example.com

needs nginx nginx-light
needs openssl openssl
needs curl curl
needs ip iproute2
needs strace strace
needs setpriv util-linux
needs systemd-analyze systemd
needs python3 python3

# An address of this machine that is not loopback. A proxy that names a loopback address is not believed.
own=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
[ -n "$own" ] || { echo 'this machine has no address besides loopback' && exit 1; }
http_port=$(free_port)
tls_port=$(free_port)
service_port=$(free_port)
operator_port=$(free_port)
site=https://$host:$tls_port

# A sample of the unit's files, with the files in $work/etc.
sample() { sed "s#/etc/whmcs-auth-server#$work/etc#" "$deploy/$1"; }

# The command of the unit, with the options of the configuration. An option that the program does not have stops it.
exec_start() {
    sample whmcs-auth-server.service | sed -n '/^ExecStart=/,/[^\\]$/p' |
        sed -e 's/^ExecStart=//' -e 's/\\$//' -e "s#/usr/bin#$work#" -e "s#\${CREDENTIALS_DIRECTORY}#$work/etc#" \
            -e "s#\$OPTIONS#$(sed -n 's/^OPTIONS=//p' "$deploy/server.conf")#" | tr -d '\n'
}

# The settings that the configuration offers.
settings() { sample server.conf | sed -n 's/^#\(WHMCS_\)/\1/p'; }

# As the unit starts it: another user, no capability, and none to be had. strace writes down each system call.
serve() {
    # Free ports, in place of the socket of the .socket unit.
    # shellcheck disable=SC2046
    env $(settings) \
        setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
        strace -D -f -qq -e signal=none -o "$work/trace" \
        $(exec_start) --listen "127.0.0.1:$service_port" --operator-listen "127.0.0.1:$operator_port" >"$work/out" 2>"$work/log" &
    server=$!
    until [ -s "$work/out" ]; do
        still_waits $! "$work/log"
    done
}

# nginx with the sample; NAME is the folder for its files, and each CHANGE a change of the sample by sed.
proxy() { # NAME CHANGE...
    local prefix=$work/nginx-$1 change
    mkdir -p "$prefix"
    sed -e "s/listen \(\[::\]:\)\?443/listen \1$tls_port/; s/listen \(\[::\]:\)\?80;/listen \1$http_port;/" \
        -e "s/127.0.0.1:8080/127.0.0.1:$service_port/; s#https://\$server_name#&:$tls_port#" \
        -e "s#/etc/nginx/tls/#$work/#; s#/var/log/nginx/#$prefix/#" $deploy/nginx.conf >"$prefix/site.conf"
    for change in "${@:2}"; do
        sed -i "$change" "$prefix/site.conf"
    done
    nginx_with "$prefix" "http://$own:$http_port/" <<<"access_log $prefix/access.log; include $prefix/site.conf;"
}

stop_proxy() { kill "$nginx" && wait "$nginx"; }

# From this machine's own address, and with the certificate checked.
tls() { curl -s --cacert "$work/$host.crt" --resolve "$host:$tls_port:$own" "$@"; }

pair='identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'

get_clients() { tls -d "action=GetClients&limitnum=0&$pair" "$@" "$site/includes/api.php"; }

says() { # TEXT COMMAND...
    local answer
    answer=$("${@:2}")
    echo "$answer"
    [[ $answer == $1 ]]
}

# Writes the list of addresses, and asks for it to be read.
allow() { # ADDRESS
    echo "$1 # deploy" >"$work/etc/allowed"
    local before
    before=$(grep -c 'read addresses and keys anew' "$work/log")
    kill -HUP "$server"
    until [ "$(grep -c 'read addresses and keys anew' "$work/log")" -gt "$before" ]; do
        still_waits "$server" "$work/log"
    done
}

# A caller cannot name an address, and the address that nginx saw counts.
client_address() {
    allow 203.0.113.7
    says "result=error;message=Invalid IP $own" get_clients &&
        says "result=error;message=Invalid IP $own" get_clients -H 'X-Forwarded-For: 203.0.113.7' || return
    allow "$own"
    says 'result=success;*' get_clients && says 'result=success;*' get_clients -H 'X-Forwarded-For: 192.0.2.1'
}

# A signed link leads to the client area, which knows the visitor. The cookie travels over TLS alone.
redirect() {
    local link
    link=$("$work/whmcs-auth-server" sign-link demo@whmcs.com --database-url-file "$work/etc/database-url" \
        --autoauth-key-file "$work/etc/autoauth-keys")
    tls -L -c "$work/cookies" -b "$work/cookies" -w '\n%{num_redirects} %{url_effective}\n' "$link" >"$work/page"
    tail -1 "$work/page"
    [ "$(tail -1 "$work/page")" = "1 $site/clientarea.php" ] && grep -q 'demo@whmcs.com' "$work/page" &&
        awk '$6 == "__Host-whmcs-auth-session" && $4 == "TRUE"' "$work/cookies" | grep -q . &&
        says "301 $site/clientarea.php" \
            curl -s -o /dev/null -w '%{http_code} %{redirect_url}' -H "Host: $host" "http://$own:$http_port/clientarea.php"
}

# The answer has the id that nginx chose, and the log of the service has it as well.
request_id() {
    local id
    id=$(tls -H 'X-Request-Id: of-a-stranger' -o /dev/null -w '%header{x-request-id}' "$site/includes/api.php")
    echo "$id"
    [[ $id =~ ^[0-9a-f]{32}$ ]] && grep -qF "$id" "$work/log" && ! grep -F of-a-stranger "$work/log"
}

metrics_are_for_the_operator() {
    local path
    for path in /metrics /readyz /healthz; do
        says 404 tls -o /dev/null -w '%{http_code}' "$site$path" &&
            says 200 curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$operator_port$path" || return
    done
}

# A body of BYTES bytes.
body() { # BYTES
    local start="action=GetClients&limitnum=0&$pair&attachment="
    printf %s "$start"
    head -c $(($1 - ${#start})) /dev/zero | tr '\0' A
}

posts() { # BYTES
    body "$1" | tls -H 'Expect:' --data-binary @- -w ' %{http_code}' "$site/includes/api.php"
}

body_at_the_limit() {
    says 'result=success;* 200' posts $((512 * 1024)) &&
        says 'result=error;message=Request Too Large 413' posts $((512 * 1024 + 1)) &&
        says '*nginx* 413' posts $((2 * 1024 * 1024)) &&
        grep -F 'the body has more than 524288 bytes' "$work/log" >/dev/null
}

logs_no_query() {
    says 301 curl -s -o /dev/null -w '%{http_code}' -H "Host: $host" "http://$own:$http_port/dologin.php?hash=0" &&
        grep -c 'dologin.php' "$work/nginx-sample/whmcs-auth.log" &&
        ! grep -E 'hash=|secret=|timestamp=' "$work"/nginx-sample/*.log
}

# The units of the server and of the bridge, each with its socket.
unit() { # CHANGE
    local unit
    for unit in services/*/deploy/*.service services/*/deploy/*.socket; do
        sed "s#/usr/bin/whmcs-auth-[a-z]*#$work/whmcs-auth-server#; $1" "$unit" >"$work/${unit##*/}"
    done
    for unit in "$work"/*.service; do
        systemd-analyze verify "$unit" 2>&1 | tee "$work/verified" && [ ! -s "$work/verified" ] &&
            systemd-analyze security --offline=true --threshold=15 "$unit" | tail -1 || return
    done
}

has_no_privileges() {
    grep -E '^(Uid|CapPrm|CapEff|CapBnd|NoNewPrivs):' "/proc/$server/status" | tee "$work/status" &&
        grep -Pq "^Uid:\t$(id -u nobody)\t" "$work/status" &&
        [ "$(grep -Pc '^Cap...:\t0+$|^NoNewPrivs:\t1$' "$work/status")" = 4 ]
}

system_calls() { python3 services/server/checks/deploy/syscalls.py "$1" "$work/trace"; }

proxy_that_lets_ids_pass() {
    stop_proxy
    proxy ids /X-Request-Id/d
    fails_by of-a-stranger request_id
}

proxy_that_names_nobody() {
    stop_proxy
    proxy silent /X-Forwarded-For/d
    says 'result=error;message=Invalid IP' get_clients
}

release_build whmcs-auth-server
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$host" \
    -addext "subjectAltName=DNS:$host" -keyout "$work/$host.key" -out "$work/$host.crt" 2>/dev/null
# The other user enters the folder, and keeps the database in one of its own.
chmod 755 "$work"
mkdir "$work/etc" "$work/data"
echo "sqlite:$work/data/whmcs.db" >"$work/etc/database-url"
printf '%s\n' new-key old >"$work/etc/autoauth-keys"
echo 'key#1+2' >"$work/etc/access-key"
echo 203.0.113.7 >"$work/etc/allowed"
chmod 640 "$work"/etc/*
chown -R nobody:nogroup "$work/etc" "$work/data"
touch "$work/trace" && chown nobody "$work/trace"
serve
python3 -c "
import sqlite3
database = sqlite3.connect('$work/data/whmcs.db')
database.execute(\"UPDATE tblconfiguration SET value = '$site' WHERE setting = 'SystemURL'\")
database.commit()"
proxy sample

check 'deploy: the client has the address that nginx saw, after a reload, too' client_address
check 'deploy: a link through TLS leads to the client area' redirect
check 'deploy: a client does not choose the id of its request' request_id
check 'deploy: metrics and health are for the operator alone' metrics_are_for_the_operator
check 'deploy: bodies at the limit' body_at_the_limit
check 'deploy: the logs of nginx hold no query' logs_no_query
check 'deploy: the units are valid, and hardened' unit ''
check 'deploy: the service runs without privileges' has_no_privileges
check 'deploy: the unit allows every system call of the service' system_calls "$deploy/whmcs-auth-server.service"
check 'deploy: control: a unit with a misspelled setting' fails_by "Unknown key 'PrivateTemp'" unit 's/^PrivateTmp/PrivateTemp/'
check 'deploy: control: a unit that is not hardened' fails_by 'MEDIUM' unit '/^Protect/d; /^Restrict/d; /^System/d'
sed 's/^SystemCallFilter=~.*/&\nSystemCallFilter=~@network-io/' "$deploy/whmcs-auth-server.service" >"$work/no-network"
check 'deploy: control: a unit that forbids the network' fails_by 'socketpair' system_calls "$work/no-network"
check 'deploy: control: nginx without X-Request-Id' proxy_that_lets_ids_pass
check 'deploy: control: nginx without X-Forwarded-For' proxy_that_names_nobody
stop_proxy
