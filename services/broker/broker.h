/* SPDX-License-Identifier: MIT */
/*
 * broker.h: the wiring of vgt: makes every shared region, lane and descriptor once, hands each
 * service its own, attaches and removes guests step by step, and is the gateway for vgtctl. main.c
 * opens devices and sockets' addresses and makes one; tests make one with fakes. One thread, that
 * of the loop; nothing here waits.
 */
#pragma once
#include "lib/chan.h"
#include "lib/sandbox.h"
#include "vmm/vmm.h"

#include <stdbool.h>
#include <stdint.h>

#define BROKER_MAX_GUESTS 64u
#define BROKER_MAX_CTL    4u
#define BROKER_WIRE       "unix:/run/vgt/wire.sock"
#define BROKER_CORE       "vchan:/local/domain/0/vgt/core"
#define BROKER_CTL_VCHAN  "vchan:/local/domain/0/vgt/ctl"
#define BROKER_CTL_SOCKET "unix:/run/vgt/ctl.sock"
#define BROKER_UNITS      "/run/vgt-units.sock"

/* The device nodes; the first three are rows. */
enum broker_dev {
    BROKER_DEV_GTT,
    BROKER_DEV_SCHED,
    BROKER_DEV_DISPLAY,
    BROKER_DEV_BROKER,
    BROKER_DEVS
};

/* The physical GPU, as in proto's Device. Bytes. */
struct broker_device {
    uint32_t device_id, revision;
    uint32_t gen; /* 7 or 8 */
    uint64_t aperture_base, aperture_size;
    uint32_t ggtt_entries, engines;
    uint64_t slice_at, slice_size;
};

struct region_steps;

/* Attach and detach a domain at the module; 0, -EBUSY (detach: pins are held) or -errno. */
struct broker_module {
    int (*attach)(int broker_fd, uint16_t domid);
    int (*detach)(int broker_fd, uint16_t domid);
};

/* A descriptor that comes back from systemd's store. */
struct broker_kept {
    char *name;
    int fd;
};

/* Everything is borrowed for the broker's life but the descriptors: those are taken, error or not.
 */
struct broker_config {
    const struct log *log;
    struct store *store;       /* NULL: no vchan, no xenstore watch */
    const struct vmm_ops *vmm; /* NULL: no domain calls at all */
    const struct broker_module *module;
    const struct region_steps *steps; /* conversions of regions; NULL: none are known */
    const char *wire;                 /* uri of the wiring socket */
    const char *core; /* control of vgt-gtt and vgt-sched; NULL: the wiring socket */
    const char *ctl[BROKER_MAX_CTL];
    unsigned ctl_count;
    int dev[BROKER_DEVS]; /* open nodes; -1: comes with kept */
    struct broker_device device;
    struct broker_kept *kept; /* from systemd's fd store; names stay the caller's */
    unsigned kept_count;
    bool keep;         /* copy every descriptor to systemd's fd store */
    const char *units; /* socket of vgt-units, which starts vgt-mmio@N; NULL: somebody else does */
    unsigned limit_ms; /* of one step; 0: 30 s */
};

struct broker;

/* 0 or -errno; the reason is logged. */
int broker_new(struct loop *loop, const struct broker_config *config, struct broker **broker);
/* Lets go of descriptors and channels; guests keep what services hold. */
void broker_free(struct broker *broker);

/* For tests and tidy ends: guests known, in any state. */
unsigned broker_guests(const struct broker *broker);

extern const struct sandbox broker_sandbox; /* sandbox.c */
