# How many lines of the library its tests run.

tool cargo-llvm-cov 0.9.1
llvm=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
needs "/usr/lib/llvm-$llvm/bin/llvm-cov" "llvm-$llvm"

line_coverage() {
    LLVM_COV=/usr/lib/llvm-$llvm/bin/llvm-cov LLVM_PROFDATA=/usr/lib/llvm-$llvm/bin/llvm-profdata \
        cargo llvm-cov --all-features -p whmcs-auth -p whmcs-auth-deserialize-tests \
        --summary-only --ignore-filename-regex '/tests/' >"$work/coverage.txt"
    sed -n '/^Filename/,$p' "$work/coverage.txt" | awk '{ print $1, $(NF - 3) }' | column -t
}

check 'line coverage' line_coverage
