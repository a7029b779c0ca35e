/* SPDX-License-Identifier: MIT */
/*
 * Shared regions: sealed memfds with one versioned header page, for state that must survive its
 * process (vreg files, virtual GGTT images, journals, published maps). The broker creates them,
 * one process writes, others may read. What is inside is the owner's business.
 */
#pragma once
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGION_MAGIC  0x6f69676572746776ull /* "vgtregio" */
#define REGION_HEADER 4096u
#define REGION_MAX    (1ull << 32)

struct region_header {
    uint64_t magic;
    uint32_t type;    /* the owner's name for it */
    uint32_t version; /* of what is inside */
    uint64_t size;    /* payload bytes, without this page */
    _Atomic uint64_t generation;
};
static_assert(sizeof(struct region_header) == 32, "region header");
static_assert(offsetof(struct region_header, generation) == 24, "generation");

struct region {
    void *data;       /* payload */
    uint64_t size;    /* payload bytes */
    uint32_t version; /* as found, at most what was asked for; after -EPROTONOSUPPORT more */
    struct region_header *header;
    bool writable;
};

/* Make a zeroed region of size payload bytes and seal it. *fd is the caller's. -errno. */
int region_create(const char *name, uint32_t type, uint32_t version, uint64_t size, int *fd);

/* A second descriptor of the same region that cannot be mapped writable. fd or -errno. */
int region_reopen_readonly(int fd);

/*
 * Map and check. version is the newest the caller understands. -EPROTONOSUPPORT: newer; -EBADMSG:
 * not a region, another type, damaged or less than min_size; -EPERM: not sealed. fd is borrowed.
 */
int region_map(int fd, uint32_t type, uint32_t version, uint64_t min_size, bool writable,
               struct region *region);
void region_unmap(struct region *region);

/*
 * Conversion of what an earlier build left. A step turns the contents of one type at version from
 * into those of from + 1, which are size bytes, zeroed; the old ones may say anything. 0 or -errno.
 */
struct region_step {
    uint32_t type, from;
    uint64_t size;
    int (*run)(const void *old, uint64_t old_size, void *new, uint64_t new_size);
};
struct region_steps {
    const struct region_step *step;
    unsigned count;
};

/* A region of this type as version, made from the older one behind fd by as many steps as it takes;
 * that one stays as it is. *made is the caller's. -ENOENT: no such way; else as region_map(), or
 * what a step said. */
int region_convert(int fd, const char *name, uint32_t type, uint32_t version,
                   const struct region_steps *steps, int *made);

/* The generation counts rebuilds: readers that see it change throw their caches away. */
uint64_t region_generation(const struct region *region);
uint64_t region_bump(struct region *region);
