# SPDX-License-Identifier: MIT
# Sourced by run-rig and run-points: starts the keeper, softgpu, the program in the module's place,
# the services and guests in a folder of their own, and takes them down again. The caller sets, before
# rig_begin: B (programs of services), T (all others), gen (softgpu's --gpu), seed, limit, vcpus, work (seconds), out,
# guest_options, and if it likes guest_more[DOMID], vgpu_of[DOMID], attacker (a DOMID), gtt_program, mmio_program,
# mmio_of[DOMID], mmio_program=none: somebody else runs it. After it: D is the folder,
# guest_pids the guests that run.
declare -A guest_more=() mmio_of=() vgpu_of=()
step_ms=30000 # of the broker's steps
mounted=      # D is a file system of its own
gpu_options=  # of softgpu, more
load=         # guests are vgt-rig-load, with FIFOs in-DOMID and out in $D
no_quarantine= # or the option of that name: for who kills at one and the same input twice

# The folder is short: it holds sockets. It is in memory if possible: guests' memory is there, and a disk
# that writes back stops who writes to it for seconds.
rig_begin() {
    local base=/tmp
    [ ! -w /dev/shm ] || base=/dev/shm
    B=$(realpath "$B") T=$(realpath "$T")
    D=$(mktemp -d $base/vgt-rig-XXXXXX)
    mkdir "$D/g"
    keeper=
    guest_pids=()
    trap finish EXIT
}

ask() {
    "$T/tests/rig/vgt-rig-keeper" --ask "$D/keeper" "$@"
}

finish() {
    local status=$?
    [ ${#guest_pids[@]} = 0 ] || kill -9 "${guest_pids[@]}" 2>/dev/null || true
    [ -z "$keeper" ] || { kill "$keeper" && wait "$keeper"; } 2>/dev/null || true
    if [ $status != 0 ] || [ -n "$out" ]; then
        out=${out:-$(mktemp -d /tmp/vgt-rig-log-XXXXXX)}
        mkdir -p "$out" && cp "$D"/*.log "$D"/guest-*.txt "$out"/ 2>/dev/null || true
        echo "VGT: rig_logs=$out"
    fi
    [ -z "$mounted" ] || umount "$D"
    rm -rf "$D"
    exit $status
}

# Until the command succeeds; 30 s.
until_true() {
    local i
    for ((i = 0; i < 300; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "$0: never came true: $*" >&2
    return 1
}

is_ready() {
    ask status | grep -q "^$1 .*state=ready"
}

start_keeper() {
    "$T/tests/rig/vgt-rig-keeper" --dir "$D" --ctl "$D/keeper" --seed "$seed" 2>"$D/keeper.log" &
    keeper=$!
    until_true ask status
}

# The GPU and the program in the module's place: they are the machine and never die.
start_gpu() {
    ask unit softgpu never "$T/softgpu/softgpu" --gpu "$gen" --socket "$D/gpu" --ctl "$D/gpu-ctl" $gpu_options
    until_true [ -S "$D/gpu" ]
    ask unit softstub never "$T/tests/rig/vgt-softstub" --gpu "$D/gpu" --socket "$D/stub" \
        --ctl "$D/stub-ctl" --judge "$D/gpu-ctl"
    until_true [ -S "$D/stub-ctl" ]
}

start_services() {
    local vmm=shm:$D/g wire=unix:$D/wire
    ask unit vgt-broker always "$B/services/broker/vgt-broker" --wire "$wire" --core NONE \
        --ctl "unix:$D/ctl" --vmm "$vmm" --gpu "soft:$D/stub" --no-start --limit-ms "$step_ms"
    ask unit vgt-gtt always "${gtt_program:-$B/services/gtt/vgt-gtt}" --wire "$wire" --vmm "$vmm" $no_quarantine
    ask unit vgt-sched always "${sched_program:-$B/services/sched/vgt-sched}" --wire "$wire" --vmm "$vmm" \
        $no_quarantine
    ask unit vgt-display always "$B/services/display/vgt-display" --wire "$wire"
    for name in vgt-broker vgt-gtt vgt-sched vgt-display; do
        until_true is_ready $name
    done
}

# The guest's process makes its files and waits at its first access; then it gets its vGPU.
start_guest() { # DOMID
    begin_guest "$1"
    attach_guest "$1"
    until_true grep -Eq "rig_(up|error)" "$D/guest-$1.txt"
}

begin_guest() { # DOMID
    local program=vgt-rig-guest options="--seconds $work --seed $((seed + $1))"
    if [ -n "$load" ]; then
        program=vgt-rig-load options="--in $D/in-$1 --out $D/out --limit $limit ${guest_more[$1]-}"
    elif [ "${attacker-}" = "$1" ]; then
        program=vgt-rig-attacker
    else
        options+=" --vcpus $vcpus --limit $limit $guest_options ${guest_more[$1]-}"
    fi
    "$T/tests/rig/$program" --dir "$D/g" --domid "$1" $options >"$D/guest-$1.txt" 2>&1 &
    guest_pids+=($!)
    until_true grep -q rig_files= "$D/guest-$1.txt"
    "$T/tests/native/ctl-ask" "$D/stub-ctl" memory "$1" "$D/g/$1/ram" >/dev/null
}

attach_guest() { # DOMID
    [ "${mmio_program-}" = none ] || ask unit "vgt-mmio@$1" failure "${mmio_of[$1]:-${mmio_program:-$B/services/mmio/vgt-mmio}}" --domid "$1" \
        --wire "unix:$D/wire" --vmm "shm:$D/g" $no_quarantine
    VGT_CTL=unix:$D/ctl VGT_DM_REAL=/bin/true "$B/services/broker/vgt-dm" -xen-domid "$1" \
        -name "rig$1" -vgt "${vgpu_of[$1]:-type=small}" -machine xenfv
}

# One more guest, domain $extra, that asks for this (small) and is refused with this sentence.
extra=9
refused_guest() { # SENTENCE [KEY=VALUE,...]
    local pid rc=0
    "$T/tests/rig/vgt-rig-guest" --dir "$D/g" --domid $extra --vcpus 1 --seconds 86400 \
        --limit 60 >"$D/extra.txt" 2>&1 &
    pid=$!
    until_true grep -q rig_files= "$D/extra.txt" || return
    "$T/tests/native/ctl-ask" "$D/stub-ctl" memory $extra "$D/g/$extra/ram" >/dev/null
    VGT_CTL=unix:$D/ctl VGT_DM_REAL=/bin/true "$B/services/broker/vgt-dm" -xen-domid $extra \
        -name extra -vgt "${2:-type=small}" -machine xenfv 2>"$D/dm.txt" && rc=1
    kill -9 $pid
    wait $pid 2>/dev/null || true
    "$T/tests/native/ctl-ask" "$D/stub-ctl" forget $extra >/dev/null
    rm -r "$D/g/$extra"
    [ $rc = 0 ] || echo "$0: a guest was attached that could not be" >&2
    grep -qF -- "$1" "$D/dm.txt" || { cat "$D/dm.txt" >&2 && return 1; }
    until_true extra_is_gone || return
    echo "VGT: rig_refused_guest=\"$(sed 's/^vgt-dm: //' "$D/dm.txt")\""
    return $rc
}
extra_is_gone() {
    ! "$B/vgtctl/vgtctl" --connect "unix:$D/ctl" list | grep -q "^ *$extra "
}

# The domains are gone: so must be what was theirs, at every service and in the module's place.
nothing_left() {
    local status
    status=$("$T/tests/native/ctl-ask" "$D/stub-ctl" status)
    grep -q '"pins":0,"domains":\[\]' <<<"$status" && ! ask status | grep -q "^vgt-mmio.*state=[^d]"
}
