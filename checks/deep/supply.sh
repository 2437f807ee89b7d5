# The licences and sources of the library's dependencies, and that deny.toml lists each of them.

tool cargo-deny 0.20.2

deny() { # CONFIG
    cargo deny --locked --config "$1" check licenses bans sources
}

unlisted_crate() {
    sed '/"subtle"/d' deny.toml >"$work/deny.toml"
    fails_by "crate 'subtle = " deny "$work/deny.toml"
}

check 'licences, crates and sources of the dependencies' deny deny.toml
check 'control: a crate that is not listed is reported' unlisted_crate
