/* SPDX-License-Identifier: MIT */
/*
 * cs_3d.c: commands of type 3: PIPE_CONTROL is executed; state, 3D, GPGPU and media commands are
 * retired by their length, as there are no execution units. Engine's thread.
 */
#include "softgpu/cs.h"
#include "softgpu/cs_mi.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"

#define PC_GGTT         (1u << 24)
#define PC_INDEX        (1u << 21)
#define PC_TLB          (1u << 18)
#define PC_POST_SYNC(f) ((f) >> 14 & 3)
#define PC_NOTIFY       (1u << 8)

/* Post-sync: 1 immediate qword, 2 PS_DEPTH_COUNT, 3 timestamp. All earlier work is complete by
 * construction, so stalls and flushes have nothing to wait for. */
static void pipe_control(struct engine *e, uint32_t flags, uint64_t addr, uint64_t value)
{
    struct cs_post_sync p = {
        .op = PC_POST_SYNC(flags),
        .ggtt = flags & PC_GGTT,
        .index = flags & PC_INDEX,
        .addr = addr,
        .value = value,
        .bytes = 8,
    };

    cs_post_sync(e, &p);
    if (flags & PC_NOTIFY)
        engine_raise(e, ENGINE_EVENT_PIPECTL);
}

static enum cs_result pipe_control_gen8(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    if (cmd[1] & PC_TLB)
        tlb_invalidate_all(&e->tlb);
    pipe_control(e, cmd[1], cs_addr(cmd + 2), cmd[4] | (uint64_t)cmd[5] << 32);
    return CS_NEXT;
}

/* Addresses of one dword; the upper half of the immediate may be left out. Unless GFX_MODE bit 13
 * leaves invalidation to software, each flush invalidates. */
static enum cs_result pipe_control_gen7(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    if ((cmd[1] & PC_TLB) || !(reg_get(e, R_MODE) & MODE_TLB_EXPLICIT))
        tlb_invalidate_all(&e->tlb);
    pipe_control(e, cmd[1], cmd[2], cmd[3] | (len > 4 ? (uint64_t)cmd[4] << 32 : 0));
    return CS_NEXT;
}

#define ON_RCS   CS_ON(ENGINE_RCS)
#define ON_MEDIA (CS_ON(ENGINE_VCS) | CS_ON(ENGINE_VCS2) | CS_ON(ENGINE_VECS))

const struct cs_command cs_pipe_control_gen7 = {"PIPE_CONTROL",   0xff, 4, 5, ON_RCS, 0,
                                                pipe_control_gen7},
                        cs_pipe_control_gen8 = {"PIPE_CONTROL",   0xff, 6, 6, ON_RCS, 0,
                                                pipe_control_gen8};

static const struct cs_command cmd_one = {"PIPELINE_SELECT", 0, 1, 1, ON_RCS, 0, NULL},
                               cmd_common = {"STATE", 0xff, 2, 257, ON_RCS, 0, NULL},
                               cmd_primitive = {"3DPRIMITIVE", 0xff, 2, 257, ON_RCS, 0, NULL},
                               cmd_9bit = {"3DSTATE_SO_DECL_LIST", 0x1ff, 2, 513, ON_RCS, 0, NULL},
                               cmd_11bit =
                                   {"3DSTATE_DX9_CONSTANTF", 0x7ff, 2, 2049, ON_RCS, 0, NULL},
                               cmd_media_render = {"MEDIA", 0xffff, 2, 65537, ON_RCS, 0, NULL},
                               cmd_walker = {"GPGPU_WALKER", 0xff, 2, 257, ON_RCS, 0, NULL},
                               cmd_object = {"GPGPU_OBJECT", 0xff, 2, 257, ON_RCS, 0, NULL},
                               cmd_media = {"MFX", 0xfff, 2, 4097, ON_MEDIA, 0, NULL},
                               cmd_mfx_wait = {"MFX_WAIT", 0, 1, 1, ON_MEDIA, 0, NULL};

static const struct cs_command *media_command(const struct engine *e, uint32_t op, uint32_t sub)
{
    if (e->id != ENGINE_RCS)
        return &cmd_media;
    if (op > 1)
        return NULL;
    if (op == 1 && sub == 4)
        return &cmd_object;
    if (op == 1 && (sub == 5 || sub == 3))
        return &cmd_walker;
    return &cmd_media_render;
}

static const struct cs_command *pipe_command(const struct engine *e, uint32_t op, uint32_t sub)
{
    if (op == 2)
        return sub == 0 ? e->owner->kind->pipe_control : NULL;
    if (op == 3)
        return sub == 0 ? &cmd_primitive : NULL;
    if (op > 3)
        return NULL;
    if (op == 1 && sub == 0x17)
        return &cmd_9bit;
    if (op == 0 && (sub == 0x39 || sub == 0x3a))
        return &cmd_11bit;
    if (op == 0 && sub >= 0x43 && sub <= 0x47)
        return &cmd_9bit; /* 3DSTATE_BINDING_TABLE_EDIT_* */
    return sub < 0x80 ? &cmd_common : NULL;
}

/* Sub-type 28:27, opcode 26:24, sub-opcode 23:16. */
const struct cs_command *cs_3d_command(const struct engine *e, uint32_t header)
{
    uint32_t op = header >> 24 & 7, sub = header >> 16 & 0xff;

    switch (header >> 27 & 3) {
    case 0: /* STATE_BASE_ADDRESS and its like */
        return op <= 1 ? &cmd_common : NULL;
    case 1:
        if (e->id != ENGINE_RCS)
            return op == 0 && sub == 0 ? &cmd_mfx_wait : NULL;
        return (op == 1 && sub == 4) || (op == 0 && sub == 0x0b) ? &cmd_one : NULL;
    case 2:
        return media_command(e, op, sub);
    default:
        return pipe_command(e, op, sub);
    }
}
