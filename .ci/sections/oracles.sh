# What others wrote says the same: Node, Django and the URL standard's data of targets; Python, PHP and
# Apache of bcrypt strings; PHP of forms.

needs node nodejs
needs php php-cli
needs htpasswd apache2-utils
python_packages .ci/oracles/requirements.txt
cargo build -q --release --locked -p whmcs-auth-oracle-tests
judge=${CARGO_TARGET_DIR:-target}/release/judge

# The data comes with the crate `url`, and Django's tests with its sources.
url_data=$(cargo metadata --locked --format-version 1 | python3 -c '
import json, pathlib, sys
packages = json.load(sys.stdin)["packages"]
(url,) = (package for package in packages if package["name"] == "url")
print(pathlib.Path(url["manifest_path"]).parent / "tests/urltestdata.json")')
"$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$work" \
    "$(grep Django .ci/oracles/requirements.txt)"
tar -xzf "$work"/django-*.tar.gz -C "$work"
django_tests=$(echo "$work"/django-*/tests/utils_tests/test_http.py)

candidates() { python3 .ci/oracles/candidates.py "$@"; }

by_node() { node .ci/oracles/same_origin.js "$@" <"$work/targets"; }

by_django() { "$work/venv/bin/python" .ci/oracles/same_origin.py <"$work/targets"; }

short_targets() {
    candidates short | "$judge" targets >"$work/targets" && by_node && by_django
}

targets_of_the_url_standard() {
    candidates url "$url_data" | "$judge" targets >"$work/targets" && by_node "$url_data" && by_django
}

targets_of_the_tests() {
    candidates table tests/spec/goto.rs | "$judge" targets >"$work/targets" && by_node && by_django
}

none_that_django_holds_for_bad() {
    candidates django "$django_tests" >"$work/targets" && [ -s "$work/targets" ] &&
        fails_by 'judged, 0 accepted' "$judge" targets <"$work/targets"
}

targets_that_begin_here() {
    candidates control >"$work/targets" && fails_by 'leaves the site' by_node && fails_by 'leaves the site' by_django
}

bcrypt_strings() {
    "$work/venv/bin/python" .ci/oracles/stored.py >"$work/stored" && "$judge" stored <"$work/stored"
}

another_verdict() {
    sed '1s/true/false/' "$work/stored" >"$work/turned" &&
        fails_by 'Ok(ApiCaller' "$judge" stored <"$work/turned"
}

random_forms() { php .ci/oracles/forms.php 500000 20261122 forms | "$judge" forms; }

random_links() { php .ci/oracles/forms.php 500000 20261122 links | "$judge" links; }

another_reading() {
    printf 'action=a\taction=b\n' >"$work/forms" &&
        fails_by 'and by PHP' "$judge" forms <"$work/forms"
}

check 'goto: every short target offered stays on the site, for Node and Django' short_targets
check "goto: so does each of the URL standard's data" targets_of_the_url_standard
check 'goto: so does each of the tests, for Node and Django' targets_of_the_tests
check 'goto: nothing is offered that Django holds for bad' none_that_django_holds_for_bad
check 'the control: what a check of the beginning offers is seen to leave' targets_that_begin_here
check 'bcrypt: strings of Python, PHP and htpasswd match what they should' bcrypt_strings
check 'the control: another verdict is seen' another_verdict
check 'forms: half a million random ones are read as by PHP, or refused' random_forms
check 'links: so are half a million random queries' random_links
check 'the control: another reading is seen' another_reading
