# The program that measures the library beside other ways to verify a message. It must build, and every way must
# accept the genuine message and refuse a changed one. The times are printed and not checked.

needs php php-cli
needs node nodejs

peers=(--locked --manifest-path benches/peers/Cargo.toml --target-dir target/peers)
check 'clippy of the peers' cargo clippy -q "${peers[@]}" --all-targets -- -D warnings
check 'the library beside its peers' cargo run -q --release "${peers[@]}"
