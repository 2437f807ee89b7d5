# How many lines of the library its tests run.

tool cargo-llvm-cov 0.9.1
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
needs "/usr/lib/llvm-$llvm/bin/llvm-cov" "llvm-$llvm"

llvm_cov() {
    LLVM_COV=/usr/lib/llvm-$llvm/bin/llvm-cov LLVM_PROFDATA=/usr/lib/llvm-$llvm/bin/llvm-profdata \
        cargo llvm-cov "$@"
}

line_coverage() {
    llvm_cov --no-report --all-features -p whmcs-auth -p whmcs-auth-deserialize-tests >"$work/coverage.log" 2>&1 ||
        { tail -n 50 "$work/coverage.log" && return 1; }
    # A row is the file, and then counts and a share of regions, functions, lines and branches.
    llvm_cov report --summary-only --fail-under-lines 99 --ignore-filename-regex '/tests/' |
        awk 'NF == 13 { printf "%8s  %s\n", $10, $1 }'
}

check 'line coverage' line_coverage
