# Each fuzz target for FUZZ_SECONDS, over its seeds and what earlier runs found.

tool cargo-fuzz 0.13.2

fuzz() { # TARGET SECONDS CORPUS...
    mkdir -p "$3"
    RUSTC_BOOTSTRAP=1 RUST_BACKTRACE=0 cargo fuzz run "$1" "${@:3}" -- \
        -max_total_time="$2" -dict=fuzz/names.dict >"$work/fuzz.log" 2>&1 &&
        grep '^Done' "$work/fuzz.log" || { tail -n 100 "$work/fuzz.log" && return 1; }
}

fooled_from_nothing() {
    FOOLED=1 fails_by 'leaves the site' fuzz goto 120 "$work/nothing"
}

for target in forms links goto deserializers answers; do
    check "fuzz target $target" fuzz "$target" "${FUZZ_SECONDS:-20}" "fuzz/corpus/$target" "fuzz/seeds/$target"
done
check 'the control: without a seed, a goto is found that fools a check of its beginning' fooled_from_nothing
