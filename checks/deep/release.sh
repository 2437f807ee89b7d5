# The packages as a registry gives them: unpacked, without the repository around them.

needs python3 python3
root=$PWD
library=$work/whmcs-auth
companion=$work/whmcs-auth-axum
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# The companion is tested with this library, and not with one of the registry.
with_library=(--config "patch.crates-io.whmcs-auth.path='$library'")

unpack() {
    cargo package -q --no-verify -p whmcs-auth -p whmcs-auth-axum || return
    for folder in "$library" "$companion"; do
        mkdir "$folder"
        tar xzf "target/package/${folder##*/}-$version.crate" --strip-components 1 -C "$folder" || return
    done
}

in_folder() { # FOLDER COMMAND...
    (cd "$1" && CARGO_TARGET_DIR=$root/target/release-of-packages "${@:2}")
}

quickstart() {
    in_folder "$library" cargo run -q --example quickstart | diff checks/quickstart.txt -
}

documentation() { # FOLDER ARGUMENT...
    RUSTDOCFLAGS=-Dwarnings in_folder "$1" cargo doc -q --no-deps --all-features "${@:2}"
}

licences_and_no_bench() { # FOLDER
    diff LICENSE-MIT "$1/LICENSE-MIT" && diff LICENSE-APACHE "$1/LICENSE-APACHE" && ! grep -F '[[bench]]' "$1/Cargo.toml"
}

changelogs() {
    grep "^## \[$version\] - " "$library/CHANGELOG.md" && grep "^## \[$version\] - " "$companion/CHANGELOG.md"
}

# A project that follows a README: its `cargo add`, and the examples of the pages.
newcomer() { # README PAGE...
    local project=$work/newcomer
    rm -rf "$project"
    cargo init -q --vcs none "$project"
    python3 checks/copied_examples.py "$project/examples" "$@" || return
    while read -r crate options; do
        case $crate in whmcs-auth*) crate="--path $work/$crate" ;; esac
        in_folder "$project" cargo add -q "${with_library[@]}" $crate $options || return
    done < <(sed -n 's/^cargo add //p' "$1")
    in_folder "$project" cargo check -q --examples "${with_library[@]}"
}

foreign_import() {
    sed 's/use whmcs_auth::time::/use time::/' src/lib.rs >"$work/lib.rs"
    fails_by 'unresolved import `time`' newcomer README.md "$work/lib.rs"
}

# Every direct dependency in the oldest version that the manifest allows.
oldest_dependencies() { # FOLDER SED
    rm -rf "$work/oldest"
    cp -r "$1" "$work/oldest"
    sed -i "$2" "$work/oldest/Cargo.toml"
    RUSTC_BOOTSTRAP=1 in_folder "$work/oldest" cargo update -q -Z direct-minimal-versions "${with_library[@]}" || return
    in_folder "$work/oldest" cargo check -q --all-features "${with_library[@]}"
}

too_old_dependency() {
    fails_by 'failed to select a version for `hex`' oldest_dependencies "$library" '/^\[dependencies.hex\]/,/^version/s/^version = .*/version = "0.4.0"/'
}

check 'both packages' unpack
check 'both are published by one command, without the upload' cargo publish -q --workspace --dry-run --no-verify
check 'the version and its date in both changelogs' changelogs
check 'tests of the library' in_folder "$library" cargo test -q --all-features
check 'quickstart of the library' quickstart
check 'documentation of the library' documentation "$library"
check 'licences of the library, and no bench' licences_and_no_bench "$library"
check 'tests of the companion' in_folder "$companion" cargo test -q --all-features "${with_library[@]}"
check 'documentation of the companion' documentation "$companion" "${with_library[@]}"
check 'licences of the companion, and no bench' licences_and_no_bench "$companion"
check 'copied examples of the library' newcomer README.md src/lib.rs
check 'copied examples of the companion' newcomer crates/axum/README.md
check 'control: an example that imports another crate does not compile' foreign_import
check 'oldest dependencies of the library' oldest_dependencies "$library" ''
check 'oldest dependencies of the companion' oldest_dependencies "$companion" ''
check 'control: a version that is too old is noticed' too_old_dependency
