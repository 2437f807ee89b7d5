# Compares the library with other implementations: Node, Django and the URL standard's test data for `goto`
# targets; Python, PHP and Apache for bcrypt strings; PHP for forms and links.

needs node nodejs
needs php php-cli
needs htpasswd apache2-utils
python_packages checks/oracles/requirements.txt
cargo build -q --release --locked -p whmcs-auth-oracles
verdict_of=${CARGO_TARGET_DIR:-target}/release/verdict_of

# The sources of the crate `url` hold the test data, and those of Django hold its tests.
url_data=$(cargo metadata --locked --format-version 1 | python3 -c '
import json, pathlib, sys
packages = json.load(sys.stdin)["packages"]
(url,) = (package for package in packages if package["name"] == "url")
print(pathlib.Path(url["manifest_path"]).parent / "tests/urltestdata.json")')
"$work/venv/bin/pip" download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$work" \
    "$(grep ^Django= checks/oracles/requirements.txt)"
tar -xzf "$work"/django-*.tar.gz -C "$work"
django_tests=$(echo "$work"/django-*/tests/utils_tests/test_http.py)

candidates() { python3 checks/oracles/candidates.py "$@"; }

by_node() { node checks/oracles/same_origin.js "$@" <"$work/targets"; }

by_django() { "$work/venv/bin/python" checks/oracles/same_origin.py <"$work/targets"; }

short_targets() {
    candidates short | "$verdict_of" targets >"$work/targets" && by_node && by_django
}

url_standard_targets() {
    candidates url "$url_data" | "$verdict_of" targets >"$work/targets" && by_node "$url_data" && by_django
}

vector_targets() {
    candidates vectors tests/vectors/goto.json | "$verdict_of" targets >"$work/targets" && by_node && by_django
}

bad_targets_of_django() {
    candidates django "$django_tests" >"$work/targets" && [ -s "$work/targets" ] &&
        fails_by 'lines, 0 accepted' "$verdict_of" targets <"$work/targets"
}

weak_goto_check() {
    candidates control >"$work/targets" && fails_by 'leaves the site' by_node && fails_by 'leaves the site' by_django
}

bcrypt_strings() {
    "$work/venv/bin/python" checks/oracles/bcrypt_strings.py >"$work/bcrypt" && "$verdict_of" bcrypt <"$work/bcrypt"
}

changed_bcrypt_verdict() {
    sed '1s/true/false/' "$work/bcrypt" >"$work/changed" &&
        fails_by 'Ok(ApiCaller' "$verdict_of" bcrypt <"$work/changed"
}

random_fields() { php checks/oracles/random_fields.php 500000 20261122 "$1" | "$verdict_of" "$1"; }

changed_reading() {
    printf 'action=a\taction=b\n' >"$work/forms" &&
        fails_by 'and by PHP' "$verdict_of" forms <"$work/forms"
}

check 'goto: every short target that is offered stays on the site, for Node and Django' short_targets
check "goto: the same for the URL standard's test data" url_standard_targets
check 'goto: the same for the targets of the vectors' vector_targets
check 'goto: no target that Django calls bad is offered' bad_targets_of_django
check 'control: Node and Django report what a weak check offers' weak_goto_check
check 'bcrypt: the library agrees with Python, PHP and htpasswd' bcrypt_strings
check 'control: a changed verdict is reported' changed_bcrypt_verdict
check 'forms: 500,000 random ones are refused, or read as by PHP' random_fields forms
check 'links: 500,000 random ones are refused, or read as by PHP' random_fields links
check 'control: a different reading is reported' changed_reading
