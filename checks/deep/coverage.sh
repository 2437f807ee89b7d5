# The share of the library's lines that the tests run.

tool cargo-llvm-cov 0.9.1
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
needs "/usr/lib/llvm-$llvm/bin/llvm-cov" "llvm-$llvm"

llvm_cov() {
    LLVM_COV=/usr/lib/llvm-$llvm/bin/llvm-cov LLVM_PROFDATA=/usr/lib/llvm-$llvm/bin/llvm-profdata \
        cargo llvm-cov "$@"
}

line_coverage() {
    llvm_cov --no-report --all-features -p whmcs-auth >"$work/coverage.log" 2>&1 ||
        { tail -n 50 "$work/coverage.log" && return 1; }
    # The columns of a row: the file, then counts and a share for regions, functions, lines and branches.
    llvm_cov report --summary-only --fail-under-lines 99 --ignore-filename-regex '/(tests|checks)/' |
        awk 'NF == 13 { printf "%8s  %s\n", $10, $1 }'
}

check 'line coverage' line_coverage
