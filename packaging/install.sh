#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what was built below BUILD-DIR into DESTDIR.
# usage: packaging/install.sh [--strict] [--hardened] DESTDIR BUILD-DIR
#   --strict    status 1 if a program was not built; else it is only named on stderr and left out
#   --hardened  services run as users of their own in a sandbox, with a watchdog
set -eu
strict= hardened=
while :; do
    case ${1-} in
    --strict) strict=1 ;;
    --hardened) hardened=1 ;;
    *) break ;;
    esac
    shift
done
[ $# = 2 ] || { echo "usage: packaging/install.sh [--strict] [--hardened] DESTDIR BUILD-DIR" >&2; exit 2; }
dest=$(realpath -m "$1")
built=$(realpath "$2")
cd "$(dirname "$0")/.."
missing=0

program() { # BUILT-FILE PATH
    if [ -x "$built/$1" ]; then
        install -D -m 755 "$built/$1" "$dest$2"
    else
        echo "install.sh: $1 was not built: $2 is left out" >&2
        missing=1
        rm -f "$dest$2"
    fi
}
file() { install -D -m "$1" "$2" "$dest$3"; }

libexec=/usr/libexec/vgt
program services/broker/vgt-broker $libexec/vgt-broker
program services/broker/vgt-dm $libexec/vgt-dm
program services/gtt/vgt-gtt $libexec/vgt-gtt
program services/sched/vgt-sched $libexec/vgt-sched
program services/display/vgt-display $libexec/vgt-display
program services/mmio/vgt-mmio $libexec/vgt-mmio
program vgtctl/vgtctl /usr/bin/vgtctl
file 755 systemd/vgt-prepare $libexec/vgt-prepare
for unit in systemd/*.service systemd/*.target; do
    file 644 "$unit" "/usr/lib/systemd/system/${unit##*/}"
done
for conf in systemd/hardened/*.conf; do
    name=${conf##*/}
    drop_in=/usr/lib/systemd/system/${name%.conf}.d/50-hardened.conf
    if [ -n "$hardened" ]; then file 644 "$conf" "$drop_in"; else rm -f "$dest$drop_in"; fi
done
file 644 systemd/vgt.sysusers /usr/lib/sysusers.d/vgt.conf
file 644 systemd/70-vgt-xen.rules /usr/lib/udev/rules.d/70-vgt-xen.rules
[ -e "$dest/etc/default/vgt" ] || file 644 systemd/vgt.default /etc/default/vgt
file 644 packaging/vgtctl.bash-completion /usr/share/bash-completion/completions/vgtctl
for page in man/*.[1-9]; do
    file 644 "$page" "/usr/share/man/man${page##*.}/${page##*/}"
done
[ -z "$strict" ] || exit $missing
