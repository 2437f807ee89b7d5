# The program that measures the library beside its peers: that it builds, and that each of them accepts
# the genuine message and refuses a tampered one. What it measures is printed, and nothing is asserted.

needs php php-cli

peers=(--locked --manifest-path benches/peers/Cargo.toml --target-dir target/peers)
check 'clippy of the peers' cargo clippy -q "${peers[@]}" --all-targets -- -D warnings
check 'the library beside its peers' cargo run -q --release "${peers[@]}"
