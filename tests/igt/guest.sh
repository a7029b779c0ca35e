# SPDX-License-Identifier: MIT
# Run by tests/igt/init inside the tree of igt-gpu-tools: loads the stock drivers, then starts or
# resumes the run that the folder /srv asks for: "wanted" names tests, one per line, as
# "igt@binary@subtest" or just "binary" (all of its subtests); "limit" seconds for each.
export PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root
tests=/usr/libexec/igt-gpu-tools
modprobe -a i915 vgem || echo "VGT: trouble=modprobe"
echo "VGT: loaded=$(cut -d' ' -f1 /proc/uptime) card=$(ls /dev/dri 2>/dev/null | tr '\n' ,)"

subtests() { # BINARY: one without subtests is a test by itself
    found=$("$tests/$1" --list-subtests 2>/dev/null)
    for s in ${found:-""}; do
        echo "igt@$1${s:+@$s}"
    done
}

if [ -e /srv/out/metadata.txt ]; then
    # The runner gave up when a test did not die or the kernel was tainted: this is another machine.
    rm -f /srv/out/aborted.txt
    igt_resume /srv/out
    exit
fi
# Names that this igt-gpu-tools does not have are for the host to complain about.
while read -r name; do
    case $name in
    igt@*) echo "$name" ;;
    *) if [ -x "$tests/$name" ]; then subtests "$name"; else echo "$name" >>/srv/missing; fi ;;
    esac
done </srv/wanted >/srv/list
limit=$(cat /srv/limit)
# -m: subtests of one binary in one process, or starting it would take longer than the tests.
igt_runner -m --piglit-style-dmesg --dmesg-warn-level 4 --per-test-timeout "$limit" \
    --inactivity-timeout "$limit" --disk-usage-limit 4M -l verbose --test-list /srv/list \
    "$tests" /srv/out
