# Visits the example server with Debian's Chromium, at the root of the site and in a folder, over SQLite.

# Starts the server on a free port, and sets `visited` to its address.
serve_pages() { # NAME KEY OPTION...
    local waited=0
    "$work/whmcs-auth-server" --listen 127.0.0.1:0 --database "sqlite:$work/$1.db" --autoauth-key "$2" \
        --one-time-links "${@:3}" >"$work/$1.out" 2>"$work/$1.log" &
    until [ -s "$work/$1.out" ]; do
        if ! kill -0 $! || [ "$((waited += 1))" -gt 600 ]; then
            cat "$work/$1.log"
            exit 1
        fi
        sleep 0.1
    done
    visited=$(sed -n 's/^listening on //p;q' "$work/$1.out")
}

browse() { NODE_PATH=$work/browser/node_modules node checks/browser/browser.js "$@"; }

needs node nodejs
needs npm npm
needs chromium chromium
mkdir "$work/browser"
cp checks/browser/package.json checks/browser/package-lock.json "$work/browser"
npm ci --prefix "$work/browser" --silent
cargo build -q --release --locked -p whmcs-auth-server
cp "${CARGO_TARGET_DIR:-target}/release/whmcs-auth-server" "$work"

serve_pages root-pages abcXYZ123
check "pages at the root of the site (Chromium)" browse "$visited"
serve_pages folder-pages abcXYZ123 --base-path /billing/whmcs
check "pages in a folder (Chromium)" browse "$visited"
serve_pages other-pages another-key
check "control: a visit fails without the key of the link" \
    fails_by "403 !== 200" browse "$visited"
check "control: the goto table fails at a service that redirects anywhere" \
    fails_by "left the site" browse --weak
