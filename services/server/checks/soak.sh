# Runs the server under mixed traffic, with faults, over SQLite and over MariaDB. SOAK_SECONDS is the time
# for both.

seconds=$((${SOAK_SECONDS:-600} / 2))

soak() { # DATABASE SECONDS [--shift SHIFT]
    "$work/venv/bin/python" services/server/checks/soak/soak.py "$work/whmcs-auth-server" "$@"
}

needs php php-cli
needs mariadbd mariadb-server
python_packages services/server/checks/soak/requirements.txt
release_build whmcs-auth-server

check 'SQLite: right answers under traffic and faults' soak sqlite "$seconds"
check 'MariaDB: right answers under traffic and faults' soak mariadb "$seconds"
for control in \
    'secret:wrong answer: a refused call' \
    'once:wrong answer: a used ' \
    'calm:: 503 ' \
    'log:a secret or a panic in the log' \
    'memory:the memory grows from' \
    'metrics:accepted of dologin'; do
    shift=${control%%:*}
    check "control: the check is wrong about: $shift" \
        fails_by "${control#*:}" soak sqlite 24 --shift "$shift"
done
