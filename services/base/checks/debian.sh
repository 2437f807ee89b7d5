# Makes the Debian packages of the server and the bridge, and installs, configures, uses, upgrades and removes them in a
# bare Debian. systemd runs there as on a machine: units that are skipped, sockets, credentials and users are its own.

root=$work/root
cgroup=whmcs-auth-debian-$$
names=(whmcs-auth-bridge whmcs-auth-server)
key=abcXYZ123

needs debootstrap debootstrap
needs systemd-nspawn systemd-container
needs nsenter util-linux
needs pgrep procps
needs dpkg-shlibdeps dpkg-dev
needs curl curl
tool cargo-deb 3.8.0

# The unified hierarchy of cgroups is not mounted on each machine.
cgroups='set -e; mount -t cgroup2 cgroup2 /sys/fs/cgroup'

# Starts systemd in the bare Debian, with a network of its own that has only the loopback address.
boot() {
    unshare --mount bash -c "$cgroups"'
        mkdir "/sys/fs/cgroup/$2"
        echo $$ >"/sys/fs/cgroup/$2/cgroup.procs"
        exec env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot --directory="$1" --private-network \
            --register=no --keep-unit --console=pipe' - "$root" "$cgroup" </dev/null >>"$work/boot" 2>&1 &
    nspawn=$!
    waited=0
    until init=$(pgrep -P "$nspawn" systemd) && inside systemctl is-system-running --quiet 2>/dev/null; do
        still_waits "$nspawn" "$work/boot"
    done
}

shut_down() {
    kill -s RTMIN+4 "$init"
    wait "$nspawn"
    unshare --mount bash -c "$cgroups; find /sys/fs/cgroup/$cgroup -depth -type d -delete"
}

# Runs a command in the bare Debian.
inside() {
    nsenter --target="$init" --mount --uts --ipc --net --pid --cgroup --root --wd \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

# The bare Debian has no curl.
visit() { nsenter --target="$init" --net curl -s --max-time 60 --noproxy '*' "$@"; }

# A copy of a package that a command has changed, as NAME-VARIANT.deb.
changed() { # NAME VARIANT COMMAND...
    dpkg-deb -R "$root/srv/$1-1.deb" "$work/changed"
    (cd "$work/changed" && "${@:3}")
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/changed" "$root/srv/$1-$2.deb" >/dev/null
    rm -r "$work/changed"
}

# Without the certificates that are recommended: nothing can be fetched, and nothing here has TLS.
install_packages() { inside apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
purge_packages() { inside apt-get purge -y -qq "$@" >/dev/null; }

depends_on_little() { # FILE
    local depends
    depends=$(dpkg-deb -f "$1" Depends | sed 's/ ([^)]*)//g')
    echo "$depends"
    [ -z "$(tr -d ' ' <<<"$depends" | tr , '\n' | grep -vxE 'libc6|libgcc-s1|passwd')" ]
}

# Links between the documents of a package lead somewhere.
documents_are_linked() { # NAME
    local dead
    dead=$(find "$root/usr/share/doc/$1" -name '*.md' | while read -r file; do
        grep -oE '\]\([^):#]+' "$file" | while read -r link; do
            [ -e "${file%/*}/${link#](}" ] || echo "$file: ${link#](}"
        done
    done) || true
    echo "$dead"
    [ -z "$dead" ]
}

# Everything that a package could leave. The logs, the caches, and what apt and dpkg know, are theirs.
everything() {
    (cd "$root" && find . -xdev \( -path ./srv -o -path ./run -o -path ./tmp -o -path ./var/log -o -path ./var/cache \
        -o -path ./var/tmp -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path './etc/*-' \) -prune -o -printf '%p %m %u %g\n' | sort)
    cat "$root"/etc/passwd "$root"/etc/group "$root"/etc/shadow "$root"/etc/gshadow
}

purge_leaves_nothing() { # NAME...
    purge_packages "$@" && everything | diff "$work/bare" -
}

waits_for_its_secrets() { # NAME
    local unit
    inside systemctl start "$1.socket"
    if inside systemctl start "$1.service"; then
        echo "$1.service started without its secrets" && return 1
    fi
    for unit in "$1.socket" "$1.service"; do
        if inside systemctl is-active --quiet "$unit"; then
            echo "$unit started without its secrets" && return 1
        fi
        inside systemctl is-enabled --quiet "$unit" || return
    done
}

modes() { (cd "$root/etc" && chroot "$root" bash -c 'cd /etc && stat -c "%a %U:%G %n" whmcs-auth-*/*'); }

has_these_modes() {
    modes | diff - <(
        cat <<'MODES'
640 root:whmcs-auth-bridge whmcs-auth-bridge/api-secret
640 root:whmcs-auth-bridge whmcs-auth-bridge/autoauth-keys
600 root:root whmcs-auth-bridge/bridge.conf
640 root:whmcs-auth-server whmcs-auth-server/access-key
644 root:root whmcs-auth-server/allowed
640 root:whmcs-auth-server whmcs-auth-server/autoauth-keys
600 root:root whmcs-auth-server/database-url
600 root:root whmcs-auth-server/server.conf
MODES
    )
}

# As an operator does it. The server is WHMCS, without a proxy, with its demo data and without a key: WHMCS 8.1 has none.
configure() {
    local etc=$root/etc
    echo sqlite:/var/lib/whmcs-auth-server/demo.db >"$etc/whmcs-auth-server/database-url"
    echo 127.0.0.1 >>"$etc/whmcs-auth-server/allowed"
    sed -i 's/^OPTIONS=.*/OPTIONS=/' "$etc/whmcs-auth-server/server.conf"
    echo F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo >"$etc/whmcs-auth-bridge/api-secret"
    echo $key >"$etc/whmcs-auth-bridge/autoauth-keys"
    sed -i -e 's,^#WHMCS_URL=.*,WHMCS_URL=http://127.0.0.1:8080/,' \
        -e 's,^#WHMCS_IDENTIFIER=.*,WHMCS_IDENTIFIER=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv,' \
        "$etc/whmcs-auth-bridge/bridge.conf"
}

answers_a_call() {
    local pair='identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo'
    visit -d "action=GetClients&limitnum=0&$pair" http://127.0.0.1:8080/includes/api.php >"$work/answer"
    cat "$work/answer" && echo && grep -q '^result=success;' "$work/answer"
}

# An old link leads into the client area.
logs_in() {
    local now hash
    # A link must be made after the start of the bridge.
    now=$(($(date +%s) + 1))
    hash=$(printf %s "demo@whmcs.com$now$key" | sha1sum | cut -d ' ' -f 1)
    rm -f "$work/cookies"
    visit -L -c "$work/cookies" -b "$work/cookies" -w '\n%{num_redirects} %{url_effective}\n' \
        "http://127.0.0.1:8090/dologin.php?email=demo%40whmcs.com&timestamp=$now&hash=$hash" >"$work/page"
    tail -1 "$work/page"
    [ "$(tail -1 "$work/page")" = '2 http://127.0.0.1:8080/clientarea.php' ] && grep -q 'demo@whmcs.com' "$work/page"
}

works() {
    answers_a_call && logs_in || { inside journalctl --no-pager --lines=20 --output=cat && return 1; }
}

works_without_privileges() {
    local name process
    for name in "${names[@]}"; do
        process=$(inside systemctl show -P MainPID "$name")
        inside cat "/proc/$process/status" | grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' | tee "$work/status"
        grep -Pq "^Uid:\t$(chroot "$root" id -u "$name")\t" "$work/status" &&
            [ "$(grep -Pc '^Cap...:\t0+$|^NoNewPrivs:\t1$|^Seccomp:\t2$' "$work/status")" = 4 ] || return
    done
}

# The old key goes, and a new one comes.
reloads() {
    key=rotated
    echo $key >"$root/etc/whmcs-auth-bridge/autoauth-keys"
    inside systemctl reload "${names[@]}" || return
    waited=0
    until [ "$(inside journalctl --output=cat | grep -c 'read addresses and keys anew')" = 2 ]; do
        still_waits "$nspawn" "$work/boot"
    done
    works
}

starts() { inside systemctl start "${names[@]}" && works && works_without_privileges; }

configuration() { modes && cat "$root"/etc/whmcs-auth-*/*; }
since() { inside systemctl show -P ActiveEnterTimestampMonotonic "$@"; }

# The configuration stays, a new process runs, and the sockets were open all the time.
upgrades() {
    local configured opened started
    configured=$(configuration) opened=$(since "${names[@]/%/.socket}") started=$(since "${names[@]}")
    install_packages /srv/whmcs-auth-{bridge,server}-2.deb || return
    inside dpkg-query -W "${names[@]}" | tee "$work/versions"
    [ "$(grep -c -- '-2$' "$work/versions")" = 2 ] && [ "$(configuration)" = "$configured" ] &&
        [ "$(since "${names[@]/%/.socket}")" = "$opened" ] &&
        ! since "${names[@]}" | grep . | grep -Fx "$started" && works
}

starts_with_the_machine() {
    shut_down && boot && works
}

# Without the packages nothing runs, and the operator's files wait for their return.
removes() {
    inside apt-get remove -y -qq "${names[@]}" >/dev/null &&
        ! inside systemctl is-active "${names[@]}" "${names[@]/%/.socket}" &&
        [ -s "$root/etc/whmcs-auth-bridge/api-secret" ] &&
        install_packages /srv/whmcs-auth-{bridge,server}-2.deb && starts
}

step 'a bare Debian'
debootstrap --variant=minbase --include=systemd,systemd-sysv "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" >"$work/boot"
# No timer of Debian changes a file, or holds the lock of dpkg.
rm -r "$root/etc/systemd/system/timers.target.wants"
boot
everything >"$work/bare"
for name in "${names[@]}"; do
    cargo deb -q -p "$name" --locked -o "$root/srv/$name-1.deb"
    changed "$name" 2 sed -i '/^Version:/s/-1$/-2/' DEBIAN/control
done

check 'debian: the bridge needs glibc alone' depends_on_little "$root/srv/whmcs-auth-bridge-1.deb"
check 'debian: the server needs glibc alone' depends_on_little "$root/srv/whmcs-auth-server-1.deb"
changed whmcs-auth-bridge openssl sed -i 's/^Depends: /&libssl3, /' DEBIAN/control
check 'debian: control: a bridge that needs OpenSSL' fails_by libssl3 depends_on_little "$root/srv/whmcs-auth-bridge-openssl.deb"

changed whmcs-auth-bridge keeps-user sed -i 's/userdel/: userdel/' DEBIAN/postrm
install_packages /srv/whmcs-auth-bridge-keeps-user.deb
check 'debian: control: a package that leaves its user' fails_by '> whmcs-auth-bridge:' purge_leaves_nothing whmcs-auth-bridge
inside userdel whmcs-auth-bridge
for unit in whmcs-auth-bridge.socket whmcs-auth-bridge.service; do
    changed whmcs-auth-bridge eager sed -i '/FileNotEmpty/d' "usr/lib/systemd/system/$unit"
    install_packages /srv/whmcs-auth-bridge-eager.deb
    check "debian: control: a $unit that does not wait" \
        fails_by "$unit started without its secrets" waits_for_its_secrets whmcs-auth-bridge
    purge_packages whmcs-auth-bridge
done

check 'debian: both are installed' install_packages /srv/whmcs-auth-{bridge,server}-1.deb
for name in "${names[@]}"; do
    check "debian: $name waits for its secrets" waits_for_its_secrets "$name"
    check "debian: links in the documents of $name" documents_are_linked "$name"
done
check 'debian: the files in /etc have the right modes' has_these_modes
configure
check 'debian: an API call and an old link work after the configuration' starts
check 'debian: a reload reads a new key' reloads
check 'debian: an upgrade keeps the configuration, and restarts' upgrades
check 'debian: both start with the machine' starts_with_the_machine
check 'debian: removed and installed again' removes
check 'debian: a purge leaves nothing' purge_leaves_nothing "${names[@]}"
shut_down
