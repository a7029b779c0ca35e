#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what was built below BUILD-DIR into DESTDIR: what a dom0 needs, or the software GPU.
# usage: packaging/install.sh [--strict] [--softgpu] DESTDIR BUILD-DIR
#   --strict    status 1 if a program was not built; else it is only named on stderr and left out
#   --softgpu   only softgpu and softgpu-trace with their pages: they need nothing else and nothing needs them
# On the machine itself, afterwards: systemd-sysusers; udevadm control --reload; systemctl daemon-reload
# (not for --softgpu)
set -eu
strict= softgpu=
usage() { echo "usage: packaging/install.sh [--strict] [--softgpu] DESTDIR BUILD-DIR" >&2; exit 2; }
while [ $# -gt 0 ]; do
    case $1 in
    --strict) strict=1 ;;
    --softgpu) softgpu=1 ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
[ $# = 2 ] || usage
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

page() { file 644 "$1" "/usr/share/man/man${1##*.}/${1##*/}"; }

if [ -n "$softgpu" ]; then
    for name in softgpu softgpu-trace; do
        program softgpu/$name /usr/bin/$name
        page man/$name.1
    done
    [ -z "$strict" ] || exit $missing
    exit 0
fi
libexec=/usr/libexec/vgt
program services/broker/vgt-broker $libexec/vgt-broker
program services/broker/vgt-dm $libexec/vgt-dm
program services/gtt/vgt-gtt $libexec/vgt-gtt
program services/sched/vgt-sched $libexec/vgt-sched
program services/display/vgt-display $libexec/vgt-display
program services/mmio/vgt-mmio $libexec/vgt-mmio
program vgtctl/vgtctl /usr/bin/vgtctl
file 755 systemd/vgt-prepare $libexec/vgt-prepare
file 755 systemd/vgt-units $libexec/vgt-units
for unit in systemd/*.service systemd/*.socket systemd/*.target; do
    file 644 "$unit" "/usr/lib/systemd/system/${unit##*/}"
done
file 644 systemd/vgt.sysusers /usr/lib/sysusers.d/vgt.conf
file 644 systemd/70-vgt-xen.rules /usr/lib/udev/rules.d/70-vgt-xen.rules
[ -e "$dest/etc/default/vgt" ] || file 644 systemd/vgt.default /etc/default/vgt
file 644 packaging/vgtctl.bash-completion /usr/share/bash-completion/completions/vgtctl
for name in man/*.[1-9]; do
    case $name in man/softgpu*) ;; *) page "$name" ;; esac
done
[ -z "$strict" ] || exit $missing
