# The program that measures the library beside its peers: that it builds, and that each of them accepts
# the genuine message and refuses a tampered one. What it measures is printed, and nothing is asserted.

needs php php-cli

peers() { # CARGO COMMAND...
    cargo "$@" --locked --manifest-path benches/peers/Cargo.toml --target-dir target/peers
}

lint_peers() { peers clippy -q --all-targets -- -D warnings; }

check 'clippy of the peers' lint_peers
check 'the library beside its peers' peers run -q --release
