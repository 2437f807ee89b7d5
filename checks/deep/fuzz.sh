# Runs each fuzz target for FUZZ_SECONDS, from its seeds and from what earlier runs found.

tool cargo-fuzz 0.13.2

fuzz() { # TARGET SECONDS CORPUS...
    mkdir -p "$3"
    RUSTC_BOOTSTRAP=1 RUST_BACKTRACE=0 cargo fuzz run "$1" "${@:3}" -- \
        -max_total_time="$2" -dict=fuzz/names.dict >"$work/fuzz.log" 2>&1 &&
        grep '^Done' "$work/fuzz.log" || { tail -n 100 "$work/fuzz.log" && return 1; }
}

# FOOLED checks the first characters of a `goto` only.
weak_goto_check() {
    FOOLED=1 fails_by 'leaves the site' fuzz goto 120 "$work/nothing"
}

for target in forms links goto answers diagnose; do
    check "fuzz target $target" fuzz "$target" "${FUZZ_SECONDS:-20}" "fuzz/corpus/$target" "fuzz/seeds/$target"
done
check 'control: without a seed, the fuzzer finds a target that a weak check accepts' weak_goto_check
