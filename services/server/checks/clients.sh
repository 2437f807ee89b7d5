# Runs public clients of the WHMCS API, and PHP, against the server: once over SQLite and once over
# MariaDB with the tables of WHMCS.

serve() { # NAME OPTION...
    example_server "$1" --allow-get --max-failures 1000 "${@:2}"
}

# Writes a file that only this user can read.
secret() { # FILE TEXT
    (umask 077 && printf '%s\n' "$2" >"$1")
}

# Three servers: an open one; one that lists no address of this machine, so a call needs the access key; and one
# with another AutoAuth key.
clients() { # NAME DATABASE
    secret "$work/$1.url" "$2"
    serve "$1" --database-url-file "$work/$1.url" --autoauth-key abcXYZ123
    local open=$served open_operated=$operated
    serve "$1-guarded" --database-url-file "$work/$1.url" --allow-ip 203.0.113.7 --access-key 'key#1+2'
    local guarded=$served
    serve "$1-other" --database-url-file "$work/$1.url" --autoauth-key another-key
    local other=$served
    check "$1: whmcspy and whmcs-api-client (Python)" python_clients "$open" "$guarded"
    check "$1: whmcs, whmcs-api and whmcs-js (Node)" node_clients "$open" "$guarded"
    check "$1: whmcs (Rust)" "$work/whmcs-rust-client" "$open" "$guarded"
    check "$1: PHP's curl, an array of fields" php services/server/checks/clients/multipart.php "$open"
    check "$1: AutoAuth as the vendor describes it (PHP)" php services/server/checks/clients/autoauth.php "$open"
    check "$1: PHP's curl and streams, Node's fetch and axios, Python's requests" \
        own_code "$2"
    check "$1: control: each client fails at the wrong server" \
        fails_at_the_wrong_server "$2" "$open" "$guarded" "$other"
    last_open=$open last_operated=$open_operated
}

python_clients() { "$work/venv/bin/python" services/server/checks/clients/clients.py "$@"; }

node_clients() { NODE_PATH=$work/node/node_modules node services/server/checks/clients/clients.js "$@"; }

own_code() { # DATABASE [OPTION...]
    NODE_PATH=$work/node/node_modules "$work/venv/bin/python" services/server/checks/clients/code/calls.py \
        "$work/whmcs-auth-server" "$@"
}

# The server must answer, and refuse.
fails_at_the_wrong_server() { # DATABASE OPEN GUARDED OTHER
    local invalid='Invalid IP 127.0.0.1'
    fails_by "$invalid" python_clients "$3" "$2" && fails_by "$invalid" node_clients "$3" "$2" &&
        fails_by "$invalid" "$work/whmcs-rust-client" "$3" "$2" &&
        fails_by "$invalid" php services/server/checks/clients/multipart.php "$3" &&
        fails_by '0 => 403' php services/server/checks/clients/autoauth.php "$4" &&
        fails_by "$invalid" own_code "$1" --allow-ip 203.0.113.7
}

sql() { mariadb_at mariadb "$@"; }

mariadb_with_the_tables() {
    whmcs_mariadb mariadb
    # From here on the service has the smallest grants, and a password that a URL must encode.
    sql -e "CREATE USER whmcs_auth@localhost IDENTIFIED BY 'p@ss/w:rd%'"
    sql -e "CREATE USER whmcs_auth_maker@localhost IDENTIFIED BY 'maker'"
    sql whmcs <services/server/deploy/grants.sql
}

# Otherwise the account was not found, and the comparison of e-mails was not tested.
look_alike_was_found() {
    curl -sf "$last_operated/metrics" | grep -x 'whmcs_auth_answers_total{endpoint="dologin",code="account_email_mismatch"} 1'
}

pair='identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'

call() { # BASE FIELDS
    curl -s -d "action=GetClients&limitnum=0&$2" "$1/includes/api.php"
}

# The credential is made by a user who can read no secret. The service accepts it.
made_credential_works() {
    local made answer
    secret "$work/maker.url" "mysql://whmcs_auth_maker:maker@localhost/whmcs?socket=$work/mariadb-socket"
    made=$("$work/whmcs-auth-server" make-credential --database-url-file "$work/maker.url" \
        --admin admin --role Reader | sed 's/: /=/') || return
    answer=$(call "$last_open" "$(paste -sd '&' <<<"$made")")
    echo "$answer"
    grep -q '^result=success;' <<<"$answer"
}

is_unavailable() { # FIELDS
    local answer
    answer=$(curl -s -w ' %{http_code}' -d "action=GetClients&$1" "$last_open/includes/api.php")
    echo "$answer"
    [ "$answer" = 'result=error;message=Service Unavailable 503' ]
}

# With two collations the names can no longer be joined. The server must not answer with an empty list.
mixed_collations() {
    sql whmcs -e "ALTER TABLE tblclients MODIFY lastname TEXT CHARACTER SET utf8mb3 NOT NULL"
    is_unavailable "search=demo&$pair"
}

database_is_down() {
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
python_packages services/server/checks/clients/requirements.txt
mkdir "$work/node"
cp services/server/checks/clients/package.json services/server/checks/clients/package-lock.json "$work/node"
npm ci --prefix "$work/node" --silent
built=${CARGO_TARGET_DIR:-target}
cargo build -q --locked --manifest-path services/server/checks/clients/rust/Cargo.toml --target-dir "$built/rust-client"
cp "$built/rust-client/debug/whmcs-rust-client" "$work"
release_build whmcs-auth-server
mariadb_with_the_tables

clients SQLite "sqlite:$work/whmcs.db"
clients MariaDB "mysql://whmcs_auth:p%40ss%2Fw%3Ard%25@localhost/whmcs?socket=$work/mariadb-socket"
check 'MariaDB: a look-alike account was found and refused' look_alike_was_found
check 'MariaDB: make-credential, with the smallest grants' made_credential_works
check 'MariaDB: a failed query is an error' mixed_collations
check 'MariaDB: without the database, every call is refused' database_is_down
