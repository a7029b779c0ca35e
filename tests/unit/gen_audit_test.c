/* SPDX-License-Identifier: MIT */
/*
 * Audit of privileged buffers: what today's driver puts into a ring passes, and each way out of a
 * guest's partition is refused for its own reason. The partition is 0x08000000..0x0bffffff, the
 * guest's status page at 0x08001000. One thread, no I/O.
 */
#include "gen/audit_gen8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWN     0x08000000u
#define OWN_END 0x0c000000u
#define HWS     0x08001000u
#define FOREIGN 0x04000000u

static struct audit_patch patches[64];
static unsigned n_patches;
static bool refuse_patches;
static struct {
    uint64_t addr, len;
    bool write;
} asked;

static bool ggtt(void *ctx, uint64_t addr, uint64_t len, bool write)
{
    (void)ctx;
    asked.addr = addr;
    asked.len = len;
    asked.write = write;
    return addr >= OWN && addr <= OWN_END && len <= OWN_END - addr;
}

static int patch(void *ctx, const struct audit_patch *p)
{
    (void)ctx;
    assert_true(n_patches < 64);
    patches[n_patches++] = *p;
    return refuse_patches;
}

static const struct audit_ops ops = {.ggtt = ggtt, .patch = patch};

static struct audit_verdict run(enum gen8_engine e, enum audit_where where, const uint32_t *dw,
                                size_t n)
{
    /* An exact copy on the heap, so that a read beyond it is seen. */
    uint32_t *copy = malloc(n ? n * 4 : 1);
    struct audit_verdict v;
    int refused;

    memcpy(copy, dw, n * 4);
    n_patches = 0;
    memset(&asked, 0, sizeof(asked));
    refused = audit_gen8(e, where, copy, n, HWS, &ops, NULL, &v);
    assert_int_equal(refused, v.reason != AUDIT_OK);
    free(copy);
    return v;
}

#define RUN(e, where, ...)                                                                         \
    ({                                                                                             \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        run(e, where, dw_, sizeof(dw_) / 4);                                                       \
    })
#define RING(e, ...)   RUN(e, AUDIT_RING, __VA_ARGS__)
#define REASON(v, why) assert_string_equal(audit_reason_text((v).reason), audit_reason_text(why))
#define SDI(addr)      0x10400002, (addr), 0, 0xdead
#define SRM            0x12400002
#define LRM            0x14c00002
#define LRI1           0x11000001
#define BB_END         0x05000000

/* A render request as today's driver writes it, by the command. */
static const uint32_t render_request[] = {
    0x04000001,                                    /* arbitration on */
    0x7a000004, 0x00101021, 0,           0, 0,  0, /* flush */
    0x7a000004, 0x00144c1c, 0x00000200,  0, 0,  0, /* own status page, no write */
    0x04000000,                                    /* arbitration off */
    0x18800101, 0x12345000, 0x00000012,            /* the unprivileged batch */
    0x04000001,                                    /* arbitration on */
    0x7a000004, 0x01104080, OWN + 0x100, 0, 42, 0, /* breadcrumb */
    0x01000000, 0x02800000, 0x00000000,            /* interrupt, check, nop */
};

static void driver_render_request(void **state)
{
    struct audit_verdict v = run(GEN8_RCS, AUDIT_RING, render_request, sizeof(render_request) / 4);

    (void)state;
    REASON(v, AUDIT_OK);
    assert_int_equal(v.at, sizeof(render_request) / 4);
    assert_int_equal(n_patches, 0);
    assert_int_equal(asked.addr, OWN + 0x100);
    assert_int_equal(asked.len, 8);
    assert_true(asked.write);
}

static void driver_blit_request(void **state)
{
    (void)state;
    REASON(RING(GEN8_BCS, 0x13204002, 0x00000200, 0, 0, /* index into its own page */
                0x18800101, 0x1000, 0,                  /* batch */
                0x13004002, (OWN + 0x200) | 4, 0, 7,    /* breadcrumb */
                0x01000000, 0),
           AUDIT_OK);
    assert_int_equal(n_patches, 0);
    assert_int_equal(asked.addr, OWN + 0x200);
}

static void driver_context_workarounds(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x1100100d, 0x20c0, 0x00800080, 0x209c, 0x40004000, 0xe4f0, 0x01200120,
                0xe184, 0x00020002, 0x7300, 0x00300030, 0x7004, 0x00400040, 0x7008, 0x03000300, 0),
           AUDIT_OK);
}

static void driver_coherent_l3_batch(void **state)
{
    (void)state;
    REASON(RUN(GEN8_RCS, AUDIT_INDIRECT_CTX, 0x04000000, SRM, 0xb118, OWN + 0x100, 0, LRI1, 0xb118,
               0x40400000, 0x7a000004, 0x00100021, 0, 0, 0, 0, LRM, 0xb118, OWN + 0x100, 0,
               0x04000001, 0, 0),
           AUDIT_OK);
}

static void foreign_addresses(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, SDI(FOREIGN)), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, SDI(OWN_END)), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x10400003, OWN_END - 4, 0, 1, 2), AUDIT_BAD_ADDRESS); /* runs over */
    REASON(RING(GEN8_RCS, 0x10400002, OWN, 1, 1), AUDIT_BAD_ADDRESS);            /* above 4 GiB */
    assert_int_equal(asked.len, 0); /* the partition is not even asked */
    REASON(RING(GEN8_RCS, SRM, 0x2600, FOREIGN, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x14c00002, 0x2600, FOREIGN, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x0e400002, 0, FOREIGN, 0), AUDIT_BAD_ADDRESS);    /* semaphore wait */
    REASON(RING(GEN8_RCS, 0x17200003, FOREIGN, 0, 0, 0), AUDIT_BAD_ADDRESS); /* copy to */
    REASON(RING(GEN8_RCS, 0x17400003, 0, 0, FOREIGN, 0), AUDIT_BAD_ADDRESS); /* copy from */
    REASON(RING(GEN8_RCS, 0x17c00001, FOREIGN, 0), AUDIT_BAD_ADDRESS);       /* atomic */
    REASON(RING(GEN8_RCS, 0x13c00002, FOREIGN, 0, 0), AUDIT_BAD_ADDRESS);    /* clflush */
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x1b400002, 0, FOREIGN, 0, BB_END),
           AUDIT_BAD_ADDRESS); /* conditional end */
    REASON(RING(GEN8_RCS, 0x7a000004, 0x01004000, FOREIGN, 0, 1, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_BCS, 0x13004002, FOREIGN | 4, 0, 1), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_BCS, 0x13004003, (OWN - 8) | 4, 0, 1, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x18800001, FOREIGN, 0), AUDIT_BAD_ADDRESS); /* privileged batch */
}

/* The same commands through the PPGTT are the page tables' business. */
static void ppgtt_addresses_pass(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x10000002, FOREIGN, 0x7f, 1, 0x12000002, 0x2600, FOREIGN, 0, 0x17000003,
                1, 2, 3, 4, 0x17800001, FOREIGN, 0, 0x7a000004, 0x4000, FOREIGN, 0, 1, 0),
           AUDIT_OK);
    assert_int_equal(asked.len, 0);
}

static void widths_asked_for(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x10400004, OWN, 0, 1, 2, 3), AUDIT_OK);
    assert_int_equal(asked.len, 12);
    REASON(RING(GEN8_RCS, 0x17d00001, OWN, 0), AUDIT_OK); /* 16 bytes */
    assert_int_equal(asked.len, 16);
    REASON(RING(GEN8_RCS, 0x17d80001, OWN, 0), AUDIT_BAD_LENGTH); /* size 3 */
    REASON(RING(GEN8_RCS, 0x17c40001, OWN, 0), AUDIT_BAD_LENGTH); /* inline data missing */
    REASON(RING(GEN8_RCS, 0x13c00003, OWN | 0x40, 0, 0, 0), AUDIT_OK);
    assert_int_equal(asked.len, 8192);
    assert_int_equal(asked.addr, OWN);
}

static void forbidden(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x11800001, OWN, 0), AUDIT_FORBIDDEN); /* MI_UPDATE_GTT */
    REASON(RING(GEN8_RCS, 0x11c00001, OWN, 0), AUDIT_FORBIDDEN);
    REASON(RING(GEN8_RCS, 0x118003ff), AUDIT_FORBIDDEN);                /* even cut off */
    REASON(RING(GEN8_RCS, 0x0c000000, OWN), AUDIT_FORBIDDEN);           /* MI_SET_CONTEXT */
    REASON(RING(GEN8_RCS, 0x0d800000, 0), AUDIT_FORBIDDEN);             /* MI_SEMAPHORE_SIGNAL */
    REASON(RING(GEN8_RCS, 0x14000002, OWN | 1, 0, 0), AUDIT_FORBIDDEN); /* perf report */
    REASON(RING(GEN8_RCS, 0x16800002, 0, OWN, 0), AUDIT_FORBIDDEN);     /* store URB */
    REASON(RING(GEN8_VCS, 0x68000000), AUDIT_FORBIDDEN);                /* MFX_WAIT */
}

static void unknown_or_cut(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x1f800000), AUDIT_UNKNOWN_COMMAND);
    REASON(RING(GEN8_RCS, 0x54c00008, 0, 0, 0, 0, 0, 0, 0, 0, 0), AUDIT_UNKNOWN_COMMAND);
    REASON(RING(GEN8_VCS, 0x00800000), AUDIT_UNKNOWN_COMMAND); /* MI_SET_PREDICATE elsewhere */
    REASON(RING(GEN8_RCS, 0x00800000), AUDIT_OK);
    REASON(RING(GEN8_RCS, 0, SRM, 0x2600, OWN), AUDIT_TRUNCATED);
    REASON(RING(GEN8_RCS, 0x110000ff, 0x2600, 0), AUDIT_TRUNCATED);
    assert_int_equal(RING(GEN8_RCS, 0, 0, SRM, 0x2600).at, 2);
    assert_int_equal(RING(GEN8_RCS, 0, 0, SRM, 0x2600).header, SRM);
}

static void lengths_and_options(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x7a000002, 0x01004000, FOREIGN, 0), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_BCS, 0x13004000, FOREIGN | 4), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_RCS, 0x18800000, 0x1000), AUDIT_BAD_LENGTH);       /* gen7's batch start */
    REASON(RING(GEN8_RCS, 0x11000002, 0x2600, 0, 0), AUDIT_BAD_LENGTH); /* half a pair */
    REASON(RING(GEN8_RCS, 0x18810001, OWN, 0), AUDIT_BAD_HEADER);       /* plus a register */
    REASON(RING(GEN8_RCS, 0x11080001, 0x600, 0), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, 0x11000101, 0x2600, 0), AUDIT_BAD_HEADER); /* byte disables */
    REASON(RING(GEN8_RCS, 0x0d000080, 0, 0), AUDIT_BAD_HEADER);      /* MI_MATH bit 7 */
    REASON(RING(GEN8_BCS, 0x13400002, 0, 0, 0), AUDIT_BAD_HEADER);   /* protected memory */
    REASON(RING(GEN8_RCS, 0x7a000004, 1u << 19, 0, 0, 0, 0), AUDIT_BAD_HEADER);
}

static void registers(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, LRI1, 0x2230, 0), AUDIT_BAD_REGISTER);      /* submit port */
    REASON(RING(GEN8_RCS, LRI1, 0x100000, 0), AUDIT_BAD_REGISTER);    /* fence */
    REASON(RING(GEN8_RCS, LRI1, 0x24d0, 0x2600), AUDIT_BAD_REGISTER); /* white list */
    REASON(RING(GEN8_RCS, LRI1, 0x80002600, 0), AUDIT_BAD_REGISTER);  /* bits beyond the offset */
    REASON(RING(GEN8_RCS, LRI1, 0x2602, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRI1, 0x209c, 0x01000100), AUDIT_BAD_REGISTER); /* STOP_RING */
    REASON(RING(GEN8_VCS, LRI1, 0x2600, 0), AUDIT_BAD_REGISTER);          /* another engine's */
    REASON(RING(GEN8_RCS, 0x11000003, 0x2600, 0, 0x229c, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0x7300, OWN, 0), AUDIT_BAD_REGISTER); /* value not known */
    REASON(RING(GEN8_RCS, LRM, 0x2270, OWN, 0), AUDIT_BAD_REGISTER); /* page directory */
    REASON(RING(GEN8_RCS, 0x15000001, 0x2600, 0x2274), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x15000001, 0x2080, 0x2600), AUDIT_BAD_REGISTER); /* reads host's page */
    REASON(RING(GEN8_RCS, SRM, 0x1082c0, OWN, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x7a000004, 1u << 23 | 0x4000, 0x2230, 0, 0, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x7a000004, 1u << 23 | 0x4000, 0x2600, 0, 0, 0), AUDIT_OK);
    REASON(RING(GEN8_RCS, 0x15000001, 0x2600, 0x2608, SRM, 0x2358, OWN, 0), AUDIT_OK);
}

static void page_directories_are_replaced(void **state)
{
    (void)state;
    REASON(RING(GEN8_BCS, 0, 0x11000003, 0x22274, 0, 0x22270, 0x014ab000), AUDIT_OK);
    assert_int_equal(n_patches, 2);
    assert_int_equal(patches[1].kind, AUDIT_PATCH_PDP);
    assert_int_equal(patches[1].at, 5);
    assert_int_equal(patches[1].reg, 0x22270);
    assert_int_equal(patches[1].words[0], 0x014ab000);
    refuse_patches = true;
    REASON(RING(GEN8_BCS, LRI1, 0x22270, 0), AUDIT_PATCH_REFUSED);
    refuse_patches = false;
}

/* Unmasking display events goes nowhere: the load names a register without effect instead. */
static void display_mask_is_disarmed(void **state)
{
    uint32_t dw[] = {LRI1, 0x44050, 0xfffffffe};

    (void)state;
    REASON(run(GEN8_RCS, AUDIT_RING, dw, 3), AUDIT_OK);
    assert_int_equal(n_patches, 1);
    audit_apply(dw, 3, &patches[0]);
    assert_int_equal(dw[1], 0x2094);
    REASON(run(GEN8_RCS, AUDIT_RING, dw, 3), AUDIT_OK);
    assert_int_equal(n_patches, 0);
}

/* Patched buffers pass unchanged, and no longer name the shared status page. */
static void status_page_index_becomes_address(void **state)
{
    uint32_t flush[] = {0x13204002, 0x100 | 4, 0, 9};
    uint32_t pipe[] = {0x7a000004, 0x01204000, 0x108, 0, 9, 0};

    (void)state;
    REASON(run(GEN8_BCS, AUDIT_RING, flush, 4), AUDIT_OK);
    assert_int_equal(n_patches, 1);
    audit_apply(flush, 4, &patches[0]);
    assert_int_equal(flush[0], 0x13004002);
    assert_int_equal(flush[1], HWS | 0x100 | 4);
    assert_int_equal(flush[3], 9);
    REASON(run(GEN8_BCS, AUDIT_RING, flush, 4), AUDIT_OK);
    assert_int_equal(n_patches, 0);

    REASON(run(GEN8_RCS, AUDIT_RING, pipe, 6), AUDIT_OK);
    audit_apply(pipe, 6, &patches[0]);
    assert_int_equal(pipe[1], 0x01004000);
    assert_int_equal(pipe[2], HWS | 0x108);
    REASON(run(GEN8_RCS, AUDIT_RING, pipe, 6), AUDIT_OK);
    assert_int_equal(n_patches, 0);

    REASON(RING(GEN8_BCS, 0x13204002, 0x1000 | 4, 0, 9), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_RCS, 0x7a000004, 0x00204000, 0x1000, 0, 9, 0), AUDIT_BAD_INDEX);
}

static void store_index_moves_to_a_trampoline(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0, 0x10800001, 0xc0, 77), AUDIT_OK);
    assert_int_equal(n_patches, 1);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_TRAMPOLINE);
    assert_int_equal(patches[0].at, 1);
    assert_int_equal(patches[0].len, 3);
    assert_int_equal(patches[0].n_words, 5);
    assert_int_equal(patches[0].words[0], 0x10400002);
    assert_int_equal(patches[0].words[1], HWS + 0xc0);
    assert_int_equal(patches[0].words[3], 77);
    assert_int_equal(patches[0].words[4], BB_END);
    /* What it says is itself a batch that passes. */
    REASON(run(GEN8_RCS, AUDIT_BATCH, patches[0].words, patches[0].n_words), AUDIT_OK);

    REASON(RING(GEN8_RCS, 0x10800002, 0xc0, 77, 78), AUDIT_OK);
    assert_int_equal(patches[0].words[0], 0x10600003);
    assert_int_equal(patches[0].words[4], 78);
    REASON(run(GEN8_RCS, AUDIT_BATCH, patches[0].words, patches[0].n_words), AUDIT_OK);

    REASON(RING(GEN8_RCS, 0x10a00001, 0xc0, 77), AUDIT_OK); /* its context's own page */
    assert_int_equal(n_patches, 0);
    REASON(RING(GEN8_RCS, 0x10800001, 0x1000, 77), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_RCS, 0x10800002, 0xffc, 77, 78), AUDIT_BAD_INDEX);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH_2ND, 0x10800001, 0xc0, 77, BB_END), AUDIT_FORBIDDEN);
}

static void batches(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x18800001, OWN + 0x1000, 0), AUDIT_OK);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_BATCH);
    assert_int_equal(patches[0].addr, OWN + 0x1000);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0, BB_END), AUDIT_OK);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0, 0), AUDIT_NO_END);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, BB_END, 0xffffffff), AUDIT_OK); /* behind the end */
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x18800001, OWN, 0, 0xffffffff), AUDIT_OK); /* chained */
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x18808001, OWN, 0, 0xffffffff), AUDIT_UNKNOWN_COMMAND);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x18c00001, OWN, 0, BB_END), AUDIT_OK); /* second level */
    assert_true(patches[0].second_level);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x18c00001, OWN, 0), AUDIT_NO_END);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH_2ND, 0x18c00001, OWN, 0, BB_END), AUDIT_BAD_JUMP);
    REASON(RING(GEN8_RCS, 0x18c00001, OWN, 0), AUDIT_BAD_JUMP); /* second level from a ring */
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x18800101, 0, 0), AUDIT_BAD_JUMP);
    REASON(RUN(GEN8_RCS, AUDIT_INDIRECT_CTX, 0x18800101, 0, 0), AUDIT_BAD_JUMP);
    REASON(RING(GEN8_RCS, BB_END), AUDIT_UNEXPECTED_END);
    REASON(RING(GEN8_RCS, 0x1b400002, 0, OWN, 0), AUDIT_UNEXPECTED_END);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x1b400002, 0, OWN, 0), AUDIT_NO_END);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH, 0x1b400002, 0, OWN, 0, BB_END), AUDIT_OK);
    REASON(run(GEN8_RCS, AUDIT_RING, render_request, 0), AUDIT_OK);
}

static void display_commands_are_blanked(void **state)
{
    uint32_t dw[] = {0x0a000001 | 0x00000000, 0x1000, OWN, 0x01800000, 0x09000000, 0};

    (void)state;
    REASON(run(GEN8_BCS, AUDIT_RING, dw, 6), AUDIT_OK);
    assert_int_equal(n_patches, 3);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_BLANK);
    assert_int_equal(patches[0].words[2], OWN); /* for whoever completes the flip */
    assert_true(patches[0].info->flags & CMD_DISPLAY);
    for (unsigned i = 0; i < 3; i++)
        audit_apply(dw, 6, &patches[i]);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(dw[i], 0);
}

/* Random dwords: always an answer, never a read outside, patches inside the buffer. */
static void noise(void **state)
{
    unsigned ok = 0;

    (void)state;
    srandom(3);
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t dw[24];
        size_t n = (unsigned)random() % 24;
        enum gen8_engine e = (enum gen8_engine)((unsigned)random() % GEN8_ENGINES);
        struct audit_verdict v;

        for (size_t k = 0; k < n; k++)
            dw[k] = ((uint32_t)random() & 0x3f) << 23 | ((uint32_t)random() & 0x400007);
        v = run(e, (enum audit_where)(random() & 3), dw, n);
        ok += v.reason == AUDIT_OK;
        assert_true(v.at <= n);
        for (unsigned k = 0; k < n_patches; k++) {
            assert_true(patches[k].at + patches[k].len <= n);
            if (patches[k].kind == AUDIT_PATCH_WORDS)
                assert_true(patches[k].at + patches[k].n_words <= n);
        }
    }
    assert_true(ok > 1000 && ok < 90000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_render_request),
        cmocka_unit_test(driver_blit_request),
        cmocka_unit_test(driver_context_workarounds),
        cmocka_unit_test(driver_coherent_l3_batch),
        cmocka_unit_test(foreign_addresses),
        cmocka_unit_test(ppgtt_addresses_pass),
        cmocka_unit_test(widths_asked_for),
        cmocka_unit_test(forbidden),
        cmocka_unit_test(unknown_or_cut),
        cmocka_unit_test(lengths_and_options),
        cmocka_unit_test(registers),
        cmocka_unit_test(page_directories_are_replaced),
        cmocka_unit_test(display_mask_is_disarmed),
        cmocka_unit_test(status_page_index_becomes_address),
        cmocka_unit_test(store_index_moves_to_a_trampoline),
        cmocka_unit_test(batches),
        cmocka_unit_test(display_commands_are_blanked),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
