# Changes the library in every way that cargo-mutants knows. A test must fail for each change, except for those
# that .cargo/mutants.toml lists with a reason.

tool cargo-mutants 27.1.0

mutants() {
    PROPTEST_DISABLE_FAILURE_PERSISTENCE=1 cargo mutants -p whmcs-auth -j2 --timeout 120 -o "$work" &&
        # The control: enough changes were made.
        [ "$(wc -l <"$work/mutants.out/caught.txt")" -gt 300 ]
}

check 'a test fails for every mutant' mutants
