/* SPDX-License-Identifier: MIT */
/*
 * softgpu_ctl_rig.c: see softgpu_ctl_rig.h.
 */
#include "tests/unit/softgpu_ctl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/model.h"

static int setup(void **state, const char *model)
{
    struct ctl_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->device = device_new(model_find(model));
    assert_non_null(r->device);
    device_attach(r->device);
    r->regs = device_regs(r->device);
    r->ctl = ctl_new(r->device);
    *state = r;
    return 0;
}

int ctl_rig_setup(void **state)
{
    return setup(state, "bdw");
}

int ctl_rig_setup_gt3(void **state)
{
    return setup(state, "1626");
}

int ctl_rig_teardown(void **state)
{
    struct ctl_rig *r = *state;

    free(r->answer);
    ctl_free(r->ctl);
    device_free(r->device);
    free(r);
    return 0;
}

const char *ctl_rig_run(struct ctl_rig *r, const char *line, bool walker, int want)
{
    FILE *out;

    free(r->answer);
    r->answer = NULL;
    out = open_memstream(&r->answer, &r->len);
    assert_int_equal(ctl_line(r->ctl, line, walker, out), want);
    fclose(out);
    /* one line, ended by its newline */
    assert_ptr_equal(strchr(r->answer, '\n'), r->answer + r->len - 1);
    return r->answer;
}

const char *ctl_rig_ask(struct ctl_rig *r, const char *line)
{
    return ctl_rig_run(r, line, false, 0);
}

void ctl_rig_good(struct ctl_rig *r, const char *line)
{
    assert_string_equal(ctl_rig_ask(r, line), "{\"ok\":true}\n");
}

void ctl_rig_bad(struct ctl_rig *r, const char *line, const char *part)
{
    const char *a = ctl_rig_ask(r, line);

    assert_int_equal(strncmp(a, "{\"ok\":false,\"error\":\"", 21), 0);
    assert_non_null(strstr(a, part));
}
