/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for the audit of Haswell's context images. The input is laid over an empty image,
 * dwords at positions it names, so that it gets past the loads. In an image that passed, nothing
 * but loads of an image's registers, state commands and ends stands where a command can begin,
 * whatever stands before it.
 */
#include "gen/ctx_gen7.h"

#include "gen/cmdregs_gen7.h"
#include "gen/cmds_gen7.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void overlay(uint32_t *image, const uint8_t *data, size_t size)
{
    /* Two bytes of position, four of value. */
    for (; size >= 6; data += 6, size -= 6) {
        uint32_t at = (data[0] | (uint32_t)data[1] << 8) % CTX_GEN7_DWORDS, value;

        memcpy(&value, data + 2, 4);
        image[at] = value;
    }
}

/* The engine's view: what it would load, and that it stops inside. */
static void execute(const uint32_t *image)
{
    struct cmd c;

    for (uint32_t at = 0; at < CTX_GEN7_DWORDS; at += c.len) {
        uint32_t type = image[at] >> 29;

        assert(!cmds_decode(&cmds_gen7, GEN8_RCS, image + at, CTX_GEN7_DWORDS - at, &c));
        assert(!(c.info->flags & (CMD_JUMP | CMD_REFUSE | CMD_POST | CMD_WORK | CMD_BLANK)));
        assert(type == 3 || c.info->kind == CMD_LRI || image[at] == MI_NOOP ||
               (c.info->flags & CMD_END));
        for (uint32_t i = 1; c.info->kind == CMD_LRI && i < c.len; i += 2)
            assert(cmdregs_gen7_find(GEN8_RCS, image[at + i])->access & CMDREG_IMAGE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t *image = malloc(CTX_GEN7_DWORDS * 4);
    struct ctx_gen7_verdict v;

    assert(image);
    ctx_gen7_init(image);
    overlay(image, data, size);
    if (!ctx_gen7_audit(image, CTX_GEN7_DWORDS, &v))
        execute(image);
    else
        assert(v.reason != CTX_GEN7_OK && v.at < CTX_GEN7_DWORDS);
    free(image);
    return 0;
}
