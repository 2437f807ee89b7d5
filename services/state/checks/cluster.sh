# Three servers behind nginx, with one Redis and one MariaDB: no link is accepted twice, whatever is killed, emptied or
# changed.
# Then two bridges behind nginx, with these servers as WHMCS. The code is in services/state/checks/cluster.

needs curl curl
needs php php-cli
needs mariadbd mariadb-server
needs redis-server redis-server
needs nginx nginx-light
needs faketime faketime
faketime=$(dpkg -L libfaketime | grep '/libfaketime.so')
release_build whmcs-auth-server whmcs-auth-bridge whmcs-auth-cluster-check

waits_for() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    until "${@:2}" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { echo "timed out: ${*:2}" && return 1; }
        sleep 0.1
    done
}

redis_port=$(free_port)
redis() { redis-cli -p "$redis_port" "$@"; }

start_redis() {
    redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --dir "$work" >"$work/redis.log" &
    redis_process=$!
    waits_for 10 redis ping
}

# As if Redis had been started long ago, so that links of the last minutes are accepted.
redis_remembers_for_long() {
    redis --scan --pattern 'whmcs-auth:cluster:since:*' | while read -r key; do redis set "$key" 1000; done
}

cluster_sql() { mariadb_at cluster "$@"; }

start_mariadb() {
    whmcs_mariadb cluster
    cluster_sql whmcs -e "UPDATE tblconfiguration SET value = '$site' WHERE setting = 'SystemURL';
        DELETE FROM tblclients WHERE email LIKE 'client%@example.com';
        INSERT INTO tblclients (id, firstname, lastname, companyname, email, datecreated)
        SELECT seq, 'Client', seq, '', CONCAT('client', seq, '@example.com'), '2020-01-01' FROM seq_6_to_1100"
}

# The process of each server, its ports for visitors and for the operator, and its --max-ahead.
declare -A server_process=() server_port=() operator_port=() ahead=([1]=60 [2]=60 [3]=60)

start_server() { # NUMBER CLOCK
    # The program faketime would start the server as a child, and a signal would not reach it.
    local clock=(env "LD_PRELOAD=$faketime" FAKETIME_DONT_FAKE_MONOTONIC=1 "FAKETIME=$2")
    [ "$2" != +0s ] || clock=()
    "${clock[@]}" "$work/whmcs-auth-server" --listen "127.0.0.1:${server_port[$1]}" \
        --operator-listen "127.0.0.1:${operator_port[$1]}" \
        --database "mysql://root@localhost/whmcs?socket=$work/cluster-socket" --autoauth-key abcXYZ123 \
        --redis "redis://127.0.0.1:$redis_port" --installation cluster --one-time-links \
        --max-ahead "${ahead[$1]}" --max-failures 1000000 \
        >>"$work/server-$1.out" 2>>"$work/server-$1.log" &
    server_process[$1]=$!
    waits_for 20 curl -sf "http://127.0.0.1:${operator_port[$1]}/healthz"
}

stop_servers() {
    [ "${#server_process[@]}" != 0 ] || return 0
    kill "${server_process[@]}" 2>/dev/null
    wait "${server_process[@]}" 2>/dev/null
    return 0
}

start_servers() { # CLOCK...
    local number=0
    for clock in "$@"; do
        start_server "$((number += 1))" "$clock" || return 1
    done
    redis_remembers_for_long
    for number in 1 2 3; do
        waits_for 10 curl -sf "http://127.0.0.1:${operator_port[$number]}/readyz" || return 1
    done
}

cluster() { # COMMAND...
    "$work/whmcs-auth-cluster-check" "$@" \
        --server "http://127.0.0.1:${server_port[1]}" --server "http://127.0.0.1:${server_port[2]}" \
        --server "http://127.0.0.1:${server_port[3]}"
}

race_and_share() { cluster race --links 10000 && cluster share; }

# The control: a Redis of its own for each server, so that no server knows what the others accepted.
alone() {
    kill "${server_process[3]}" && wait "${server_process[3]}"
    "$work/whmcs-auth-server" --listen "127.0.0.1:${server_port[3]}" \
        --operator-listen "127.0.0.1:${operator_port[3]}" --one-time-links --max-failures 1000000 \
        --database "mysql://root@localhost/whmcs?socket=$work/cluster-socket" --autoauth-key abcXYZ123 \
        >/dev/null 2>&1 &
    server_process[3]=$!
    waits_for 20 curl -sf "http://127.0.0.1:${operator_port[3]}/healthz" || return 1
    # A server with a memory of its own refuses the links that are older than it is.
    fails_by '2 accepted a link' cluster race --links 100 --age -60
}

clocks_apart() {
    stop_servers
    # The first race may have used the same links a few seconds ago.
    redis flushall
    start_servers -30s +0s +30s && cluster race --links 10000 && cluster works
}

# A server whose clock differs from that of Redis by more than a minute accepts nothing, and says why.
clock_too_far() {
    stop_servers
    start_servers +0s +0s +0s && kill "${server_process[2]}" && wait "${server_process[2]}"
    start_server 2 -100s || return 1
    local status
    status=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:${operator_port[2]}/readyz")
    grep -m 1 'of this machine and of Redis are' "$work/server-2.log" && [ "$status" = 503 ]
}

# Whether the servers are not ready, say why, and work again by themselves. Links may be 120 s ahead, and clocks 60 s
# apart.
recovers() {
    waits_for 10 not_ready && waits_for 250 cluster works
}

not_ready() {
    curl -si "http://127.0.0.1:${operator_port[1]}/readyz" | tr -d '\r\n' |
        grep -i '503 .*retry-after: [0-9].*Redis remembers used links since'
}

# A little less memory than Redis uses, for two seconds.
evict_keys() {
    local used
    used=$(redis info memory | tr -d '\r' | sed -n 's/^used_memory://p')
    redis config set maxmemory-policy volatile-lru
    redis config set maxmemory $((used * 9 / 10))
    sleep 2
    redis config set maxmemory 0
    redis config set maxmemory-policy noeviction
    redis info stats | grep '^evicted_keys:[1-9]'
}

restart_redis() {
    kill -KILL "$redis_process"
    sleep 1
    start_redis
}

restart_a_server() {
    kill -KILL "${server_process[2]}"
    sleep 3
    start_server 2 +0s
}

# Each server has the --max-ahead of another. Meanwhile Redis loses what it knew of the old ones.
change_options() {
    stop_servers
    ahead=([1]=0 [2]=120 [3]=70)
    restart_redis || return 1
    for number in 1 2 3; do start_server "$number" +0s || return 1; done
}

# Starts servers that differ in --max-ahead, and sends links to them until the command has ended.
storm() { # LINKS COMMAND...
    stop_servers
    redis flushall
    ahead=([1]=120 [2]=70 [3]=0)
    start_servers +0s +0s +0s || return 1
    rm -f "$work/storm-ends"
    cluster storm --links "$1" --until "$work/storm-ends" >"$work/storm.out" 2>&1 &
    local storm=$! status=0
    sleep 10
    "${@:2}" || status=1
    touch "$work/storm-ends"
    wait "$storm" || status=1
    cat "$work/storm.out"
    return "$status"
}

troubles() {
    evict_keys && recovers && sleep 10 &&
        redis flushall && recovers && restart_a_server && sleep 10 &&
        restart_redis && recovers && sleep 10 &&
        change_options && recovers && sleep 10
}

# The control: a Redis that was emptied, and is made to say that it knows all links.
lie() {
    redis flushall
    for _ in {1..50}; do
        redis_remembers_for_long
        sleep 0.1
    done
}

lie_is_noticed() {
    ! storm 200 lie >"$work/lie.out" 2>&1 && grep -m 1 'a link was accepted 2 times' "$work/lie.out"
}

speed() {
    stop_servers
    ahead=([1]=60 [2]=60 [3]=60)
    start_servers +0s +0s +0s && cluster speed --seconds 5 ${CLUSTER_RECORD:+--record}
}

web_port=$(free_port)
site=http://127.0.0.1:$web_port
for number in 1 2 3; do server_port[$number]=$(free_port) operator_port[$number]=$(free_port); done
start_redis
start_mariadb

check 'cluster: 10,000 links are used once; sessions and tokens of one server work at the others' \
    eval 'start_servers +0s +0s +0s && race_and_share'
check 'the control: a server with a memory of its own is noticed' alone
check 'cluster: the same with clocks a minute apart' clocks_apart
check 'cluster: a clock that differs more is refused' clock_too_far
check 'cluster: 10,000 links through eviction, FLUSHALL, kills and changed options, each used at most once' \
    storm 10000 troubles
check 'the control: a Redis that lost its links and does not say so is noticed' lie_is_noticed
check 'cluster: links a second of one, two and three servers' speed

# The location of the documentation, in front of a bridge that asks these servers.
documented_location() {
    documented_locations 'ci\/deep cluster run this' | sed "s/127.0.0.1:8090/127.0.0.1:$1/"
}

bridge_behind_nginx() {
    stop_servers
    start_servers +0s +0s +0s || return 1
    local bridge_port bridge_operator
    bridge_port=$(free_port) bridge_operator=$(free_port)
    nginx_with "$work/nginx" "$site/" <<EOF
access_log $work/cluster-access.log;
upstream whmcs {
    server 127.0.0.1:${server_port[1]};
    server 127.0.0.1:${server_port[2]};
    server 127.0.0.1:${server_port[3]};
}
server {
    listen 127.0.0.1:$web_port;
    $(documented_location "$bridge_port")
    location / {
        proxy_pass http://whmcs;
    }
    location @whmcs {
        proxy_pass http://whmcs;
    }
}
EOF
    WHMCS_SECRET=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo WHMCS_AUTOAUTH_KEY=the-old-key \
        "$work/whmcs-auth-bridge" --listen "127.0.0.1:$bridge_port" --operator-listen "127.0.0.1:$bridge_operator" \
        --whmcs-url "http://127.0.0.1:${server_port[1]}" --public-url "$site" --trust-proxy 127.0.0.1 \
        --identifier D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv --one-time-links --redis "redis://127.0.0.1:$redis_port" \
        --installation cluster >"$work/cluster-bridge.out" 2>"$work/cluster-bridge.log" &
    local bridge=$!
    waits_for 10 curl -sf "http://127.0.0.1:$bridge_operator/readyz" || return 1
    local link answer
    link=$(php -r '$t = time() - 5; $m = "client6@example.com"; echo http_build_query(["email" => $m,
        "timestamp" => $t, "hash" => sha1($m . $t . "the-old-key"), "goto" => "clientarea.php"]);')
    answer=$(curl -sL -c "$work/cluster-cookies" -w ' %{http_code} %{num_redirects}' "$site/dologin.php?$link")
    echo "${answer: -6}"
    local again
    again=$(curl -s -o /dev/null -w '%{http_code}' "$site/dologin.php?$link")
    curl -s "http://127.0.0.1:$bridge_operator/metrics" | grep '^whmcs_auth_answers_total'
    kill "$bridge" "$nginx"
    wait "$bridge" "$nginx"
    [[ $answer == *client6@example.com*' 200 '* ]] && [ "$again" = 403 ] &&
        ! grep -q hash= "$work/cluster-access.log" "$work/cluster-bridge.log"
}

check 'cluster: the bridge behind the nginx of the documentation' bridge_behind_nginx
stop_servers
