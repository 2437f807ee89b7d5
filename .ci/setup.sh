# What both scripts begin with: sourced, from the root of the checkout.

# Tools that would call rustup by themselves must not depend on it.
export RUSTUP_DIST_SERVER=http://127.0.0.1:9
export CARGO_TERM_COLOR=never
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
export PROPTEST_RNG_SEED=20261122

step() { printf '\n== %s\n' "$*"; }

needs() { # COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    [ -n "${updated:-}" ] || { apt-get update -qq && updated=1; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}
