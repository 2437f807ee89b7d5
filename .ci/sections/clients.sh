# Public WHMCS clients, and PHP, against the service: over SQLite, and over MariaDB.

waited=0

# A moment more, for a process that lives, and not for ever.
still_waits() { # PID LOG
    if ! kill -0 "$1" || [ "$((waited += 1))" -gt 600 ]; then
        cat "$2"
        exit 1
    fi
    sleep 0.1
}

# The service on a free port; `served` is its address.
serve() { # NAME OPTION...
    "$work/whmcs-auth-server" --listen 127.0.0.1:0 --allow-get --max-failures 1000 \
        "${@:2}" >"$work/$1.out" 2>"$work/$1.log" &
    until [ -s "$work/$1.out" ]; do
        still_waits $! "$work/$1.log"
    done
    served=$(sed -n 's/^listening on //p;q' "$work/$1.out")
}

# Three services: an open one, one that lists no address of this machine and so wants the access key, and
# one with another AutoAuth key.
clients() { # NAME DATABASE
    serve "$1" --database "$2" --autoauth-key abcXYZ123
    local open=$served
    serve "$1-guarded" --database "$2" --allow-ip 203.0.113.7 --access-key 'key#1+2'
    local guarded=$served
    serve "$1-other" --database "$2" --autoauth-key another-key
    local other=$served
    check "$1: whmcspy and whmcs-api-client (Python)" python_clients "$open" "$guarded"
    check "$1: whmcs, whmcs-api and whmcs-js (Node)" node_clients "$open" "$guarded"
    check "$1: whmcs (Rust)" "$work/whmcs-rust-client" "$open" "$guarded"
    check "$1: PHP's curl, an array of fields" php .ci/clients/multipart.php "$open"
    check "$1: AutoAuth as the vendor describes it (PHP)" php .ci/clients/autoauth.php "$open"
    check "$1: the control: with another service each of them fails" \
        fails_with_another_service "$open" "$guarded" "$other"
    last_open=$open
}

python_clients() { "$work/venv/bin/python" .ci/clients/clients.py "$@"; }

node_clients() { NODE_PATH=$work/node/node_modules node .ci/clients/clients.js "$@"; }

# By what the client was told, and not for want of a service.
fails_with_another_service() { # OPEN GUARDED OTHER
    local invalid='Invalid IP 127.0.0.1'
    fails_by "$invalid" python_clients "$2" "$1" && fails_by "$invalid" node_clients "$2" "$1" &&
        fails_by "$invalid" "$work/whmcs-rust-client" "$2" "$1" &&
        fails_by "$invalid" php .ci/clients/multipart.php "$2" &&
        fails_by '0 => 403' php .ci/clients/autoauth.php "$3"
}

sql() { mariadb --no-defaults --user=root --socket="$work/socket" "$@"; }

mariadb_with_the_tables() {
    mariadb-install-db --no-defaults --datadir="$work/mariadb" --user=root \
        --auth-root-authentication-method=normal >"$work/mariadb.log"
    mariadbd --no-defaults --user=root --datadir="$work/mariadb" --socket="$work/socket" \
        --skip-networking 2>>"$work/mariadb.log" &
    mariadbd=$!
    until sql -e 'CREATE DATABASE whmcs' 2>>"$work/mariadb.log"; do
        still_waits "$mariadbd" "$work/mariadb.log"
    done
    sql whmcs <.ci/mariadb/tables.sql
    php .ci/mariadb/secrets.php | sql whmcs
}

# Without this the look-alike may have been refused as unknown, which would not test the comparison.
look_alike_was_found() {
    curl -sf "$last_open/metrics" | grep -x 'whmcs_auth_answers_total{endpoint="dologin",code="account_email_mismatch"} 1'
}

pair='identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'

is_unavailable() { # FIELDS
    local answer
    answer=$(curl -s -w ' %{http_code}' -d "action=GetClients&$1" "$last_open/includes/api.php")
    echo "$answer"
    [ "$answer" = 'result=error;message=Service Unavailable 503' ]
}

# The names cannot be joined any more, whatever is searched for. That is not an empty list.
columns_that_do_not_go_together() {
    sql whmcs -e "ALTER TABLE tblclients MODIFY lastname TEXT CHARACTER SET utf8mb3 NOT NULL"
    is_unavailable "search=demo&$pair"
}

nobody_is_let_in_without_a_database() {
    kill -KILL "$mariadbd"
    is_unavailable "$pair" && is_unavailable 'identifier=x&secret=y' &&
        is_unavailable 'username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99'
}

needs node nodejs
needs npm npm
needs curl curl
needs php php-cli
php -m | grep -qx curl || install php-curl
needs mariadbd mariadb-server
python_packages .ci/clients/requirements.txt
mkdir "$work/node"
cp .ci/clients/package.json .ci/clients/package-lock.json "$work/node"
npm ci --prefix "$work/node" --silent
built=${CARGO_TARGET_DIR:-target}
cargo build -q --locked --manifest-path .ci/clients/rust/Cargo.toml --target-dir "$built/rust-client"
cargo build -q --release --locked -p whmcs-auth-server
cp "$built/release/whmcs-auth-server" "$built/rust-client/debug/whmcs-rust-client" "$work"
mariadb_with_the_tables

clients SQLite "sqlite:$work/whmcs.db"
clients MariaDB "mysql://root@localhost/whmcs?socket=$work/socket"
check 'MariaDB: the look-alike was found by the collation, and refused' look_alike_was_found
check 'MariaDB: columns that do not go together are a failure' columns_that_do_not_go_together
check 'MariaDB: when it is gone, nobody is let in' nobody_is_let_in_without_a_database
