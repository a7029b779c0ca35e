/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Real processes for tests of gpu/soft: softgpu and vgt-softstub of the same build as the test,
 * with their sockets in a directory of their own. Failures end the test (cmocka). One thread.
 */
#include "gpu/gpu.h"

#include <stdbool.h>
#include <sys/types.h>

#define RIG_DEADLINE_MS 20000

struct soft_rig {
    char bin[512];             /* build folder the test program is from */
    char dir[32];              /* sockets */
    char gpu[64], socket[64];  /* softgpu's, and nodes */
    char ctl[64], gpu_ctl[64]; /* lines: softstub's and softgpu's */
    pid_t softgpu, softstub;
};

/* model: softgpu's --gpu; more: further options of vgt-softstub, ended by NULL, or NULL. */
void rig_start(struct soft_rig *r, const char *model, const char *const *more);
/* Ends what still runs and removes the directory. */
void rig_stop(struct soft_rig *r);

/* PROGRAM (a path below the build folder) with arguments, NULL at the end; its standard error is
 * the test's. environment: "NAME=value" entries added, ended by NULL, or NULL. */
pid_t rig_spawn(struct soft_rig *r, const char *program, const char *const *args,
                const char *const *environment);
/* Waits for its end; the status of waitpid. */
int rig_wait(pid_t pid);

/* Opens a node (gpu_soft_connect must succeed) and a row of it. */
int rig_node(struct soft_rig *r, unsigned node);
struct gpu *rig_gpu(int fd);

/* A row with its own node, for tests that need one opening. */
struct rig_row {
    int fd;
    struct gpu *g;
};
struct rig_row rig_open_row(struct soft_rig *r, unsigned row);
void rig_close_row(struct rig_row o);

/* Guest memory of so many frames; the first word of frame i is 0x7000 + i. A descriptor. */
int rig_guest_memory(uint32_t frames);
/* Waits until softgpu's judge knows so many frames of the domain. */
void rig_await_frames(struct soft_rig *r, unsigned domid, unsigned frames);

/* One line to softgpu; the answer without its newline. */
void rig_gpu_ctl(struct soft_rig *r, const char *line, char *answer, size_t size);
/* One line to softstub, with a descriptor or -1; the answer without its newline. */
void rig_ctl(struct soft_rig *r, int fd, char *answer, size_t size, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The answer's number after "key":, anywhere. */
unsigned long long rig_number(const char *answer, const char *key);

int64_t rig_now_ms(void);
