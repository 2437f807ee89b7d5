# Where the library's dependencies come from, under which licences, and that there are no others.

tool cargo-deny 0.20.2

deny() { # CONFIG
    cargo deny --locked --config "$1" check licenses bans sources
}

a_crate_that_nobody_listed() {
    sed '/"subtle"/d' deny.toml >"$work/deny.toml"
    fails_by "crate 'subtle = " deny "$work/deny.toml"
}

check 'licences, crates and sources of the dependencies' deny deny.toml
check 'the control: a crate that is not listed is seen' a_crate_that_nobody_listed
