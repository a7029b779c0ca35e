# SPDX-License-Identifier: MIT
# Sourced by tests/suite/*-rig and *-rig-long (bash; the top of the tree is the current folder): what the rig's runs
# need, and a run of it as a test.
ninja gcc-softgpu gcc-rig gcc-rig-next gcc-rig-guest gcc-broker gcc-gtt gcc-sched gcc-display gcc-mmio gcc-vgtctl \
    build/gcc/tests/native/ctl-ask
ninja asan-softgpu asan-rig asan-rig-guest asan-broker asan-gtt asan-sched asan-display asan-mmio asan-vgtctl \
    build/asan/tests/native/ctl-ask

run() { # NAME OPTION...
    local name=$1
    shift
    if tests/rig/run-rig --guests 2 --out "$VGT_OUT/$name" "$@"; then
        echo "ok - $name" >>"$VGT_TAP"
    else
        echo "not ok - $name" >>"$VGT_TAP"
    fi
}
