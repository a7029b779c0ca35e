# SPDX-License-Identifier: MIT
# Sourced by what boots a stock guest on softgpu in plain QEMU (bash; the top of the tree is the
# current folder): softgpu and the machine as processes of ours, ended by pid. machine_softgpu names
# another softgpu, machine_stdin what the machine's console reads.
machine_sock=$(mktemp -d /tmp/vgt-native.XXXXXX) # short: the kernel allows 107 bytes
machine_pids=()

machine_end() {
    local p
    for p in "${machine_pids[@]}"; do kill "$p" 2>/dev/null; done
    wait "${machine_pids[@]}" 2>/dev/null
    machine_pids=()
}

# A processor with nothing to do sleeps, and in a virtual one waking takes longer than all the rest of a
# trapped access: something of no priority keeps each awake (igt's fbdev@write: 47 s, else over 60).
machine_stay_awake() {
    local n
    for ((n = $(nproc); n > 0; n--)); do
        setpriv --pdeathsig KILL chrt -i 0 sh -c 'while :; do :; done' &
        machine_pids+=($!)
    done
}

machine_alive() { kill -0 "$1" 2>/dev/null; }

# Until a condition holds or the deadline (seconds of $SECONDS) passes.
until_true() { # DEADLINE COMMAND...
    local end=$1
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
    return 0
}

machine_ctl() { build/gcc/tests/native/ctl-ask "$machine_sock/ctl" "$@"; }

# Start softgpu with these options; its pid is machine_gpu.
machine_start_gpu() { # LOG SECONDS OPTIONS...
    local log=$1 limit=$2
    shift 2
    rm -f "$machine_sock"/*
    timeout -k 5 "$limit" "${machine_softgpu:-build/gcc/softgpu/softgpu}" --socket "$machine_sock/gpu" \
        --ctl "$machine_sock/ctl" "$@" >"$log" 2>&1 &
    machine_gpu=$!
    machine_pids+=("$machine_gpu")
    if ! until_true $((SECONDS + 10)) test -S "$machine_sock/gpu"; then
        tail -n 5 "$log" >&2
        echo "softgpu did not start: $log" >&2
        return 1
    fi
}

# A q35 with the GPU, if there is one, at 00:02.0; LOG gets its console, which reads machine_stdin; its pid
# is machine_qemu.
# tsc=reliable: without it two TCG processors lose their clock and i915's atomic polls never end.
# tsc_early_khz: see tests/native/tsc-khz.c.
# machine_patience N, when above 1: the machine's time goes N times slower than the wall's
# (tests/xen/slow_clock.c), and a write to the GPU ends when it is there, which makes each of them some ten
# times dearer. Without this a program that writes through the aperture and reads the memory behind
# it at once may be faster than its own writes.
machine_start_qemu() { # LOG ERRORS SECONDS MEMORY KERNEL INITRD CMDLINE OPTIONS...
    local log=$1 errors=$2 limit=$3 memory=$4 kernel=$5 initrd=$6 cmdline=$7
    shift 7
    local posted= khz patience=${machine_patience:-1}
    [ "$patience" = 1 ] || posted='"x-no-posted-writes":true,'
    khz=$(($(build/gcc/tests/native/tsc-khz) * patience))
    if [ -S "$machine_sock/gpu" ]; then
        set -- -device '{"driver":"vfio-user-pci","addr":"0x2","rombar":0,'"$posted"'"socket":{"type":"unix","path":"'"$machine_sock/gpu"'"}}' "$@"
    fi
    [ "$patience" = 1 ] || local -x VGT_SLOW_CLOCK=$patience VGT_QEMU_PRELOAD=$PWD/build/gcc/tests/xen/slow_clock.so
    timeout -k 5 "$limit" tools/qemu -accel tcg -machine q35,memory-backend=ram0 -cpu qemu64 \
        -m "$memory" -smp 2 -object memory-backend-memfd,id=ram0,size="$memory",share=on \
        -nodefaults -vga none -display none -serial stdio -monitor none -no-reboot \
        "$@" -kernel "$kernel" -initrd "$initrd" \
        -append "console=ttyS0 panic=-1 tsc=reliable tsc_early_khz=$khz $cmdline" \
        <"${machine_stdin:-/dev/null}" >"$log" 2>"$errors" &
    machine_qemu=$!
    machine_pids+=("$machine_qemu")
}
