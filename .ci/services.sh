# Sourced by .ci/deep: the services that several sections start. They end with the run.

waited=0

# Waits a little, as long as the process runs. Gives up after a minute.
still_waits() { # PID LOG
    if ! kill -0 "$1" || [ "$((waited += 1))" -gt 600 ]; then
        cat "$2"
        exit 1
    fi
    sleep 0.1
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Builds programs of the workspace, and copies them to $work.
release_build() { # PACKAGE...
    local package packages=()
    for package in "$@"; do packages+=(-p "$package"); done
    cargo build -q --release --locked "${packages[@]}"
    for package in "$@"; do
        cp --remove-destination "${CARGO_TARGET_DIR:-target}/release/$package" "$work"
    done
}

# Starts the server on free ports, and sets `served` and `operated` to its addresses.
example_server() { # NAME OPTION...
    waited=0
    "$work/whmcs-auth-server" --listen 127.0.0.1:0 --operator-listen 127.0.0.1:0 "${@:2}" >"$work/$1.out" 2>"$work/$1.log" &
    until [ -s "$work/$1.out" ]; do
        still_waits $! "$work/$1.log"
    done
    served=$(sed -n 's/^listening on //p' "$work/$1.out")
    operated=$(sed -n 's/^listening for the operator on //p' "$work/$1.out")
}

mariadb_at() { # NAME ARGUMENT...
    mariadb --no-defaults --user=root --socket="$work/$1-socket" "${@:2}"
}

# Starts MariaDB with the tables of WHMCS in the database whmcs, and sets `mariadbd` to its process.
whmcs_mariadb() { # NAME
    waited=0
    mariadb-install-db --no-defaults --datadir="$work/$1" --user=root --auth-root-authentication-method=normal \
        >"$work/$1.log"
    mariadbd --no-defaults --user=root --datadir="$work/$1" --socket="$work/$1-socket" --skip-networking \
        2>>"$work/$1.log" &
    mariadbd=$!
    until mariadb_at "$1" -e 'CREATE DATABASE whmcs' 2>>"$work/$1.log"; do
        still_waits "$mariadbd" "$work/$1.log"
    done
    mariadb_at "$1" whmcs <services/server/deploy/schema.sql
    mariadb_at "$1" whmcs <services/server/checks/clients/mariadb/rows.sql
    php services/server/checks/clients/mariadb/secrets.php | mariadb_at "$1" whmcs
}

# Starts nginx with the inside of `http` from standard input, and sets `nginx` to its process. It answers at the URL.
nginx_with() { # FOLDER URL
    mkdir -p "$1"
    {
        printf '%s\n' 'user root;' 'worker_processes 1;' "pid $1/pid;" "error_log $1/error.log;" 'events {}' 'http {' \
            "client_body_temp_path $1/body; proxy_temp_path $1/proxy; fastcgi_temp_path $1/f;" \
            "uwsgi_temp_path $1/u; scgi_temp_path $1/s;"
        cat
        echo '}'
    } >"$1/nginx.conf"
    nginx -p "$1" -c "$1/nginx.conf" -g 'daemon off;' &
    nginx=$!
    waited=0
    until curl -s -o "$work/first" "$2"; do
        still_waits "$nginx" "$1/error.log"
    done
}

# The locations of the guide, in the block after this line.
documented_locations() { # LINE
    sed -n "/$1/,/^\`\`\`\$/p" docs/migrating-from-autoauth.md | sed -n '/^location/,/^}/p'
}
