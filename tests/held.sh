# SPDX-License-Identifier: MIT
# Sourced (sh): what processes hold, as lines "WHAT HOW-MUCH" to be compared later. Each is an exact count of
# things of a kind, but those with .kb. in their name: memory that the C library's heap may keep for itself.

# held_of NAME PID: descriptors by what they are, mappings, threads, memory of its own.
held_of() {
    for ho_fd in /proc/"$2"/fd/*; do readlink "$ho_fd"; done |
        sed -E 's/ \(deleted\)$//; s/:\[[0-9]+\]$//; s/^anon_inode:\[?([^]]*)\]?$/\1/; s/ /_/g; s/[0-9]+/N/g' |
        sort | uniq -c | awk -v n="$1" '{ print n ".fd." $2, $1 }'
    awk -v n="$1" '$5 { files++ } END { print n ".mappings", files + 0 }' "/proc/$2/maps"
    awk -v n="$1" '/^Threads:/ { print n ".threads", $2 }' "/proc/$2/status"
    awk -v n="$1" '/^Anonymous:/ { print n ".kb.memory", $2 }' "/proc/$2/smaps_rollup"
}

# held_grown BEFORE AFTER KB: what is more in AFTER, as "WHAT BEFORE AFTER"; of memory, by more than KB.
held_grown() {
    awk -v kb="$3" 'NR == FNR { was[$1] = $2; next }
        $2 - was[$1] > ($1 ~ /\.kb\./ ? kb : 0) { print $1, was[$1] + 0, $2 }' "$1" "$2"
}
