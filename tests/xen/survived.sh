# SPDX-License-Identifier: MIT
# Sourced by tests that run dom0/survive.sh (bash; out is the run's folder): what must hold of the GPU and of
# the blows, and the account of it. After it verdict_* may be used.
verdict_out=$out/verdict
: >"$verdict_out"
. tests/verdict.sh
gpu() { jq -r "$1" "$out/softgpu.json"; }

survived_gpu() {
    expect "no isolation violation (are '$(gpu .isolation_violations)')" test "$(gpu .isolation_violations)" = 0
    verdict_rules "$out/softgpu.json"
    expect "the judge knew who owns what" test "$(gpu .judge_ready)" = true
}

survived_kills() { # HOW-MANY
    local kills
    kills=$(wc -l <"$out/kills.tsv")
    expect "every blow was survived (blows: $kills)" test "$kills" = "$1"
}

survived_tell() {
    sed "s/^/survived: /" "$verdict_out"
    sort -t"$(printf '\t')" -k1,2 "$out/kills.tsv" |
        awk -F'\t' '{ printf "survived: %-14s %-8s ready after %5d ms, guests reported after %5d ms\n", $1, $2, $3, $4 }'
}
