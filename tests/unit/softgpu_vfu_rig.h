/* SPDX-License-Identifier: MIT */
/*
 * softgpu_vfu_rig.h: the vfio-user server (vfu.h) on one end of a socket pair, before a device that
 * only notes what it is asked, and the test as a client of raw bytes on the other. The test's
 * thread.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
/* after the ones above */
#include <cmocka.h>

#include "softgpu/vfu.h"

#define RIG_MAX_MAPS 32

struct map {
    uint64_t iova, size, offset;
    ino_t file; /* 0: none */
    unsigned prot;
};

/* A device that notes what it is asked. BAR 0 has 4096 bytes, 2 has 64 that it refuses, region 7
 * (configuration space) 256; INTx and MSI. */
struct dummy {
    struct map maps[RIG_MAX_MAPS];
    unsigned nmaps, unmaps, unmap_all, resets, masks, triggers, writes;
    uint8_t bar[4096];
    int irq_fd[2];
    bool masked;
    int fail; /* what region_write returns */
};

struct rig {
    struct dummy dev;
    struct vfu *vfu;
    int client; /* -1: closed */
    uint8_t reply[8192];
    size_t reply_len;
};

struct head {
    uint16_t id, command;
    uint32_t size, flags, error;
};

/* Bodies that several tests send. */
struct access {
    uint64_t offset;
    uint32_t region, count;
    uint8_t data[16];
};
struct map_body {
    uint32_t argsz, flags;
    uint64_t offset, addr, size;
};

/* One message; its length. */
size_t message(uint8_t *out, uint16_t id, uint16_t cmd, uint32_t flags, const void *body,
               size_t len);
/* Sends bytes with n descriptors, or one (-1: none). */
void put_fds(struct rig *r, const void *bytes, size_t len, const int *fds, unsigned n);
void put(struct rig *r, const void *bytes, size_t len, int fd);
/* The next reply; its body follows the head in r->reply. */
struct head reply(struct rig *r);
bool silent(struct rig *r); /* no byte has come */
/* Sends one request and returns its error number, 0 for success. */
uint32_t ask_fd(struct rig *r, uint16_t cmd, const void *body, size_t len, int fd);
uint32_t ask(struct rig *r, uint16_t cmd, const void *body, size_t len);

/* An empty file, and what tells it from others. */
int rig_file(void);
ino_t rig_inode(int fd);

/* Fixtures; *state is a struct rig. agreed: VERSION has been exchanged. */
int rig_bare(void **state);
int rig_agreed(void **state);
int rig_done(void **state);
