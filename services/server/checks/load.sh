# Runs the server under load and beside floods of wrong secrets, and over a MariaDB that is locked, silent or
# down.

waits_for_longer() { fails_by 'a locked table: not all calls' database_fails 9; }

database_fails() { python3 services/server/checks/load/database.py "$work/whmcs-auth-server" "$work/server.log" "$@"; }

without_cache() {
    fails_by 'the cache is far from an API without authentication' \
        python3 services/server/checks/load/run.py --seconds 3 --check --without-cache
}

bodies_take() {
    python3 services/server/checks/load/bodies.py "$work/whmcs-auth-server" --most 300 "$@"
}

bodies_without_limit() { fails_by 'the server took' bodies_take --max-bodies 4096; }

needs wrk wrk
needs mariadbd mariadb-server
release_build whmcs-auth-server

check 'a database that is locked, silent or down' database_fails
check 'control: queries that wait for longer' waits_for_longer
check 'large bodies at once' bodies_take
check 'control: no limit of all bodies' bodies_without_limit
check 'load and floods' python3 services/server/checks/load/run.py --seconds 3 --check
check 'control: a server without cache' without_cache
