/* SPDX-License-Identifier: MIT */
/*
 * dm_args.h: what libxl's command line for the device model says, and the one the real device model
 * gets. Pure: vgt-dm and its test call it, once.
 *
 * With xen_platform_pci=1 libxl asks for machine "xenfv", which puts xen-platform into the first
 * free slot: 2, the GPU's, when there is no VGA card. So "xenfv" becomes "pc,accel=xen" and
 * xen-platform is named explicitly, in slot 4. Cards without an address would also find slot 2
 * free: they get one, from 5 on.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dm_args {
    bool domain; /* -xen-domid was there; without it argv is to be passed on untouched */
    uint32_t domid;
    char name[64];
    char type[32];
    uint32_t low_mb, high_mb, fences, weight; /* 0: as the type says */
    char monitor[24];                         /* empty: as vgt-display is set */
    char **argv; /* for the real device model; argv[0] is the caller's to set */
    unsigned count;
};

/* 0; -ENOMEM; -EINVAL with one sentence in why. dm_args_free() in any case. */
int dm_args_read(int argc, char *const *argv, struct dm_args *out, char *why, size_t size);
void dm_args_free(struct dm_args *args);
