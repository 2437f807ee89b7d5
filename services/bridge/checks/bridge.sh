# The bridge behind nginx as docs/migrating-from-autoauth.md says, with a real PHP in place of WHMCS: old links reach the
# bridge, and everything else reaches PHP as it was sent.

needs nginx nginx-light
needs php-cgi php-cgi
needs curl curl

php_port=$(free_port)
web_port=$(free_port)
bridge_port=$(free_port)
operator_port=$(free_port)
site=http://127.0.0.1:$web_port
link='email=a%40b.example&timestamp=1700000000&hash=0123456789012345678901234567890123456789'

locations() {
    documented_locations 'ci\/deep cluster run this' && documented_locations 'ci\/deep bridge runs this'
}

# nginx with the locations, each changed by sed: at the root, and in the folder /whmcs.
web() { # CHANGE
    [ -z "${nginx:-}" ] || { kill "$nginx" && wait "$nginx"; }
    locations | sed -e "s/127.0.0.1:8090/127.0.0.1:$bridge_port/" -e "s#unix:/run/php/php-fpm.sock#127.0.0.1:$php_port#" \
        -e 's#include fastcgi_params#include /etc/nginx/fastcgi_params#' -e "$1" >"$work/locations"
    nginx_with "$work/nginx" "$site/" <<EOF
access_log $work/nginx-access.log;
server {
    listen 127.0.0.1:$web_port;
    root $work/php;
    include $work/locations;
}
EOF
}

counted() { # CODE
    curl -s "http://127.0.0.1:$operator_port/metrics" |
        sed -n "s/^whmcs_auth_answers_total{endpoint=\"dologin\",code=\"$1\"} //p"
}

# What is sent, and what PHP has of it.
reaches_php() { # EXPECTED CURL_ARGUMENT...
    local answer
    answer=$(curl -s "${@:2}")
    echo "${answer:0:100}"
    [ "$answer" = "$1" ]
}

# An old link, also with a mistake in its names, gets the page of the bridge.
reaches_the_bridge() { # CODE QUERY
    local before status
    before=$(counted "$1")
    status=$(curl -s -o "$work/page" -w '%{http_code}' "$site$folder/dologin.php?$2")
    echo "$status $(counted "$1")"
    [ "$status" = 403 ] && [ "$(counted "$1")" = $((${before:-0} + 1)) ] &&
        ! grep -F "\"GET $folder/dologin.php?$2" "$work/nginx-access.log"
}

# Login forms, and whatever else WHMCS's page takes.
everything() {
    local large
    large=$(head -c 100000 /dev/zero | tr '\0' x)
    echo "password=$large" >"$work/large"
    reaches_php "POST $folder/dologin.php  username=a%40b.example&password=p%26w" \
        -d username=a@b.example --data-urlencode 'password=p&w' "$site$folder/dologin.php" &&
        reaches_php "POST $folder/dologin.php $link username=u" -d username=u "$site$folder/dologin.php?$link" &&
        reaches_php "POST $folder/dologin.php  password=$large" -d "@$work/large" "$site$folder/dologin.php" &&
        reaches_php "GET $folder/dologin.php language=german " "$site$folder/dologin.php?language=german" &&
        reaches_php "GET $folder/dologin.php  " "$site$folder/dologin.php" &&
        reaches_the_bridge hash_mismatch "$link" &&
        reaches_the_bridge missing_field "${link/hash=/HASH=}" &&
        reaches_the_bridge missing_field "${link//&/&amp;}" &&
        [ -z "$(counted passed_on)" ]
}

# Without the rule, a form reaches the bridge. It sends the form to nginx, which sends it back. Then it ends.
whole_page() {
    web '/error_page/d; /return 418/d'
    folder=
    local answer
    answer=$(curl -s -o "$work/page" -w '%{http_code} %{num_redirects}' -L -d password=secret-marker "$site/dologin.php")
    echo "$answer"
    [ "$answer" = '405 1' ] && [ "$(counted passed_on)" = 1 ] && [ "$(counted method_not_allowed)" = 1 ] &&
        ! grep secret-marker "$work/bridge.log" && fails_by 'POST' reaches_php_at_last
}

# The control: the same request does not reach PHP.
reaches_php_at_last() {
    echo POST
    reaches_php 'POST /dologin.php  password=p' -d password=p "$site/dologin.php"
}

# A bridge that has a host of its own: the browser repeats the form at WHMCS.
other_host() {
    web ''
    reaches_php 'POST /dologin.php a=b&passed_on=1 password=p' -L -d password=p "http://127.0.0.1:$bridge_port/dologin.php?a=b"
}

mkdir -p "$work/php/whmcs"
cp services/bridge/checks/php/dologin.php "$work/php"
cp services/bridge/checks/php/dologin.php "$work/php/whmcs"
release_build whmcs-auth-bridge
php-cgi -b "127.0.0.1:$php_port" >"$work/php.log" 2>&1 &
WHMCS_SECRET=x WHMCS_AUTOAUTH_KEY=the-old-key "$work/whmcs-auth-bridge" --listen "127.0.0.1:$bridge_port" \
    --operator-listen "127.0.0.1:$operator_port" --whmcs-url "$site" --identifier x --one-time-links \
    --trust-proxy 127.0.0.1 >"$work/bridge.out" 2>"$work/bridge.log" &
bridge=$!
until curl -sf -o "$work/first" "http://127.0.0.1:$operator_port/healthz"; do
    still_waits "$bridge" "$work/bridge.log"
done

folder=
web ''
check 'bridge: old links reach the bridge, and login forms reach PHP' everything
folder=/whmcs
web 's#= /dologin.php#= /whmcs/dologin.php#; s#\(proxy_pass .*\);#\1/dologin.php;#'
check 'bridge: the same for a WHMCS in a folder' everything
check 'bridge: the control: a form that nginx sends to the bridge ends there' whole_page
check 'bridge: a bridge with a host of its own sends forms to WHMCS' other_host
kill "$nginx" "$bridge"
wait "$nginx" "$bridge" || true
