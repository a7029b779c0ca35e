# SPDX-License-Identifier: MIT
# Sourced by what judges a test guest's console (bash): conditions on its "VGT: key=value" lines,
# collected in a verdict file. Set verdict_log (a console) and verdict_out (the file) first.
verdict_failed=0

# The last value of a key on the console.
value() { tr -d '\r' <"$verdict_log" | sed -n "s/.*VGT: .*\b$1=\([^ ]*\).*/\1/p" | tail -n 1; }

expect() { # TEXT COMMAND...
    local text=$1
    shift
    if "$@"; then
        echo "ok   $text" >>"$verdict_out"
    else
        echo "FAIL $text" >>"$verdict_out"
        verdict_failed=1
    fi
}
is() { expect "$1=$2 (is '$(value "$1")')" test "$(value "$1")" = "$2"; }
at_least() { expect "$1>=$2 (is '$(value "$1")')" test "0$(value "$1")" -ge "$2"; }

# What every guest with a driver must say.
verdict_driver() {
    is done 1
    is card 1
    is wedged 0
    is wedged_end 0
    is i915_errors 0
    is kernel_warnings 0
}

# A driver that only polls gets there too, slowly: interrupts are demanded. One that submits lists gets two for each;
# one with a ring gets them while it waits, which with some 120 batches is fewer times.
verdict_blit() { # COPIES
    case $(value chip) in 16*) vb_interrupts=100 ;; *) vb_interrupts=50 ;; esac
    is copies_wrong 0
    at_least copies_verified "$1"
    is stray_bytes 0
    at_least interrupts $vb_interrupts
}

verdict_igt() {
    is igt_gem_blt 0
    is igt_gem_exec_nop 0
    is igt_gem_latency 0
}

# The rules of the hardware that softgpu judges beside ownership (man softgpu, JUDGE and DISPLAY
# WARNINGS): whoever drove it broke none. Needs softgpu's status in FILE.
verdict_rules() { # FILE
    local broken
    broken=$(jq -r '[(.offences | to_entries[] | select(.value > 0) | "\(.key) \(.value)"),
                     (.display_warnings[] | "\(.text) \(.count)")] | join(", ")' "$1") ||
        broken="softgpu's status in $1 cannot be read"
    expect "no rule of the hardware was broken (were '$broken')" test -z "$broken"
}
