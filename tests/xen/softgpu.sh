# SPDX-License-Identifier: MIT
# Sourced by run-xen: start the software GPU beside the machine and collect its verdict.
softgpu_pid=

softgpu_start() { # TREE OUT SLOWNESS GPU; status 1 when it has not been built
    sg_bin=${VGT_SOFTGPU:-$1/build/gcc/softgpu/softgpu}
    sg_ask=$1/build/gcc/tests/native/ctl-ask
    [ -x "$sg_bin" ] || return 1
    [ -x "$sg_ask" ] || die "$sg_ask is missing (ninja gcc builds it)"
    # UNIX socket paths are short: a folder of its own below /tmp.
    sg_dir=$(mktemp -d /tmp/vgt-softgpu.XXXXXX)
    "$sg_bin" --verbose --gpu "$4" --slow-display "$3" --socket "$sg_dir/gpu" --ctl "$sg_dir/ctl" \
        --judge-chan "$sg_dir/judge" >"$2/softgpu.log" 2>&1 </dev/null &
    softgpu_pid=$!
    sg_deadline=$(($(date +%s) + 10))
    until [ -S "$sg_dir/gpu" ] && [ -S "$sg_dir/judge" ]; do
        kill -0 "$softgpu_pid" 2>/dev/null || { cat "$2/softgpu.log" >&2; die "softgpu ended at its start"; }
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

# The state, the judge's findings and a picture of every pipe that is on.
softgpu_collect() { # OUT
    "$sg_ask" "$sg_dir/ctl" status >"$1/softgpu.json" || echo "run-xen: softgpu gave no status" >&2
    "$sg_ask" "$sg_dir/ctl" violations >"$1/violations.json" || :
    for sg_pipe in 0 1 2; do
        "$sg_ask" "$sg_dir/ctl" png $sg_pipe "$1/screen-$sg_pipe.png" >/dev/null || :
    done
}
