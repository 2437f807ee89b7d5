# The public API of both crates against that of the last release.

tool cargo-semver-checks 0.51.0
if ! released=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null); then
    echo 'no release has a tag yet: the last commit stands in for one'
    released=HEAD
fi
mkdir "$work/released"
git archive "$released" | tar x -C "$work/released"

semver() { # WORKSPACE
    cargo semver-checks --all-features --manifest-path "$1/Cargo.toml" --baseline-root "$work/released" \
        -p whmcs-auth -p whmcs-auth-axum
}

removed_function() {
    cp -r "$work/released" "$work/changed"
    sed -i 's/pub const fn all()/pub(crate) const fn all()/' "$work/changed/src/api/action.rs"
    fails_by AllowedActions::all semver "$work/changed"
}

check 'the public API since the last release' semver "$PWD"
check 'control: a public function is removed' removed_function
