# SPDX-License-Identifier: MIT
# Sourced by dom0 scripts: guests by number, from guest.cfg.in. Their consoles are $OUT/guest-N.log: Xen's
# own, as each character on an emulated serial port is a trip to the device model (90 s for a kernel's log).

# guest_cfg N [EXTRA-CMDLINE]: write the configuration of guest N, print its path. VGT_ON_REBOOT: what becomes of
# one that reboots (destroy).
guest_cfg() {
    gc=/var/lib/vgt-testbed/guest-$1.cfg
    gc_boot=/mnt/vgt/guest
    [ ! -d "$gc_boot/$1" ] || gc_boot=$gc_boot/$1 # --guest-kernel
    sed -e "s|@NAME@|guest-$1|" -e "s|@MEMORY@|$VGT_GUEST_MB|" -e "s|@VCPUS@|${VGT_GUEST_VCPUS:-1}|" \
        -e "s|@CMDLINE@|vgt.name=guest-$1 $VGT_CMDLINE ${2-}|" -e "s|@BOOT@|$gc_boot|" \
        -e "s|@ON_REBOOT@|${VGT_ON_REBOOT:-destroy}|" \
        /usr/lib/vgt-testbed/guest.cfg.in >"$gc"
    ln -sf "guest-guest-$1.log" "$OUT/guest-$1.log" # xenconsoled's name for it
    [ -e "$gc_boot/initrd" ] || sed -i /^ramdisk=/d "$gc"
    if vgt_wanted; then
        echo 'device_model_override="/usr/libexec/vgt/vgt-dm"' >>"$gc"
        echo "device_model_args=[\"-vgt\",\"type=$VGT_TYPE\"]" >>"$gc"
    else
        # Without a VGA card the xen-platform device would take slot 2, the GPU's.
        printf '%s\n' xen_platform_pci=0 'device_model_args_hvm=["-device","xen-platform,addr=0x4"]' >>"$gc"
    fi
    echo "$gc"
}

# guest_build N [EXTRA-CMDLINE]: make it, paused.
guest_build() { build_from "$1" "$(guest_cfg "$@")"; }
build_from() { xl create -p "$2" || { echo "xl create of guest-$1 failed"; return 1; }; }

# guest_create N [EXTRA-CMDLINE]: build it and let it run, once the judge knows its frames.
guest_create() { guest_start "$1" "$(guest_cfg "$@")"; }

# guest_start N CONFIGURATION: the same with what guest_cfg wrote, or what has been made of it.
guest_start() {
    build_from "$@" && walk || return 1
    xl unpause "guest-$1"
}

# Are guests to have vGPUs, and can they?
vgt_wanted() { [ -n "$VGT_VGPU" ] && [ -x /usr/libexec/vgt/vgt-dm ]; }

# vgt_start: what a package does when it is installed; the module, the services; returns when vgtctl
# answers.
vgt_start() {
    systemd-sysusers && udevadm control --reload || return 1
    for vs_module in xen-gntdev xen-gntalloc xen-evtchn; do
        modprobe $vs_module || return 1
    done
    insmod /usr/lib/vgt-testbed/vgt_stub.ko || return 1
    await 20 test -e /dev/vgt/broker || return 1
    systemctl start vgt.target || { vgt_why; return 1; }
    await 90 vgtctl status || { vgt_why; return 1; }
}

# vgt_stop: the services; systemd then drops the descriptors it kept for them: the GPU is nobody's.
vgt_stop() { systemctl stop vgt.target 'vgt-mmio@*.service' vgt-display vgt-sched vgt-gtt vgt-broker vgt-units.socket; }

# The journal's last lines of our units, so that a failed start says why; then one sentence.
vgt_why() {
    journalctl -b --no-pager -o cat -n 40 -u 'vgt*'
    vw_failed=$(systemctl list-units --plain --no-legend --state=failed 'vgt*' | cut -d' ' -f1 | tr '\n' ' ')
    echo "vgt.target did not come up${vw_failed:+, failed: $vw_failed}"
}

# guest_show N: make it the foreground, the answer is left as switch-N.json.
guest_show() {
    vgtctl --json switch "$(guest_domid "$1")" >"$OUT/switch-$1.json" ||
        { echo "vgtctl switch to guest-$1 failed: $(cat "$OUT/switch-$1.json")"; return 1; }
}

# guest_pictures N: show it; leave the scan-out as screen-guest-N.png, its framebuffer as
# guest-guest-N.png.
guest_pictures() {
    gp_domid=$(guest_domid "$1")
    guest_show "$1" || return 1
    judge png 0 "$VGT_HOST_OUT/screen-guest-$1.png" >"$OUT/png-$1.json" ||
        { echo "softgpu made no picture of guest-$1: $(cat "$OUT/png-$1.json")"; return 1; }
    vgtctl --json screenshot "$gp_domid" -o "$OUT/guest-guest-$1.png" >"$OUT/shot-$1.json" ||
        { echo "vgtctl screenshot of guest-$1 failed: $(cat "$OUT/shot-$1.json")"; return 1; }
}

# guest_refused N REGEX: xl create must fail, and the device model's log and xenstore must say why: $gr_said.
guest_refused() {
    if xl create -p "$(guest_cfg "$1")" >/dev/null 2>&1; then
        echo "xl create of guest-$1 did not fail"
        return 1
    fi
    for gr_said in "$(tail -n 1 "/var/log/xen/qemu-dm-guest-$1.log")" \
        "$(xenstore-read /local/domain/0/vgt/last-error)"; do
        echo "$gr_said" | grep -qE "$2" || { echo "the reason for guest-$1 was only: $gr_said"; return 1; }
    done
    await 30 guest_gone "$1"
}

guest_domid() { xl domid "guest-$1" 2>/dev/null; }

# await SECONDS COMMAND...: until the command succeeds.
await() {
    aw_end=$(($(cut -d. -f1 /proc/uptime) + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(cut -d. -f1 /proc/uptime)" -lt "$aw_end" ] || { echo "waited in vain for: $*"; return 1; }
        sleep 0.2
    done
}

guest_gone() { ! xl domid "guest-$1" >/dev/null 2>&1; }
guest_said() { grep -aqE "$2" "$OUT/guest-$1.log"; }
guest_said_or_gone() { guest_said "$@" || guest_gone "$1"; }
guest_last_words() { tr -d '\r' <"$OUT/guest-$1.log" | grep -a . | tail -n 1; }

# guest_says N SECONDS PATTERN: until its console shows the extended regular expression; fails at once
# when the guest ends without.
guest_says() {
    await "$2" guest_said_or_gone "$1" "$3" || { echo "guest-$1 did not say $3 in $2 s"; return 1; }
    guest_said "$1" "$3" || { echo "guest-$1 ended before it said $3; last: $(guest_last_words "$1")"; return 1; }
}

# guest_go N [LINE]: the line on the console that a guest with vgt.wait=1 waits for.
guest_go() { echo "${2:-go}" >"$(xenstore-read "/local/domain/$(guest_domid "$1")/console/tty")"; }

# guest_wait N SECONDS: until it has powered itself off.
guest_wait() { await "$2" guest_gone "$1" || { echo "guest-$1 did not power off"; return 1; }; }
