# SPDX-License-Identifier: MIT
# Sourced by run-xen: start the software GPU beside the machine and collect its verdict.
softgpu_pid=

softgpu_start() { # TREE WORK OUT GEN; status 1 when it has not been built
    sg_bin=${VGT_SOFTGPU:-$1/build/gcc/softgpu/softgpu}
    [ -x "$sg_bin" ] || return 1
    # UNIX socket paths are short: a folder of its own below /tmp.
    sg_dir=$(mktemp -d /tmp/vgt-softgpu.XXXXXX)
    "$sg_bin" --gen "$4" --socket "$sg_dir/gpu" --ctl "$sg_dir/ctl" --judge-chan "$sg_dir/judge" \
        >"$3/softgpu.log" 2>&1 </dev/null &
    softgpu_pid=$!
    sg_deadline=$(($(date +%s) + 10))
    until [ -S "$sg_dir/gpu" ] && [ -S "$sg_dir/judge" ]; do
        kill -0 "$softgpu_pid" 2>/dev/null || { cat "$3/softgpu.log" >&2; die "softgpu ended at its start"; }
        [ "$(date +%s)" -lt "$sg_deadline" ] || die "softgpu made no socket within 10 s"
        sleep 0.1
    done
}

softgpu_qemu_args() {
    printf '%s %s ' -device "{\"driver\":\"vfio-user-pci\",\"addr\":\"0x2\",\"rombar\":0,\"socket\":{\"type\":\"unix\",\"path\":\"$sg_dir/gpu\"}}"
    printf '%s ' -device virtio-serial-pci,addr=0x8 -chardev "socket,id=judge,path=$sg_dir/judge"
    printf '%s ' -device virtserialport,chardev=judge,name=vgt.judge
}

softgpu_stop() {
    [ -z "$softgpu_pid" ] || kill "$softgpu_pid" 2>/dev/null || :
    [ -z "${sg_dir:-}" ] || rm -rf "$sg_dir"
    softgpu_pid=
}

# One request on the control socket, its reply to stdout.
softgpu_ask() {
    printf '%s\n' "$1" | timeout 10 socat -t 5 - "UNIX-CONNECT:$sg_dir/ctl"
}

softgpu_collect() { # OUT
    softgpu_ask status >"$1/softgpu.json" || echo "run-xen: softgpu gave no status" >&2
}
