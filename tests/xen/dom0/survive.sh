# SPDX-License-Identifier: MIT
# Sourced by dom0 scripts that hurt services while two guests work: after each blow both must go on.
# kills.tsv has, per blow: whom, what, ms until the unit was ready again, ms until both guests had
# reported again.
. guests.sh
say() { printf 'vgt-testbed: survive: %4d s: %s\n' "$(cut -d. -f1 /proc/uptime)" "$*" >/dev/console; }
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }
reports() { grep -ac 'VGT: blit_so_far' "$OUT/guest-$1.log"; }
more_reports() { [ "$(reports "$1")" -gt "$2" ]; }
pid_of() { timeout 20 systemctl show -p MainPID --value "$1"; }
state_of() { timeout 20 systemctl show -p ActiveState --value "$1"; }
last_words_of_all() {
    timeout 20 systemctl list-units --all --no-legend --plain 'vgt*'
    timeout 60 journalctl -b --no-pager -o short-monotonic -n "$1" -u 'vgt*'
}
again() { [ "$(state_of "$1")" = active ] && [ "$(pid_of "$1")" != "$2" ] && [ "$(pid_of "$1")" != 0 ]; }
is_active() { [ "$(state_of "$1")" = active ]; }
log_blow() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$OUT/kills.tsv"; } # WHOM WHAT READY-MS GUESTS-MS

# A report under way when the service died proves nothing: two more of each guest do.
both_go_on() { # WHAT
    bg_1=$(($(reports 1) + 1)) bg_2=$(($(reports 2) + 1))
    await 120 more_reports 1 $bg_1 && await 120 more_reports 2 $bg_2 && return
    last_words_of_all 60
    echo "after $1 a guest did not go on; last words: $(guest_last_words 1) / $(guest_last_words 2)"
    return 1
}

# It died, of what WHAT says, at ST_T; it is there again and both guests go on.
came_back() { # UNIT OLD-PID WHAT
    await 90 again "$1" "$2" || { last_words_of_all 60; echo "$1 did not come back after $3"; return 1; }
    st_ready=$(($(now_ms) - st_t))
    both_go_on "$3 of $1" || return 1
    log_blow "$1" "$3" $st_ready $(($(now_ms) - st_t))
    say "$3 of $1: ready after $st_ready ms, both guests go on"
}

# The next vgt-gtt makes tables of its own and gives these back: the judge is told of them while they are
# there (docs/testbed.md). Held meanwhile, it makes no more. A signal that comes then kills it at once or, if
# it is not KILL, when it goes on. One that is not there is waited for, or it would come, make tables and die
# between question and blow.
held_still() { # there may be no process to hold, which is no error of systemctl's
    timeout 20 systemctl kill -s STOP vgt-gtt
    hs_pid=$(pid_of vgt-gtt)
    [ "$hs_pid" != 0 ] && grep -q '^State:.T' "/proc/$hs_pid/status"
}
tables_known() { # UNIT: about to die
    [ "$1" = vgt-gtt ] || return 0
    await 30 held_still || return 1
    walk --only-stub
}
die() { # UNIT SIGNAL
    timeout 20 systemctl kill -s "$2" "$1"
    [ "$2" = KILL ] || [ "$1" != vgt-gtt ] || timeout 20 systemctl kill -s CONT vgt-gtt || :
}

struck() { # UNIT SIGNAL
    tables_known "$1" || return 1
    st_pid=$(pid_of "$1") st_t=$(now_ms)
    die "$1" "$2"
    came_back "$1" "$st_pid" "$2"
}

services() { # all there are, the guests' too; not ourselves
    systemctl list-units --plain --no-legend 'vgt-*.service' | awk '$1 != "vgt-testbed.service" { print $1 }'
}

# Two guests that copy without end, and say so every two seconds; the second with more on its command line.
two_guests() { # [CMDLINE-OF-2]
    guest_create 1 && guest_create 2 "${1-}" || return 1
    for tg in 1 2; do guest_says $tg 240 'VGT: blit_so_far' || return 1; done
    say "both guests copy"
    : >"$OUT/kills.tsv"
}

# Both end by themselves and tell how it was; nothing of theirs stays.
guests_end() {
    walk || return 1 # while the tables that the services made for them are there (docs/testbed.md)
    say "the judge knows who owns what"
    vgtctl status
    vgtctl --json status >"$OUT/vgtctl.json"
    judge status >"$OUT/judge.json"
    say "services and judge have told how it was"
    for ge in 1 2; do guest_gone $ge || xl shutdown guest-$ge; done
    say "guests are asked to end"
    for ge in 1 2; do guest_wait $ge 180 || return 1; done
    say "guests have ended"
    walk
}
