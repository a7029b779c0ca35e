#!/bin/sh
# SPDX-License-Identifier: MIT
# Where Debian packages come from: the mirror this machine's own apt uses, never one named here.
# Run it to print the mirror; source it (POSIX sh) for the functions:
#
#   mirror_url                         archive base URL, no trailing slash
#   mirror_security_url                the security archive's
#   debootstrap_trixie DIR [PKGS]      minimal Debian 13 root in DIR (as root), atomically;
#                                      PKGS separated by blanks; .debs kept in build/cache/trixie
#   private_apt SUITE [apt-get args]   apt-get for another Debian release, with its own state under
#                                      build/apt/SUITE and no package counted as installed
#   unpack_closure SUITE DIR PKGS...   download PKGS with all they depend on and unpack (not
#                                      install) them in DIR: no root, no chroot
#   unpack_only SUITE DIR PKGS...      the same without dependencies
#                                      SUITE-i386 (bookworm-i386) is that release for 32-bit x86
#   newest_of SUITE META REGEX         name of the package META depends on
#
# The caller's current folder must be the top of the tree.

# URIs of the configured package indexes whose line matches $1: one "URI|SUITE" per line.
mirror_lines() {
    apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' |
        sed -n 's/|main$//p' | grep -E "$1"
}

# Cloud images point apt at a list of mirrors: take the first of the list.
mirror_resolve() {
    url=${1%/}
    case $url in
    mirror+file:*) url=$(sed -n 's/[[:space:]].*//;/^[a-z]*:/{p;q}' "${url#mirror+file:}") ;;
    esac
    echo "${url%/}"
}

mirror_codename() { (. /etc/os-release && echo "${VERSION_CODENAME:-stable}"); }

mirror_url() {
    code=$(mirror_codename)
    line=$(mirror_lines "\|($code|stable)\$" | head -n 1)
    if [ -z "$line" ]; then
        echo "mirror: apt on this machine has no Debian archive configured for '$code'" >&2
        return 1
    fi
    mirror_resolve "${line%%|*}"
}

# Without one of its own, the security archive is looked for beside the main one.
mirror_security_url() {
    line=$(mirror_lines '\|[a-z]*-security$' | head -n 1)
    if [ -n "$line" ]; then
        mirror_resolve "${line%%|*}"
    else
        main=$(mirror_url) && echo "$main-security"
    fi
}

debootstrap_trixie() {
    dt_dir=$1
    dt_pkgs=$(echo ${2-} | tr ' ' ',')
    dt_cache=$PWD/build/cache/trixie
    dt_url=$(mirror_url) || return 1
    mkdir -p "$dt_cache" "$(dirname "$dt_dir")"
    rm -rf "$dt_dir.tmp"
    debootstrap --variant=minbase --cache-dir="$dt_cache" ${dt_pkgs:+--include="$dt_pkgs"} \
        trixie "$dt_dir.tmp" "$dt_url" || return 1
    rm -rf "$dt_dir"
    mv "$dt_dir.tmp" "$dt_dir"
}

private_apt() {
    pa_dir=$PWD/build/apt/$1
    shift
    private_apt_at "$pa_dir" "$@"
}

private_apt_at() {
    pa_dir=$1 pa_arch=amd64
    case $pa_dir in *-i386) pa_arch=i386 ;; esac
    shift
    apt-get -q -o Dir::State="$pa_dir/state" -o Dir::State::status="$pa_dir/status" \
        -o Dir::Cache="$pa_dir/cache" -o Dir::Etc::sourcelist="$pa_dir/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
        -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root \
        -o APT::Architecture=$pa_arch -o APT::Architectures=$pa_arch \
        -o APT::Get::List-Cleanup=true -o Acquire::Languages=none -o Acquire::Retries=3 \
        -o APT::Keep-Downloaded-Packages=true -o APT::Install-Recommends=false \
        -o APT::Default-Release= -o Debug::NoLocking=true -o Dir::Cache::pkgcache=pkgcache.bin \
        "$@"
}

# The suite after stable has no backports, and its lists may be older than they say they last. Of i386 the
# release itself has all that is wanted.
pi_sources() { # SUITE
    case $1 in
    *-i386) echo "deb [signed-by=$pi_key] $pi_url ${1%-i386} main" && return ;;
    esac
    if [ "$1" = forky ]; then
        echo "deb [signed-by=$pi_key check-valid-until=no] $pi_url $1 main"
        return
    fi
    for ps_suite in "$1" "$1-updates" "$1-backports"; do
        echo "deb [signed-by=$pi_key] $pi_url $ps_suite main"
    done
    echo "deb [signed-by=$pi_key] $pi_sec $1-security main"
}

# Sources and package lists of SUITE; fetched once, then only when older than a day.
private_apt_init() {
    pi_suite=$1
    pi_dir=$PWD/build/apt/$pi_suite
    pi_url=$(mirror_url) || return 1
    pi_sec=$(mirror_security_url) || return 1
    pi_key=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$pi_dir/state/lists/partial" "$pi_dir/cache/archives/partial"
    : >"$pi_dir/status"
    if [ -e "$pi_dir/fresh" ] && [ -z "$(find "$pi_dir/fresh" -mmin +1440)" ]; then
        return 0
    fi
    pi_sources "$pi_suite" >"$pi_dir/sources.list"
    echo "mirror: reading the package lists of $pi_suite ..." >&2
    # A mirror without the small extra suites still serves: only missing packages are an error.
    private_apt "$pi_suite" update >"$pi_dir/update.log" 2>&1 || {
        tail -n 5 "$pi_dir/update.log" >&2
        return 1
    }
    touch "$pi_dir/fresh"
}

# Debian's merged /usr, before any package brings a real /lib.
merged_usr() {
    for md_d in bin sbin lib lib64; do
        mkdir -p "$1/usr/$md_d"
        [ -e "$1/$md_d" ] || ln -s "usr/$md_d" "$1/$md_d"
    done
}

unpack_closure() {
    uc_suite=$1
    uc_dir=$2
    shift 2
    private_apt_init "$uc_suite" || return 1
    uc_log=$PWD/build/apt/$uc_suite/download.log
    echo "mirror: downloading $* of $uc_suite ..." >&2
    if ! private_apt "$uc_suite" install -y --download-only "$@" >"$uc_log" 2>&1; then
        tail -n 5 "$uc_log" >&2
        return 1
    fi
    merged_usr "$uc_dir"
    # The plan names every package and version of the closure.
    private_apt "$uc_suite" install -y --simulate "$@" |
        sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' >"$uc_dir/.packages"
    while read -r uc_pkg uc_ver; do
        uc_deb=$(echo "$uc_pkg" | sed 's/:.*//')_$(echo "$uc_ver" | sed 's/:/%3a/g')_
        for uc_f in "$PWD/build/apt/$uc_suite/cache/archives/$uc_deb"*.deb; do
            dpkg-deb -x "$uc_f" "$uc_dir" || return 1
        done
    done <"$uc_dir/.packages"
}

# Download single packages, without what they depend on, and unpack them in DIR.
unpack_only() { # SUITE DIR PKGS...
    uo_suite=$1
    uo_dir=$2
    shift 2
    private_apt_init "$uo_suite" || return 1
    uo_tmp=$PWD/build/apt/$uo_suite/single
    merged_usr "$uo_dir"
    for uo_pkg in "$@"; do
        rm -rf "$uo_tmp"
        mkdir -p "$uo_tmp"
        (cd "$uo_tmp" && private_apt_at "${PWD%/single}" download "$uo_pkg") >&2 || return 1
        dpkg-deb -x "$uo_tmp"/*.deb "$uo_dir" || return 1
    done
    rm -rf "$uo_tmp"
}

# The package a dependency package such as linux-image-amd64 stands for today.
newest_of() { # SUITE META REGEX
    private_apt_init "$1" && private_apt "$1" install -y --simulate "$2" |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep -E "$3" | head -n 1
}

# Run a command under an exclusive lock, so that two runs never build the same thing at once.
with_lock() { # NAME COMMAND...
    mkdir -p build/lock
    wl_name=$1
    shift
    flock "build/lock/$wl_name" "$@"
}

case ${0##*/} in
mirror.sh) mirror_url ;;
esac
