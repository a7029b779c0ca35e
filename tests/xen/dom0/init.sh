#!/bin/sh
# SPDX-License-Identifier: MIT
# The init of dom0's initramfs (busybox): mount the root disk, copy this run's files over it, go.
# /dev/vda is dom0's root (written to a throw-away copy), /dev/vdb the run disk made by run-xen.
B=/bin/busybox
fail() { echo "vgt-testbed: initrd: $*"; $B poweroff -f; }
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
while read -r m; do
    # One for an instruction the CPU lacks refuses to load; a missing one shows at the mount below.
    $B insmod "/modules/$m" || echo "initrd: insmod $m failed"
done </modules/order
n=0
until [ -b /dev/vdb ]; do
    n=$((n + 1))
    [ $n -lt 300 ] || fail "no run disk after 30 s"
    $B usleep 100000
done
$B mount -t ext4 /dev/vda /root || fail "cannot mount the root disk"
$B mkdir -p /root/mnt/vgt
$B mount -t ext4 -o ro /dev/vdb /root/mnt/vgt || fail "cannot mount the run disk"
[ ! -d /root/mnt/vgt/overlay ] || $B cp -a /root/mnt/vgt/overlay/. /root/ || fail "cannot copy the run's files"
$B mount --move /dev /root/dev
$B umount /sys
$B umount /proc
exec $B switch_root /root /usr/lib/systemd/systemd
