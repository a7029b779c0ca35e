# SPDX-License-Identifier: MIT
# Sourced by tests/igt/report and report-vgpu (bash; the top of the tree is the current folder): results of
# igt_runner as lines "test result seconds what-it-said" with tabs between, and what pages say of such lines.

# DIR/results and those of DIR's shares to DIR/summary.tsv.
summarize() { # DIR
    local results tree=build/guest/igt-tests
    : >"$1/summary.new"
    for results in "$1"/results "$1"/share-*/results; do
        [ -d "$results/out" ] || continue
        # A run that was cut off has no results yet: they are made from its journals.
        if ! [ -e "$results/out/results.json" ]; then
            "$tree/lib64/ld-linux-x86-64.so.2" --library-path "$tree/usr/lib/x86_64-linux-gnu" \
                "$tree/usr/bin/igt_results" "$results/out" >/dev/null 2>&1
        fi
        jq -rf tests/igt/summary.jq "$results/out/results.json" >>"$1/summary.new"
    done
    # A test that several shares ran: the last one counts.
    awk -F'\t' '{ line[$1] = $0 } END { for (t in line) print line[t] }' "$1/summary.new" | LC_ALL=C sort >"$1/summary.tsv"
    rm "$1/summary.new"
    [ -s "$1/summary.tsv" ] || { echo "report: $1 holds no results" >&2; return 1; }
}

# Results of several runs in one file, a line each with the day it is of: those of the binaries that SUMMARY has
# are replaced.
merge_into() { # KEPT SUMMARY [some]: in the place of all that the same binaries had; with "some", of the same subtests
    touch "$1"
    awk -F'\t' -v OFS='\t' -v day="$(date -u +%F)" -v some="${3-}" '
        function whole(t,   p) { split(t, p, "@"); return some == "" ? p[1] : p[1] "@" p[2] }
        FNR == NR { here[whole($1)] = 1; print $1, $2, $3, $4, day; next }
        !(whole($1) in here)' "$2" "$1" | LC_ALL=C sort >"$1.new"
    mv "$1.new" "$1"
}
days() { # KEPT
    cut -f5 "$1" | LC_ALL=C sort -u | sed -n '1h; $H; ${x; s/\n/ to /; s/^\(.*\) to \1$/\1/; s/^/ Run in parts, /; s/$/./; p}'
}

results_line() { # SUMMARY
    local r n line=
    for r in pass skip fail timeout crash incomplete abort warn dmesg-warn dmesg-fail notrun; do
        n=$(cut -f2 "$1" | grep -cx "$r" || true)
        [ "$n" = 0 ] || line="$line${line:+, }$n $r"
    done
    echo "$line"
}

list_name() { # bat|full|FILE
    case $1 in
    full) echo "the list for fast feedback and the binaries of tests/igt/full.list" ;;
    bat) echo "the list for fast feedback; a full run has many more" ;;
    *) echo "of a list of names" ;;
    esac
}

igt_version() { sed -n 's/^igt-gpu-tools-tests //p' build/guest/igt-tests/.packages; }

page_by_binary() { # SUMMARY
    printf '\n## By binary\n\n| binary | pass | skip | other | seconds |\n|---|---|---|---|---|\n'
    awk -F'\t' '{ split($1, n, "@"); b = n[1]; seen[b] = 1; s[b] += $3
            if ($2 == "pass") p[b]++; else if ($2 == "skip") k[b]++; else o[b]++ }
        END { for (b in seen) printf "| %s | %d | %d | %d | %.0f |\n", b, p[b], k[b], o[b], s[b] }' "$1" | LC_ALL=C sort
}
page_skips() { # SUMMARY
    printf '\n## Skipped, by what the tests said\n\n'
    awk -F'\t' '$2 == "skip" { w = $4 == "" ? "(no word)" : $4; n[w]++; l[w] = l[w] (l[w] == "" ? "" : ", ") $1 }
        END { for (w in n) printf "%d\t%s\t%s\n", n[w], w, l[w] }' "$1" | sort -t"$(printf '\t')" -k1,1nr -k2 |
        awk -F'\t' '{ printf "- %s `%s`: %s\n", $1, $2, $3 }'
}
page_passed() { # SUMMARY
    printf '\n## Passed\n\n'
    awk -F'\t' '$2 == "pass" { i = index($1, "@"); b = i ? substr($1, 1, i - 1) : $1; t = i ? substr($1, i + 1) : "(whole)"
            l[b] = l[b] (l[b] == "" ? "" : ", ") t }
        END { for (b in l) printf "- %s: %s\n", b, l[b] }' "$1" | LC_ALL=C sort
}
