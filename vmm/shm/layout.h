/* SPDX-License-Identifier: MIT */
/*
 * layout.h: a guest that lives in files, DIR/DOMID/: what "shm" (the services' side) and whoever
 * plays the guest share. Three files:
 *
 *   ram    the guest's memory, frames [0, pages), any file that can be mapped shared
 *   state  one struct shm_guest, then one byte for each frame at SHM_FRAMES_AT (SHM_FRAME_*)
 *   wake   a FIFO: a byte for the emulator whenever a slot became READY; full is as good as a byte
 *
 * The state file plays the hypervisor: it outlives the emulator. Two open-file-description locks on
 * it tell who is there: byte SHM_LOCK_LIFE is held by the guest for as long as it exists, byte
 * SHM_LOCK_DEVICE by the process that has the device open.
 *
 * A vCPU's access: it makes `inside` odd, looks at trap ranges and frame bytes, and either does the
 * access itself or hands it over: slot FREE -> READY (vCPU) -> INPROCESS -> RESP (emulator) ->
 * FREE (vCPU). Then, as Xen emulates an instruction a second time after its answer, it looks at the
 * frame again; if that does not trap any more the guest has crashed (vmm/release.h). At last it
 * makes `inside` even. Whoever changed a frame byte or `paused` waits until every vCPU that was
 * inside with a FREE slot has moved: after that nobody acts on the old value.
 *
 * Every 32-bit word that somebody sleeps on is a shared futex: paused, msi_tail, slot.state.
 * Numbers are in the machine's byte order. A layout change is a new version.
 */
#pragma once
#include "vmm/vmm.h"

#define SHM_MAGIC   0x6d68736d6d76ull /* "vmmshm" */
#define SHM_VERSION 1u
#define SHM_PAGE    4096u

#define SHM_MAX_PAGES (1ull << 24)
#define SHM_MAX_MAPS  16u
#define SHM_MSIS      64u /* a power of two */

enum { SHM_LOCK_LIFE, SHM_LOCK_DEVICE };

enum shm_state {
    SHM_FREE,
    SHM_READY,     /* the vCPU asks */
    SHM_INPROCESS, /* an emulator took it */
    SHM_RESP,      /* answered, not yet seen by the vCPU */
};

enum shm_kind { SHM_COPY, SHM_CONFIG };

#define SHM_FRAME_PROTECTED 1u /* writes trap */
#define SHM_FRAME_ABSENT    2u /* no memory there: the guest gave it back */

struct shm_slot {
    uint32_t state;  /* enum shm_state */
    uint32_t inside; /* odd while the vCPU performs an access; the vCPU's alone */
    uint64_t addr;   /* as in struct vmm_access */
    uint64_t data;   /* in: what is written; out: what was read */
    uint32_t count;
    uint8_t size;
    uint8_t kind; /* enum shm_kind */
    uint8_t write, backwards, indirect;
    uint8_t pad[91];
};
static_assert(sizeof(struct shm_slot) == 128, "two cache lines: slots are written by turns");

struct shm_range {
    uint64_t start, len; /* len 0: free; written last, and cleared first */
};

struct shm_map {
    uint64_t gfn, mfn, nr; /* nr 0: free; written last, and cleared first */
};

struct shm_msi {
    uint64_t addr;
    uint32_t data, pad;
};

struct shm_guest {
    uint64_t magic;
    uint32_t version, domid;
    uint64_t pages;
    uint32_t nr_vcpus;
    uint32_t paused; /* 1: vCPUs stand still before their next access */
    uint32_t killed; /* 1: crashed, for the reason below */
    char why[124];
    struct shm_range range[VMM_MAX_RANGES];
    struct shm_map map[SHM_MAX_MAPS];
    uint32_t msi_tail; /* the emulator's, free-running */
    uint32_t msi_head; /* the guest's */
    uint64_t msi_merged;
    struct shm_msi msi[SHM_MSIS];
    _Alignas(128) struct shm_slot slot[VMM_MAX_VCPUS];
};

#define SHM_FRAMES_AT 20480u
static_assert(sizeof(struct shm_guest) <= SHM_FRAMES_AT, "frame bytes begin behind the struct");
static_assert(SHM_FRAMES_AT % SHM_PAGE == 0, "on a page");

static inline uint64_t shm_state_bytes(uint64_t pages)
{
    return SHM_FRAMES_AT + pages;
}
