# SPDX-License-Identifier: MIT
# Sourced by the benchmarks that run the real services in the rig (docs/rig.md): native, idle, fair, scale,
# split. softgpu with its cost model is the GPU, guests are vgt-rig-load: they work in a window of the GPU's
# clock, all in the same one, and say how much GPU time they had in it. Prints what bench.h's programs print.
# Each rig is a subshell's: rig_up in it, its end takes it down.
. tests/rig/rig.sh
B=build/gcc T=build/gcc gen=bdw seed=1 limit=60 out= vcpus=1 work=0 guest_options= load=1
rounds=9 quick= warm_ms=300

bench_options() {
    while [ $# -gt 0 ]; do
        case $1 in
        --rounds) rounds=$2 && shift ;;
        --cpus) shift ;; # the services run where they like
        --quick) quick=1 warm_ms=50 ;;
        *) echo "usage: $0 [--rounds N] [--quick] [--cpus A,B]" >&2 && exit 2 ;;
        esac
        shift
    done
}

say_head() { # CASE OURS PIECE KEY=VALUE...
    jq -nc --arg bench "$bench" --arg case "$1" --arg ours "$2" --arg piece "$3" \
        '{bench: $bench, case: $case, ours: $ours, piece: $piece, bytes: 0, max_ratio: 0, max_ns: 0, max_instructions: 0}
         + ([$ARGS.positional[] | capture("(?<key>.*)=(?<value>.*)") | {(.key): (.value | tonumber? // .)}] | add // {})' \
        --args "${@:4}"
}

say_sample() { # CASE WAY ROUND VALUE
    printf '{"bench":"%s","case":"%s","way":"%s","round":%d,"ns":%s}\n' "$bench" "$@"
}

wrong() {
    echo "bench: $bench: $*" >&2
    exit 1
}

# ---- a rig

declare -A pid_of=()
# GPU and services. With in_one=N all services but the broker are one process, with N guests' vgt-mmio.
in_one=
rig_up() { # GPU
    gen=$1
    rig_begin
    echo "busy-batch on" >"$D/cost"
    gpu_options="--cost $D/cost"
    mkfifo "$D/out"
    exec {answers}<>"$D/out"
    start_keeper
    start_gpu >/dev/null
    if [ -z "$in_one" ]; then
        start_services >/dev/null
    else
        start_one >/dev/null
    fi
}

start_one() {
    mmio_program=none
    ask unit vgt-broker always "$B/services/broker/vgt-broker" --wire "unix:$D/wire" --core NONE --ctl "unix:$D/ctl" \
        --vmm "shm:$D/g" --gpu "soft:$D/stub" --no-start --limit-ms "$step_ms"
    ask unit vgt-one never "$T/tests/rig/vgt-rig-one" --wire "unix:$D/wire" --vmm "shm:$D/g" --guests "$in_one"
    until_true is_ready vgt-broker
    until_true is_ready vgt-one
}

pid_of_unit() { ask status | sed -n "s/^$1 pid=\([0-9]*\) .*/\1/p"; }

# Processor time of all services, ns.
cpu_ns() {
    local pid
    for pid in $(ask status | sed -n 's/^vgt-[^ ]* pid=\([1-9][0-9]*\) .*/\1/p'); do cat /proc/"$pid"/task/*/schedstat; done |
        awk '{ sum += $1 } END { printf "%.0f", sum }'
}

add_guest() { # DOMID [VGPU]
    begin_attach "$@"
    attach_guest "$1" >/dev/null
    end_attach "$1"
}
# The same in parts, for who times it.
begin_attach() { # DOMID [VGPU]
    mkfifo "$D/in-$1"
    [ -z "${2-}" ] || vgpu_of[$1]=$2
    begin_guest "$1" >/dev/null
}
end_attach() { # DOMID
    until_true grep -Eq "rig_(up|error)" "$D/guest-$1.txt"
    pid_of[$1]=${guest_pids[-1]}
    ! grep -q rig_error "$D/guest-$1.txt" || wrong "guest $1: $(cat "$D/guest-$1.txt")"
}

# It ends, and all that was its own is given back.
remove_guest() { # DOMID
    local pid=${pid_of[$1]} i
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    for i in "${!guest_pids[@]}"; do [ "${guest_pids[i]}" != "$pid" ] || unset "guest_pids[i]"; done
    "$T/tests/native/ctl-ask" "$D/stub-ctl" forget "$1" >/dev/null
    until_true guest_is_gone "$1"
    ask stop "vgt-mmio@$1" >/dev/null
    until_true ask forget "vgt-mmio@$1"
    rm -r "$D/g/$1" "$D/in-$1" "$D/guest-$1.txt"
}
guest_is_gone() { # DOMID
    [ "$("$B/vgtctl/vgtctl" --connect "unix:$D/ctl" --json status | jq "[.guests[] | select(.domid == $1)] | length")" = 0 ]
}

# A driver of a GPU of its own, that does without services.
add_bare() {
    mkfifo "$D/in-0"
    ask unit softgpu-bare never "$T/softgpu/softgpu" --gpu "$gen" --strict --socket "$D/bare" --ctl "$D/bare-ctl" \
        --cost "$D/cost" >/dev/null
    until_true [ -S "$D/bare" ]
    "$T/tests/rig/vgt-rig-load" --bare "$D/bare" --in "$D/in-0" --out "$D/out" >"$D/guest-0.txt" 2>&1 &
    guest_pids+=($!)
    until_true grep -Eq "rig_(up|error)" "$D/guest-0.txt"
    ! grep -q rig_error "$D/guest-0.txt" || wrong "bare driver: $(cat "$D/guest-0.txt")"
}

# As much queued as takes eight milliseconds, but four at least, as many as there is room for.
depth_for() { # LENGTHS
    local longest=${1##*,} n
    n=$((8000 / longest / 2 * 2))
    [ $n -ge 4 ] || n=4
    [ $n -le 64 ] || n=64
    echo $n
}

# All of them work at once; had[DOMID] is the GPU time in ns, worked their sum, batches and submissions the
# numbers of all. A window in which a busy machine gave nobody a processor says nothing: another one.
declare -A had=()
work_all() { # MS WHO:LENGTHS...
    local i
    for ((i = 0; i < 10; i++)); do
        work_once "$@"
        [ $worked = 0 ] || return 0
    done
    wrong "nothing is done: $*"
}
work_once() {
    local now from to one line d
    now=$("$T/tests/rig/vgt-rig-load" --now)
    from=$((now + warm_ms * 1000000)) to=$((now + (warm_ms + $1) * 1000000))
    shift
    for one in "$@"; do
        echo "run ${one#*:} $(depth_for "${one#*:}") $from $to" >"$D/in-${one%%:*}"
    done
    had=() worked=0 batches=0 submissions=0
    for one in "$@"; do
        read -r -t 180 -u "$answers" line || wrong "a guest says nothing: $*"
        [[ $line == *" status=0 "*" lost=0 wrong=0 odd=0 "* ]] || wrong "$line"
        d=$(sed 's/.*domid=\([0-9]*\).*/\1/' <<<"$line")
        had[$d]=$(sed 's/.*gpu_ns=\([0-9]*\).*/\1/' <<<"$line")
        worked=$((worked + had[$d]))
        batches=$((batches + $(sed 's/.* batches=\([0-9]*\).*/\1/' <<<"$line")))
        submissions=$((submissions + $(sed 's/.*submissions=\([0-9]*\).*/\1/' <<<"$line")))
    done
}

# The share of the window in which the GPU did what guests wanted.
share_of_gpu() { # MS
    awk -v ns=$worked -v ms="$1" 'BEGIN { printf "%.6f", ns / (ms * 1e6) }'
}

# Nobody reached what is another's, no service was lost on the way, and it was the GPU that worked so long.
rig_judge() {
    local ctl again
    for ctl in "$D/gpu-ctl" "$D/bare-ctl"; do
        [ -S "$ctl" ] || continue
        "$T/tests/native/ctl-ask" "$ctl" status | jq -e '.isolation_violations == 0 and ([.offences[]] | add) == 0' \
            >/dev/null || wrong "the judge saw: $("$T/tests/native/ctl-ask" "$ctl" violations)"
    done
    again=$(ask status | grep '^vgt-' | grep -v ' starts=1 ' || true)
    [ -z "$again" ] || wrong "services that died: $again"
}
