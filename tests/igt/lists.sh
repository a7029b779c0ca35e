# SPDX-License-Identifier: MIT
# Sourced by tests/igt/run-igt and run-igt-vgpu (bash; the top of the tree is the current folder): which tests a
# run has, and the file system in which they go to the guest and their results come back.
tree=build/guest/igt-tests

bat_list() {
    # Not here: what tests other drivers or the kernel itself.
    grep '^igt@' "$tree/usr/share/igt-gpu-tools/i915.fast-feedback.testlist" |
        grep -v '^igt@\(i915_selftest\|dmabuf\|i915_module_load@load$\)'
}
binaries() { # FILE
    local name
    sed 's/#.*//; s/ *$//; /^$/d' "$1" | while read -r name; do
        case $name in
        *\**) (cd "$tree/usr/libexec/igt-gpu-tools" && compgen -G "$name") ;;
        *) echo "$name" ;;
        esac
    done
}
wanted() { # bat|full|FILE REGEX PART
    local whole
    case $1 in
    bat) bat_list ;;
    # One binary's subtests in a row, each once: those of the first list that are no whole binaries.
    full)
        whole=$(binaries tests/igt/full.list)
        bat_list | grep -vE "^igt@($(paste -sd'|' <<<"$whole"))(@|\$)"
        echo "$whole"
        ;;
    *) binaries "$1" ;;
    esac | of_part "$3" | grep -E "$2"
}
part_valid() { [[ $1 =~ ^([1-9][0-9]*)/([1-9][0-9]*)$ ]] && [ "${BASH_REMATCH[1]}" -le "${BASH_REMATCH[2]}" ]; }
# Binaries go round, so that each part has of everything.
of_part() { # K/N
    awk -F@ -v k="${1%/*}" -v n="${1#*/}" '
        { b = $1 == "igt" ? $2 : $1; if (!(b in at)) at[b] = count++ % n + 1
          if (at[b] == k) { print; any = 1 } } END { exit !any }'
}

# The file system DIR.img with what is in DIR.
results_image() { # DIR
    rm -f "$1.img"
    mke2fs -q -t ext4 -E root_owner=0:0 -d "$1" "$1.img" 512M
}
# What the guest has written, on this side. A machine that was killed left its journal to replay.
fetch_results() { # DIR
    e2fsck -fp "$1.img" >/dev/null || [ $? = 1 ] || say "the results' file system is damaged"
    rm -rf "$1.new"
    mkdir "$1.new"
    debugfs -R "rdump / $1.new" "$1.img" 2>/dev/null
    rm -rf "$1"
    mv "$1.new" "$1"
}
