# Each fuzz target for FUZZ_SECONDS, over its seeds and what earlier runs found.

tool cargo-fuzz 0.13.2

fuzz() { # TARGET SECONDS
    mkdir -p "fuzz/corpus/$1"
    RUSTC_BOOTSTRAP=1 cargo fuzz run "$1" "fuzz/corpus/$1" "fuzz/seeds/$1" -- \
        -max_total_time="$2" -dict=fuzz/names.dict >"$work/fuzz.log" 2>&1 &&
        grep '^Done' "$work/fuzz.log" || { tail -n 50 "$work/fuzz.log" && return 1; }
}

for target in forms links goto deserializers answers; do
    check "fuzz target $target" fuzz "$target" "${FUZZ_SECONDS:-20}"
done
check 'the control: a check of the beginning of a goto is seen to be fooled' \
    env FOOLED=1 bash -c "$(declare -f fails_by fuzz); work=$work; fails_by 'leaves the site' fuzz goto 60"
