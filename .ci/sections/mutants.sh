# Every change of the library that cargo-mutants knows to make is noticed by a test, but for those that
# .cargo/mutants.toml names with a reason.

tool cargo-mutants 27.1.0

mutants() {
    CARGO_PROFILE_DEV_DEBUG=none PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 \
        cargo mutants -p whmcs-auth -j2 --timeout 120 -o "$work" &&
        # The control: there were some.
        [ "$(wc -l <"$work/mutants.out/caught.txt")" -gt 300 ]
}

check 'every mutant is noticed' mutants
