# SPDX-License-Identifier: MIT
# Sourced, before they begin, by tests that run dom0/survive.sh (bash; out is the run's folder): what must hold of the GPU and of
# the blows, and the account of it. After it verdict_* may be used.
mkdir -p "$out"
verdict_out=$out/verdict
: >"$verdict_out"
. tests/verdict.sh
# For the guests. What takes half a second outside takes five and more in emulation, one blow follows another,
# and the guests' clocks do not slow down: a driver would lose patience after ten seconds, reset its GPU and
# throw work away, as it may (docs/testbed.md). That is not what is asked here.
survived_patience="vgt.patience=20000 i915.request_timeout_ms=0"
survived_patient() { is heartbeat_ms 20000,; } # of a guest: nobody took it away
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
