# Visits the server and the bridge with Debian's Chromium, at the root of the site and in a folder, over SQLite.

serve_pages() { # NAME KEY OPTION...
    example_server "$1" --database "sqlite:$work/$1.db" --autoauth-key "$2" --one-time-links "${@:3}"
}

browse() { NODE_PATH=$work/browser/node_modules node services/server/checks/browser/browser.js "$@"; }

needs node nodejs
needs npm npm
needs chromium chromium
mkdir "$work/browser"
cp services/server/checks/browser/package.json services/server/checks/browser/package-lock.json "$work/browser"
npm ci --prefix "$work/browser" --silent
release_build whmcs-auth-server whmcs-auth-bridge

serve_pages root-pages abcXYZ123
check "pages at the root of the site (Chromium)" browse "$served"
serve_pages folder-pages abcXYZ123 --base-path /billing/whmcs
check "pages in a folder (Chromium)" browse "$served"
waited=0
"$work/whmcs-auth-bridge" --listen 127.0.0.1:0 --operator-listen 127.0.0.1:0 --autoauth-key abcXYZ123 \
    --whmcs-url http://127.0.0.1:9 --identifier x --secret x >"$work/pages-bridge.out" 2>"$work/pages-bridge.log" &
until [ -s "$work/pages-bridge.out" ]; do still_waits $! "$work/pages-bridge.log"; done
check "pages of the bridge (Chromium)" browse --bridge "$(sed -n 's/^listening on //p' "$work/pages-bridge.out")"
serve_pages other-pages another-key
check "control: a visit fails without the key of the link" \
    fails_by "403 !== 200" browse "$served"
check "control: the goto table fails at a service that redirects anywhere" \
    fails_by "left the site" browse --weak
