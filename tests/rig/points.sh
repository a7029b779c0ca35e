# SPDX-License-Identifier: MIT
# Sourced by run-points: how a point is armed and reached, what must hold afterwards, and the account
# of it all. Waiting is always for something to become true, never for a time.

troubles=() # what went wrong
bad=0 recoveries=0 missed=0 fewer=0 replayed=0 kills_begun=0
list=()     # "UNIT POINT"; unit "mmio" in the list stands for the vgt-mmio of a guest
at_work=()  # those that plain work reached
running=(1 2)
third=2     # the last domain number given to a guest that comes and goes
guests_so_far=0 # of these
declare -A mark fds said

# ---- asking

ctl() {
    "$T/vgtctl/vgtctl" -c "unix:$D/ctl" -t 5 "$@"
}

ask_stub() {
    "$T/tests/native/ctl-ask" "$D/stub-ctl" "$@"
}

unit_field() { # UNIT KEY
    ask status | sed -n "s/^$1 .*\\b$2=\\([^ ]*\\).*/\\1/p"
}

# Until a unit's line of status is so, S seconds at most.
unit_is() { # S UNIT KEY=VALUE|KEY>=N...
    "$T/tests/rig/vgt-rig-keeper" --wait "$D/keeper" "$@"
}

# Until the command succeeds, S seconds at most.
within() { # S COMMAND...
    local end=$((SECONDS + $1 + 1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.02
    done
}

# Said at once, and once more at the end: who reads only the end of a log shall know.
trouble() {
    echo "VGT: points_trouble $*"
    troubles+=("$*")
    bad=1
}

# What each thread of a unit does, and its last words, for who asks why it does not come.
look_at() { # UNIT
    local pid task
    pid=$(unit_field "$1" pid)
    echo "VGT: points_look unit=$1 pid=$pid at=$(cut -d' ' -f1 /proc/uptime) $(ask status | grep "^$1 ")"
    for task in /proc/"$pid"/task/*; do
        echo "VGT: points_look $(cut -d' ' -f2,3 "$task/stat" 2>/dev/null)" \
            "wchan=$(cat "$task/wchan" 2>/dev/null)" \
            "syscall=$(cut -d' ' -f1-4 "$task/syscall" 2>/dev/null)" \
            "stack=$(sed 's/.* \([^+]*\)+.*/\1/' "$task/stack" 2>/dev/null | head -n 6 | paste -sd ' ')"
    done
    for task in "$1" vgt-broker softstub keeper; do
        tail -n 4 "$D/$task.log" 2>/dev/null | sed "s/^/VGT: points_look $task: /"
    done
}

# ---- what guests say

last_report() { # DOMID
    tail -n 1 "$D/guest-$1.txt"
}

# Without one that is half written.
last_whole_report() { # DOMID
    { tail -n 2 "$D/guest-$1.txt" && echo .; } | tail -n 2 | head -n 1
}

# To $so_far; 0 before the first report.
completed() { # DOMID
    [[ $(last_report "$1") =~ \ completed=([0-9]+) ]] && so_far=${BASH_REMATCH[1]} || so_far=0
}

completed_at_least() { # DOMID N
    completed "$1"
    [ $so_far -ge "$2" ]
}

# The broker serves this service.
knows() { # UNIT
    ctl --json status | jq -e --arg u "$1" '.services[] | select(.name == $u) | .state == "running"' >/dev/null
}

# Each guest that runs has completed N submissions at least.
progress() { # N
    local g
    for g in "${running[@]}"; do completed_at_least "$g" "$1" || return 1; done
}

mark_guests() {
    local g
    for g in "${running[@]}"; do mark[$g]=$(stat -c %s "$D/guest-$g.txt"); done
}

# The longest any guest waited for a submission since the mark.
pause_since() {
    local g
    for g in "${running[@]}"; do tail -c "+$((${mark[$g]:-0} + 1))" "$D/guest-$g.txt"; done |
        sed -n 's/.*since_ms=\([0-9]*\).*/\1/p' | sort -n | tail -n 1
}

# Nothing wrong at any guest, ever, and the judge agrees; what is wrong is said once. WHAT happened last.
all_well() { # WHAT
    local g line wrong violations
    for g in "${running[@]}"; do
        line=$(last_whole_report "$g")
        wrong=$(grep -oE "(lost|wrong_bytes|wrong_seqnos|csb_lost|never_idle)=[0-9]+" <<<"$line" | paste -sd " ")
        [ "$wrong" = "${said[$g]:-lost=0 wrong_bytes=0 wrong_seqnos=0 csb_lost=0 never_idle=0}" ] ||
            trouble "after=\"$1\" guest=$g ${line#VGT: }"
        said[$g]=$wrong
    done
    violations=$("$T/tests/native/ctl-ask" "$D/gpu-ctl" violations)
    grep -q '"count":0,' <<<"$violations" || [ "$violations" = "${said[0]-}" ] ||
        trouble "after=\"$1\" violations=$violations"
    said[0]=$violations
}

# ---- dying at a point

# What it found unfinished when it came back, as vgtctl has it.
count_replayed() { # UNIT
    local n
    n=$(ctl --json status 2>/dev/null | jq --arg u "$1" '[.services[] | select(.name == $u) | .replayed] | add') || n=0
    [[ $n =~ ^[0-9]+$ ]] || n=0
    replayed=$((replayed + n))
}

# The service is back and every guest goes on.
recovered() { # UNIT WHAT
    local g pause so_far at
    unit_is 30 "$1" state=ready || {
        trouble "after=\"$2\" $1 does not come back"
        look_at "$1"
        return 0
    }
    for g in "${running[@]}"; do
        completed "$g"
        within 10 completed_at_least "$g" $((so_far + 4)) || look_at_all
        within 50 completed_at_least "$g" $((so_far + 4)) ||
            trouble "after=\"$2\" guest $g does not go on: $(last_report "$g")"
    done
    pause=$(pause_since)
    echo "$pause" >>"$D/pauses"
    read -r at _ </proc/uptime
    echo "VGT: points_died $2 pause_ms=$pause at=$at"
    recoveries=$((recoveries + 1))
    count_replayed "$1"
    all_well "$2"
}

look_at_all() {
    local u
    for u in vgt-broker vgt-gtt vgt-sched vgt-display vgt-mmio@1 vgt-mmio@2 softstub softgpu; do look_at $u; done
}

arm() { # UNIT POINT N
    within 5 ask arm "$1" "$2" "$3" || trouble "cannot arm $1 $2"
}

work() { :; }
restart() { ask kill "$1" KILL >/dev/null || true; }
broker() { ask kill vgt-broker KILL >/dev/null || true; }
gtt() { ask kill vgt-gtt KILL >/dev/null || true; }
# One that the broker knows: only its loss is one.
peer() {
    within 10 knows vgt-display
    ask kill vgt-display KILL >/dev/null || true
}
shot() { ctl screenshot 1 -o "$D/shot.png" >/dev/null 2>&1 || true; }
on_screen=1
switch() {
    on_screen=$((3 - on_screen))
    ctl switch $on_screen >/dev/null 2>&1 || true
}

# 0: it died there and everybody recovered. 1: the point was not passed so often, and four times as much of
# the same would not do.
die_at() { # UNIT POINT N ACTION
    local unit=$1 fired try
    fired=$(unit_field "$unit" fired)
    mark_guests
    arm "$unit" "$2" "$3"
    for ((try = 0; try < 4; try++)); do
        $4 "$unit"
        unit_is 2 "$unit" "fired>=$((fired + 1))" && break
        [ "$4" = work ] || unit_is 10 "$unit" state=ready || true
        [ $((4 * ($3 - $(unit_field "$unit" left)))) -ge "$3" ] || break
    done
    if ! unit_is 0 "$unit" "fired>=$((fired + 1))"; then
        ask disarm "$unit" >/dev/null
        return 1
    fi
    recovered "$unit" "$unit $2 passing $3"
}

# ---- what leads to a point: work, restart, broker, gtt, peer, switch, shot; come and go: of a guest;
# never: not with these victims

# Points of what the other generation has.
elsewhere() { # POINT
    case $gen in
    hsw | *04?? | *0[acd]??)
        case $1 in
        sched.submit.* | sched.event.applied | sched.event.counted | sched.save.*) return 0 ;;
        sched.context.noted | sched.context.ready | sched.context.audited | sched.context.marked) return 0 ;;
        sched.tlb.flushed) return 0 ;; # flushed but for engines that were never up
        gtt.root.put) return 0 ;;
        mmio.elsp.* | mmio.csb.* | mmio.submit.*) return 0 ;;
        esac
        ;;
    *)
        case $1 in
        gtt.dir.* | gtt.directory.* | sched.chunk.* | sched.image.* | sched.ring.*) return 0 ;;
        mmio.ring.* | mmio.mode.* | mmio.directory.*) return 0 ;;
        esac
        ;;
    esac
    return 1
}

way_to() { # UNIT POINT
    ! elsewhere "$2" || { echo never && return; }
    case $2 in
    wire.device.came) [[ $1 = vgt-mmio@* ]] && echo never || echo restart ;; # it has none of its own
    broker.start.state-made) echo never ;; # the first broker since boot; nothing is there to be lost
    broker.attach.* | broker.aperture.* | broker.part.made) echo come ;;
    broker.remove.*) echo go ;;
    broker.start.* | broker.part.stored) echo restart ;;
    broker.service.*) echo peer ;;
    broker.relay.*) echo switch ;;
    gtt.slice.* | display.shot.*) echo shot ;;
    gtt.host.written | gtt.host.served) echo never ;; # vgt-sched asks for entries at its very first start
    gtt.worker.pinned) echo come ;; # frames of a table that nobody pinned before
    gtt.page.freed | gtt.detach.* | gtt.remove.* | gtt.clear.entry | gtt.root.put) echo go ;;
    gtt.fence.off | gtt.shadow.going | gtt.track.unmapped) echo go ;;
    gtt.start.* | gtt.rebuild.* | gtt.attach.* | gtt.pin.adopted | gtt.page.*) echo restart ;;
    gtt.shadow.made | gtt.track.* | gtt.root.* | gtt.worker.entered) echo restart ;;
    sched.start.* | sched.attach.*) echo restart ;;
    sched.guest.reset) echo come ;; # its driver resets the engine before it uses it
    sched.remove.*) echo go ;;
    display.start.* | display.attach.*) echo restart ;;
    display.mode.*) echo restart ;;
    display.switch.* | display.plane.* | display.timing.*) echo switch ;;
    display.remove.*) echo go ;;
    mmio.attach.* | mmio.init.trapped) echo restart ;;
    mmio.init.* | mmio.bar?.* | mmio.aperture.* | mmio.reset.*) echo come ;;
    mmio.access.parked | mmio.journal.undone | mmio.bell.*) echo come ;;
    mmio.event.sched) echo work ;;
    mmio.event.*) echo gtt ;; # which asks anew which pages are to trap
    mmio.remove.*) echo go ;;
    wire.guest.still | wire.lost) echo broker ;;
    wire.guest.removing) echo go ;;
    wire.*) echo restart ;;
    *) echo any ;;
    esac
}

make_list() {
    local v unit point rest
    for v in $victims; do
        unit=$v
        [ "$v" != mmio ] || unit=vgt-mmio@1
        while read -r point rest; do
            [[ $point =~ ^[a-z]+\. && "$v $point" =~ $only ]] && list+=("$unit $point")
        done < <(ask points "$unit")
    done
    [ ${#list[@]} != 0 ] || trouble "no points; is $B built with crash points?"
}

not_reached() { # UNIT POINT N
    if [ "$3" = 1 ]; then
        trouble "not reached: $1 $2"
        missed=$((missed + 1))
    else
        fewer=$((fewer + 1))
    fi
}

# Those that two running guests are enough for. The others are left in come and go.
single_points() { # N
    local item unit point way try
    come=() go=()
    for item in "${list[@]}"; do
        read -r unit point <<<"$item"
        way=$(way_to "$unit" "$point")
        case $way in
        never) continue ;;
        come | go) ;;
        any)
            for try in work restart broker gtt switch shot come; do
                way=$try
                [ $try != come ] || break
                die_at "$unit" "$point" "$1" $try && break
            done
            [ $way != work ] || at_work+=("$item")
            ;;
        *)
            die_at "$unit" "$point" "$1" "$way" || not_reached "$unit" "$point" "$1"
            [ $way != work ] || at_work+=("$item")
            ;;
        esac
        case $way in
        come) come+=("$item") ;;
        go) go+=("$item") ;;
        esac
    done
}

# ---- a guest that comes and goes

# As systemd would at the broker's wish: a vgt-mmio that ended because its guest was taken back is
# started anew for the next attempt.
third_mmio() { # DOMID
    local unit=vgt-mmio@$1
    if unit_is 0 "$unit" state=down; then
        ask stop "$unit"
        ask forget "$unit"
    fi
    ask status | grep -q "^$unit " ||
        ask unit "$unit" failure "$B/services/mmio/vgt-mmio" --domid "$1" --wire "unix:$D/wire" --vmm "shm:$D/g" \
            $no_quarantine
}

third_is_up() { # DOMID
    grep -q rig_up "$D/guest-$1.txt" && return
    third_mmio "$1"
    VGT_CTL=unix:$D/ctl VGT_DM_REAL=/bin/true "$B/services/broker/vgt-dm" -xen-domid "$1" \
        -name "rig$1" -vgt type=small -machine xenfv
    grep -q rig_up "$D/guest-$1.txt"
}

third_begins() {
    guests_so_far=$((guests_so_far + 1))
    third=$((third < 50 ? third + 1 : 3))
    rm -rf "$D/g/$third" "$D/guest-$third.txt"
    unset "said[$third]"
    "$T/tests/rig/vgt-rig-guest" --dir "$D/g" --domid $third --vcpus "$vcpus" --seconds "$work" \
        --seed $((seed + third)) --limit "$limit" $guest_options >"$D/guest-$third.txt" 2>&1 &
    guest_pids[2]=$!
    within 5 grep -q rig_files= "$D/guest-$third.txt"
    ask_stub memory $third "$D/g/$third/ram" >/dev/null
    third_mmio $third >/dev/null
}

third_is_gone() { # DOMID
    ctl --json list | jq -e --argjson d "$1" '[.guests[].domid] | index($d) | not' >/dev/null &&
        ! ask_stub status | grep -q "\"domid\":$1," &&
        ask status | grep -q "^vgt-gtt .*state=ready"
}

third_ends() {
    kill -9 "${guest_pids[2]}" 2>/dev/null || true
    wait "${guest_pids[2]}" 2>/dev/null || true
    unset 'guest_pids[2]'
    running=(1 2)
    ask_stub forget $third >/dev/null
    within 60 third_is_gone $third || trouble "after=\"$1\" domain $third stays: $(ask_stub status)"
    ask stop vgt-mmio@$third >/dev/null
    within 5 ask forget vgt-mmio@$third || trouble "vgt-mmio@$third does not end"
}

unit_of() { # UNIT: the list's vgt-mmio@1 is the third guest's here
    case $1 in vgt-mmio@*) echo "vgt-mmio@$third" ;; *) echo "$1" ;; esac
}

# The attach of one guest with a death in it, its removal with another one.
one_guest() { # N "UNIT POINT" "UNIT POINT": either may be empty
    local unit point fired
    third_begins
    mark_guests
    read -r unit point <<<"$2"
    if [ -n "$point" ]; then
        unit=$(unit_of "$unit")
        fired=$(unit_field "$unit" fired)
        arm "$unit" "$point" "$1"
    fi
    within 60 third_is_up $third || trouble "after=\"$2\" guest $third does not come up"
    running=(1 2 $third)
    if [ -z "$point" ]; then
        recovered vgt-broker "attach"
    elif unit_is 2 "$unit" "fired>=$((fired + 1))"; then
        recovered "$unit" "$2 passing $1"
    else
        ask disarm "$unit" >/dev/null
        retry+=("$2")
    fi
    read -r unit point <<<"$3"
    if [ -n "$point" ]; then
        unit=$(unit_of "$unit")
        fired=$(unit_field "$unit" fired)
        arm "$unit" "$point" "$1"
    fi
    third_ends "$3"
    [ -n "$point" ] || return 0
    if [ "$unit" != "vgt-mmio@$third" ] && ! unit_is 0 "$unit" "fired>=$((fired + 1))"; then
        ask disarm "$unit" >/dev/null
        not_reached "${3% *}" "$point" "$1"
        return 0
    fi
    mark_guests
    recovered vgt-broker "$3 passing $1"
}

# Whether guests that came and went so far made so many passings each. Of a vgt-mmio nobody knows: its
# table went with it.
often() { # UNIT POINT N
    local passed
    [ "$3" -gt 1 ] || return 0
    passed=$(ask points "$1" | sed -n "s/^$2 passed=\([0-9]*\) .*/\1/p")
    [[ $1 != vgt-mmio@* && $passed -ge $(($3 * guests_so_far)) ]]
}

# What a coming guest does not lead to may be on the way of one that goes.
guest_points() { # N
    local i
    retry=()
    for i in "${!come[@]}"; do
        often ${come[i]} "$1" || { unset "come[$i]" && fewer=$((fewer + 1)); }
    done
    for i in "${!go[@]}"; do
        often ${go[i]} "$1" || { unset "go[$i]" && fewer=$((fewer + 1)); }
    done
    come=("${come[@]}") go=("${go[@]}")
    for ((i = 0; i < ${#come[@]} || i < ${#go[@]}; i++)); do
        one_guest "$1" "${come[i]-}" "${go[i]-}"
    done
    for i in "${!retry[@]}"; do one_guest "$1" "" "${retry[i]}"; done
}

# ---- chance

random_points() { # SECONDS
    local end=$((SECONDS + $1)) unit point
    while [ $SECONDS -lt $end ] && [ ${#at_work[@]} != 0 ]; do
        read -r unit point <<<"${at_work[RANDOM % ${#at_work[@]}]}"
        die_at "$unit" "$point" $((1 + RANDOM % 100)) work || true
    done
}

random_kills() { # SECONDS
    local names=() v
    for v in $victims; do
        if [ "$v" = mmio ]; then names+=(vgt-mmio@1 vgt-mmio@2); else names+=("$v"); fi
    done
    mark_guests
    ask every 400 KILL "${names[@]}" >/dev/null
    sleep "$1" # this long, not until something
    ask calm >/dev/null
    for v in "${names[@]}"; do unit_is 30 "$v" state=ready || { trouble "$v does not come back" && look_at "$v"; }; done
    recovered vgt-broker "random kills"
}

# ---- nothing left over

count_fds() { # UNIT
    find "/proc/$(unit_field "$1" pid)/fd" -type l | wc -l
}

# Of processes that were restarted once, as all will be at the end.
note_start() {
    local u
    for u in vgt-broker vgt-gtt vgt-display vgt-mmio@1 vgt-mmio@2; do
        restart $u
        mark_guests
        recovered $u "first restart of $u"
    done
    for u in vgt-broker vgt-gtt vgt-sched vgt-display vgt-mmio@1 vgt-mmio@2; do
        fds[$u]=$(count_fds $u)
    done
}

same_descriptors() {
    local u n rc=0
    for u in "${!fds[@]}"; do
        n=$(count_fds "$u")
        echo "VGT: points_descriptors unit=$u before=${fds[$u]} after=$n"
        [ "$n" -le "${fds[$u]}" ] || rc=1
    done
    return $rc
}

# Pages and pins at the nodes, and what the broker keeps at its supervisor.
left_over() {
    ask_stub status
    unit_field vgt-broker kept
}

restored() {
    [ "$(left_over)" = "$before" ]
}

end_guests() {
    local g
    kill "${guest_pids[@]}"
    for g in "${guest_pids[@]}"; do wait "$g" || trouble "a guest ended badly"; done
    guest_pids=()
    for g in 1 2; do
        { grep -hE "rig_(result|other|error|killed)" "$D/guest-$g.txt" || true; } | sed "s/^VGT: /VGT: guest=$g /"
        ask_stub forget $g >/dev/null
        ask stop vgt-mmio@$g >/dev/null
    done
}

report() {
    local n worst what
    sort -n "$D/pauses" >"$D/pauses.sorted"
    n=$(wc -l <"$D/pauses.sorted")
    worst=$(tail -n 1 "$D/pauses.sorted")
    ask status | sed '/^ok$/d; s/^/VGT: unit=/'
    for what in "${troubles[@]}"; do echo "VGT: points_trouble_was $what"; done
    [ "$(left_over)" = "$before" ] || echo "VGT: points_left before=$before after=$(left_over)"
    echo "VGT: points listed=${#list[@]} missed=$missed seldom=$fewer recoveries=$recoveries" \
        "kills=$(ask status | sed -n 's/.* failures=\([0-9]*\).*/\1/p' | awk '{ n += $1 } END { print n }')" \
        "pause_median_ms=$(sed -n "$(((n + 1) / 2))p" "$D/pauses.sorted") pause_worst_ms=$worst replayed=$replayed"
}
