# SPDX-License-Identifier: MIT
# Sourced by dom0 scripts: guests by number, from guest.cfg.in. Their consoles are $OUT/guest-N.log.

# guest_cfg N [EXTRA-CMDLINE]: write the configuration of guest N, print its path.
guest_cfg() {
    gc=/var/lib/vgt-testbed/guest-$1.cfg
    sed -e "s|@NAME@|guest-$1|" -e "s|@MEMORY@|$VGT_GUEST_MB|" -e "s|@VCPUS@|${VGT_GUEST_VCPUS:-1}|" \
        -e "s|@CMDLINE@|$VGT_CMDLINE ${2-}|" -e "s|@OUT@|$OUT|" /usr/lib/vgt-testbed/guest.cfg.in >"$gc"
    if [ -x /usr/libexec/vgt/vgt-dm ]; then
        echo 'device_model_override="/usr/libexec/vgt/vgt-dm"' >>"$gc"
        [ -z "${VGT_TYPE-}" ] || echo "device_model_args=[\"-vgt\",\"type=$VGT_TYPE\"]" >>"$gc"
    else
        # Without a VGA card the xen-platform device would take slot 2, the GPU's.
        printf '%s\n' xen_platform_pci=0 'device_model_args_hvm=["-device","xen-platform,addr=0x4"]' >>"$gc"
    fi
    echo "$gc"
}

# guest_create N [EXTRA-CMDLINE]: build it and let it run.
guest_create() {
    xl create "$(guest_cfg "$@")" || { echo "xl create of guest-$1 failed"; return 1; }
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

# guest_says N SECONDS PATTERN: until its console shows the extended regular expression.
guest_says() { await "$2" grep -aqE "$3" "$OUT/guest-$1.log"; }

guest_gone() { ! xl domid "guest-$1" >/dev/null 2>&1; }

# guest_wait N SECONDS: until it has powered itself off.
guest_wait() { await "$2" guest_gone "$1" || { echo "guest-$1 did not power off"; return 1; }; }
