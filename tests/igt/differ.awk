# SPDX-License-Identifier: MIT
# Which results are worse in a guest with a vGPU than natively. Files, all with tabs: tests/igt/vgpu-reasons,
# tests/igt/reasons, the native summary, the guest's; gen is set. Lines: test, native result, the guest's, what it
# said, class ("defect", or "known": a skip or a warning that has a reason), the reason.
function parent(t,   n) { n = t; sub(/@[^@]*$/, "", n); return split(t, parts, "@") > 2 ? n : "" }
function subtest(t,   p) { split(t, p, "@"); return p[1] "@" p[2] }
function rank(r) { return r == "pass" ? 0 : r == "skip" ? 1 : 2 }
# The first reason that fits, "" if none does. Only a skip may be what i915 says of a vGPU, or a failure of a test that
# asserts what another one would require; a warning of the kernel may be one that it has natively, too.
function reason(t, r, said,   i, kind) {
    kind = r == "skip" || (r == "fail" && said ~ /^requires /) ? 1 : r ~ /warn$/ ? 2 : 0
    for (i = 1; i <= reasons && kind; i++)
        if (of[i] == kind && t ~ ("^(" test[i] ")$") && (kind == 1 || r ~ ("^(" as[i] ")$")) && said ~ says[i])
            return why[i]
    return ""
}
function differ(t, native, guest, said,   w) {
    if (rank(guest) <= rank(native)) return
    w = reason(t, guest, said)
    print t, native, guest, said, w == "" ? "defect" : "known", w
}
BEGIN { FS = OFS = "\t" }
FNR == 1 { file++ }
file <= 2 && (/^#/ || ($1 != "any" && $1 != gen)) { next }
file == 1 { reasons++; of[reasons] = 1; test[reasons] = $2; says[reasons] = $3; why[reasons] = $4; next }
file == 2 { reasons++; of[reasons] = 2; test[reasons] = $2; as[reasons] = $3; says[reasons] = $4; why[reasons] = $5; next }
file == 3 { native[$1] = $2; known[subtest($1)] = 1; if (parent($1) != "") split_there[parent($1)] = 1; next }
{ guest[$1] = $2; what[$1] = $4; asked[subtest($1)] = 1; if (parent($1) != "") split_up[parent($1)] = 1 }
END {
    # One side may have dynamic subtests where the other has but the subtest, which failed or was skipped.
    for (t in native) {
        if (!(subtest(t) in asked)) continue
        p = parent(t)
        if (t in guest) differ(t, native[t], guest[t], what[t])
        else if (p in guest) differ(t, native[t], guest[p], what[p])
        else if (!(t in split_up)) differ(t, native[t], "absent", "it has no result")
    }
    for (t in guest) {
        p = parent(t)
        if (t in native || t in split_there) continue # compared above
        # Not even the subtest: what stood before it in the list hung natively, too.
        if (p in native) differ(t, native[p], guest[t], what[t])
        else if (subtest(t) in known) differ(t, "skip", guest[t], what[t])
    }
}
