# Programs that embed the library as its users do: with axum, actix-web and poem. Each is compiled, and asked right and
# wrong things over HTTP.

embedders=(--manifest-path checks/embedders/Cargo.toml)
check 'format of the embedders' cargo fmt "${embedders[@]}" --all --check
check 'clippy of the embedders' cargo clippy -q --locked "${embedders[@]}" --target-dir target/embedders \
    --workspace --all-targets -- -D warnings
for name in sqlite actix poem handler-tests; do
    check "embedder $name" env CARGO_TARGET_DIR=target/embedders checks/embedders/run "$name"
done
check 'the control: the answers of another program are wrong' \
    env CARGO_TARGET_DIR=target/embedders checks/embedders/run control
