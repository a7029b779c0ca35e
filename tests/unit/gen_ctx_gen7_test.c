/* SPDX-License-Identifier: MIT */
/*
 * Haswell's render contexts: images such as the engine writes pass, everything an image could be
 * misused for is refused for its reason, an empty image clears all that an image holds; the second
 * dword of MI_SET_CONTEXT and CCID. One thread, no I/O.
 */
#include "gen/ctx_gen7.h"

#include "gen/cmdregs_gen7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BB_END 0x05000000u

static uint32_t image[CTX_GEN7_DWORDS];
static struct ctx_gen7_verdict v;

static int audit(void)
{
    /* An exact copy, so that a read beyond it is seen. */
    uint32_t *copy = malloc(sizeof(image));
    int r;

    memcpy(copy, image, sizeof(image));
    r = ctx_gen7_audit(copy, CTX_GEN7_DWORDS, &v);
    free(copy);
    return r;
}

#define REFUSED(why)                                                                               \
    do {                                                                                           \
        assert_int_equal(audit(), 1);                                                              \
        assert_string_equal(ctx_gen7_reason_text(v.reason), ctx_gen7_reason_text(why));            \
    } while (0)

/* The image that `dw` begins. */
static void begin(const uint32_t *dw, size_t n)
{
    memset(image, 0, sizeof(image));
    memcpy(image, dw, n * 4);
}
#define IMAGE(...)                                                                                 \
    do {                                                                                           \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        begin(dw_, sizeof(dw_) / 4);                                                               \
    } while (0)

/* A save, by heart: first and last register of each list; the streamer's stand apart. */
static void saved(bool streamer)
{
    static const uint16_t spans[][2] = {
        {0x20c0, 0x20c0}, {0x7000, 0x7008}, {0x2214, 0x2214}, {0x2290, 0x2294}, {0x2300, 0x2354},
        {0x2400, 0x241c}, {0x2420, 0x2420}, {0x2430, 0x2440}, {0x2500, 0x2508}, {0x2600, 0x267c},
        {0x5200, 0x521c}, {0x5240, 0x525c}, {0x5280, 0x528c}, {0x2480, 0x2484}, {0x248c, 0x2494}};
    uint32_t at = 1;

    memset(image, 0, sizeof(image));
    for (unsigned i = 0; i < (streamer ? 15 : 13); i++) {
        if (i == 13)
            at = 384;
        image[at] = 0x11000000u | (2 * ((spans[i][1] - spans[i][0]) / 4u + 1) - 1);
        at++;
        for (uint32_t reg = spans[i][0]; reg <= spans[i][1]; reg += 4) {
            image[at++] = reg;
            image[at++] = i < 2 ? 0xffff1234 : 0xffffffff;
        }
    }
    image[streamer ? at : 384] = BB_END;
}

static void what_the_engine_saves(void **state)
{
    (void)state;
    saved(false);
    assert_int_equal(audit(), 0);
    assert_int_equal(v.at, CTX_GEN7_DWORDS);
    saved(true);
    assert_int_equal(audit(), 0);
}

/* Drivers make a context of zeros. */
static void zeros(void **state)
{
    (void)state;
    memset(image, 0, sizeof(image));
    assert_int_equal(audit(), 0);
    assert_int_equal(ctx_gen7_audit(image, CTX_GEN7_DWORDS - 1, &v), 1);
    assert_int_equal(v.reason, CTX_GEN7_BAD_SIZE);
}

static void state_commands(void **state)
{
    (void)state;
    IMAGE(0, 0x69040000, 0x61010008, 0, 1, 1, 0, 1, 0, 1, 0, 1, 0x78140001, 0, 0, 0x78200006, 0, 0,
          0, 0, 0, 0, 0, 0x70000006, 0, 0x00450100, 0, 0, 0, 0, 0, BB_END);
    assert_int_equal(audit(), 0);
    image[23 + 2] |= 0x08; /* threads may access registers */
    REFUSED(CTX_GEN7_BAD_OPTION);
    assert_int_equal(v.at, 23);
    IMAGE(0x78140002, 0, 0, 0); /* a length it has not */
    REFUSED(CTX_GEN7_BAD_COMMAND);
}

static void not_state(void **state)
{
    static const uint32_t commands[] = {
        0x7b000005, /* 3DPRIMITIVE */
        0x71000004, /* MEDIA_OBJECT */
        0x71050009, /* GPGPU_WALKER */
        0x7a000003, /* PIPE_CONTROL */
        0x10400002, /* MI_STORE_DATA_IMM */
        0x12400001, /* MI_STORE_REGISTER_MEM */
        0x14c00001, /* MI_LOAD_REGISTER_MEM */
        0x15000001, /* MI_LOAD_REGISTER_REG */
        0x18800000, /* MI_BATCH_BUFFER_START */
        0x11800001, /* MI_UPDATE_GTT */
        0x0c000000, /* MI_SET_CONTEXT */
        0x0b000001, /* MI_SEMAPHORE_MBOX */
        0x01000000, /* MI_USER_INTERRUPT */
        0x14000001, /* MI_REPORT_PERF_COUNT */
        0x54c00006, /* a blit */
        0xffffffff,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        saved(false);
        image[300] = commands[i];
        REFUSED(CTX_GEN7_BAD_COMMAND);
        assert_int_equal(v.at, 300);
    }
}

static void registers(void **state)
{
    static const uint32_t bad[] = {
        0x2228,  0x2220, /* page directory */
        0x2030,  0x2038, /* the ring */
        0x2180,          /* CCID */
        0x229c,  0x209c, /* GFX_MODE, MI_MODE */
        0x4080,          /* HWS_PGA */
        0x2040,          /* a mailbox */
        0x2050,          /* PSMI_CTL: in commands it is blanked */
        0xb010,  0xe49c, /* in no image */
        0x44050, 0x2601, 0x120c0, 0x100000, 0x80002600,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        IMAGE(0, 0x11000003, 0x2600, 0, bad[i], 0, BB_END);
        REFUSED(CTX_GEN7_BAD_REGISTER);
        assert_int_equal(v.at, 1);
    }
    IMAGE(0x11000002, 0x2600, 0, 0); /* half a pair */
    REFUSED(CTX_GEN7_BAD_COMMAND);
    IMAGE(0x11000101, 0x2600, 0); /* disabled bytes */
    REFUSED(CTX_GEN7_BAD_COMMAND);
    memset(image, 0, sizeof(image));
    image[CTX_GEN7_DWORDS - 1] = 0x11000001; /* cut off by the end */
    REFUSED(CTX_GEN7_BAD_COMMAND);
}

/* What is behind an end may be the streamer's part. */
static void behind_an_end(void **state)
{
    (void)state;
    saved(false);
    image[5000] = 0x11000001;
    image[5001] = 0x2480;
    assert_int_equal(audit(), 0);
    image[5001] = 0x2228;
    REFUSED(CTX_GEN7_BAD_REGISTER);
}

/* The value the empty image leaves in a register; `before` if it does not touch it. */
static uint32_t after_restore(uint32_t reg, uint32_t before)
{
    for (uint32_t at = 0; at < CTX_GEN7_DWORDS && image[at] != BB_END;) {
        uint32_t len = image[at] ? (image[at] & 0xff) + 2 : 1;

        for (uint32_t i = 1; i + 1 < len; i += 2) {
            if (image[at + i] == reg)
                before = image[at + i + 1];
        }
        at += len;
    }
    return before;
}

static void empty_image(void **state)
{
    const struct cmdreg *r;
    unsigned n = 0;

    (void)state;
    memset(image, 0xff, sizeof(image));
    ctx_gen7_init(image);
    assert_int_equal(audit(), 0);
    for (size_t i = 0; (r = cmdregs_gen7_row(i)); i++) {
        for (uint32_t reg = r->start; (r->access & CMDREG_IMAGE) && reg < r->end; reg += 4, n++)
            assert_int_equal(after_restore(reg, 1), r->access & CMDREG_MASKED ? 0xffff0000 : 0);
    }
    assert_int_equal(n, 103);
    assert_int_equal(after_restore(0x2228, 1), 1);
}

static void set_context_dword(void **state)
{
    struct ctx_gen7_ref ref;

    (void)state;
    assert_true(ctx_gen7_ref_decode(0x0800110d, &ref));
    assert_int_equal(ref.gma, 0x08001000);
    assert_true(ref.restore_inhibit && ref.ext_restore && ref.ext_save && !ref.force_restore);
    for (uint32_t flags = 0; flags < 16; flags++) {
        assert_true(ctx_gen7_ref_decode(0xabcde100 | flags, &ref));
        assert_int_equal(ctx_gen7_ref_encode(&ref), 0xabcde100 | flags);
    }
    assert_true(ctx_gen7_ref_decode(0x08001000, &ref));
    assert_int_equal(ctx_gen7_ref_encode(&ref), 0x08001100); /* bit 8 is always 1 */
    for (uint32_t bit = 4; bit < 12; bit++)
        assert_int_equal(ctx_gen7_ref_decode(1u << bit, &ref), bit == 8);
}

static void ccid(void **state)
{
    struct ctx_gen7_ref ref;

    (void)state;
    assert_false(ctx_gen7_ccid_decode(0x08001000, &ref));
    assert_true(ctx_gen7_ccid_decode(0x0800100d, &ref));
    assert_int_equal(ref.gma, 0x08001000);
    assert_true(ref.ext_restore && ref.ext_save && !ref.restore_inhibit && !ref.force_restore);
    ref.restore_inhibit = ref.force_restore = true; /* of the command, not of the register */
    assert_int_equal(ctx_gen7_ccid_encode(&ref), 0x0800100d);
}

/* Random images never make the audit read outside (the copy is exact) or run forever. */
static void noise(void **state)
{
    unsigned ok = 0;

    (void)state;
    srandom(5);
    for (unsigned i = 0; i < 3000; i++) {
        uint32_t at = (uint32_t)random() % 300;

        saved(i & 1);
        for (unsigned n = (unsigned)random() % 4; n; n--) {
            image[at] = ((uint32_t)random() & 1 ? 0x11000000u : 0x78000000u) |
                        ((uint32_t)random() & 0x3f0007);
            at = (at + (uint32_t)random()) % CTX_GEN7_DWORDS;
        }
        ok += !audit();
        assert_true(v.at <= CTX_GEN7_DWORDS);
    }
    assert_true(ok > 100 && ok < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_engine_saves),
        cmocka_unit_test(zeros),
        cmocka_unit_test(state_commands),
        cmocka_unit_test(not_state),
        cmocka_unit_test(registers),
        cmocka_unit_test(behind_an_end),
        cmocka_unit_test(empty_image),
        cmocka_unit_test(set_context_dword),
        cmocka_unit_test(ccid),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
