/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ctl_rig.h: a whole Broadwell and its control commands, without sockets. The test's
 * thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct ctl;
struct device;
struct regs;

struct ctl_rig {
    struct device *device;
    struct regs *regs; /* the device's */
    struct ctl *ctl;
    char *answer; /* to the last line */
    size_t len;
};

/* Fixtures; *state is a struct ctl_rig. */
int ctl_rig_setup(void **state);
int ctl_rig_setup_gt3(void **state); /* with a second video engine */
int ctl_rig_teardown(void **state);
/* Runs a line, whose result must be this; its answer, which is one line and stays until the next.
 */
const char *ctl_rig_run(struct ctl_rig *r, const char *line, bool walker, int want);
const char *ctl_rig_ask(struct ctl_rig *r, const char *line);
/* Succeeds and says nothing more; fails with a text that has this part. */
void ctl_rig_good(struct ctl_rig *r, const char *line);
void ctl_rig_bad(struct ctl_rig *r, const char *line, const char *part);
