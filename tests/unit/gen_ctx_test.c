/* SPDX-License-Identifier: MIT */
/*
 * Context images: what today's driver writes passes, every departure from the layout is refused
 * for its reason, what is given to an engine carries nothing of the guest's choosing that the
 * scheduler owns. Descriptors, the submit port and the status events. One thread, no I/O.
 */
#include "gen/ctx_gen8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t image[CTX_GEN8_RCS_PAGES * 1024];
static uint32_t *const s = image + CTX_GEN8_STATE;
static struct ctx_gen8_state st;
static struct ctx_gen8_verdict v;

/* As a driver fills it: ring of 4 pages, 48-bit tables. */
static void fresh(enum gen8_engine e)
{
    ctx_gen8_init(e, image);
    ctx_gen8_set_ring(image, 0x08004000, 0x4000, 0x40, 0x80);
    ctx_gen8_set_pdp(image, 0, 0x123456000);
}

static int audit(enum gen8_engine e)
{
    /* An exact copy, so that a read beyond it is seen. */
    size_t n = ctx_gen8_dwords(e);
    uint32_t *copy = malloc(n * 4);
    int r;

    memcpy(copy, image, n * 4);
    r = ctx_gen8_audit(e, copy, n, &st, &v);
    free(copy);
    return r;
}

static void drivers_image(void **state)
{
    (void)state;
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        fresh((enum gen8_engine)e);
        assert_int_equal(audit((enum gen8_engine)e), 0);
        assert_int_equal(st.ring_start, 0x08004000);
        assert_int_equal(st.ring_size, 0x4000);
        assert_int_equal(st.head, 0x40);
        assert_int_equal(st.tail, 0x80);
        assert_int_equal(st.pdp[0], 0x123456000);
        assert_int_equal(st.control, CTX_CONTROL_INHIBIT_SYNC | CTX_CONTROL_RESTORE_INHIBIT);
        assert_int_equal(v.reason, CTX_OK);
    }
}

/* The layout by heart: offsets of the PRM, not of our table. */
static void golden_layout(void **state)
{
    (void)state;
    fresh(GEN8_RCS);
    assert_int_equal(s[0x01], 0x1100101b);
    assert_int_equal(s[0x02], 0x2244);
    assert_int_equal(s[0x04], 0x2034);
    assert_int_equal(s[0x06], 0x2030);
    assert_int_equal(s[0x08], 0x2038);
    assert_int_equal(s[0x0a], 0x203c);
    assert_int_equal(s[0x1a], 0x21c4);
    assert_int_equal(s[0x21], 0x11001011);
    assert_int_equal(s[0x30], 0x2274);
    assert_int_equal(s[0x31], 1);
    assert_int_equal(s[0x32], 0x2270);
    assert_int_equal(s[0x33], 0x23456000);
    assert_int_equal(s[0x42], 0x20c8);
    fresh(GEN8_BCS);
    assert_int_equal(s[0x01], 0x11000015);
    assert_int_equal(s[0x02], 0x22244);
    assert_int_equal(s[0x22], 0x223a8);
    assert_int_equal(s[0x42], 0x22200);
    assert_int_equal(CTX_PDP_UDW(3), 0x25);
    assert_int_equal(CTX_PDP_LDW(0), 0x33);
}

static void wrong_size(void **state)
{
    (void)state;
    fresh(GEN8_BCS);
    assert_int_equal(ctx_gen8_audit(GEN8_BCS, image, 2047, &st, &v), 1);
    assert_int_equal(v.reason, CTX_BAD_SIZE);
    assert_int_equal(ctx_gen8_audit(GEN8_RCS, image, 2048, &st, &v), 1);
    assert_int_equal(v.reason, CTX_BAD_SIZE);
}

/* Every dword of the ring's part that is not a value: any change is refused, and is not excused. */
static void any_other_layout(void **state)
{
    unsigned refused = 0;

    (void)state;
    for (unsigned e = 0; e < GEN8_ENGINES; e++) {
        fresh((enum gen8_engine)e);
        for (uint32_t i = 0; i <= 0x41; i++) {
            bool header = i == 0x01 || i == 0x21 || i == 0x41;
            uint32_t keep = s[i];

            if (keep == 0 || (!header && keep < 0x2000) || (i % 2 && !header))
                continue; /* values and gaps */
            s[i] ^= 0x10;
            assert_int_equal(audit((enum gen8_engine)e), 1);
            assert_int_equal(v.reason, CTX_BAD_LAYOUT);
            assert_false(v.engine_part);
            s[i] = keep;
            refused++;
        }
    }
    assert_true(refused > 100);
}

static void command_in_a_gap(void **state)
{
    (void)state;
    fresh(GEN8_RCS);
    s[0x1e] = 0x11000001; /* a load that would swallow what follows */
    assert_int_equal(audit(GEN8_RCS), 1);
    assert_int_equal(v.reason, CTX_BAD_LAYOUT);
    assert_int_equal(v.at, CTX_GEN8_STATE + 0x1e);
}

static void no_ring(void **state)
{
    (void)state;
    fresh(GEN8_VCS);
    s[CTX_RING_CTL] &= ~1u;
    audit(GEN8_VCS);
    assert_int_equal(v.reason, CTX_BAD_RING);
    fresh(GEN8_VCS);
    s[CTX_RING_TAIL] = 0x4000;
    audit(GEN8_VCS);
    assert_int_equal(v.reason, CTX_BAD_RING);
    fresh(GEN8_VCS);
    s[CTX_RING_START] = 0x08004010;
    audit(GEN8_VCS);
    assert_int_equal(v.reason, CTX_BAD_RING);
    fresh(GEN8_VCS);
    s[CTX_RING_START] = 0xfffff000;
    audit(GEN8_VCS);
    assert_int_equal(v.reason, CTX_BAD_RING);
}

static void batch_pointers(void **state)
{
    (void)state;
    fresh(GEN8_RCS);
    ctx_gen8_set_batches(image, 0x08010000, 0x08011040, 128);
    assert_int_equal(audit(GEN8_RCS), 0);
    assert_int_equal(st.per_ctx, 0x08010000);
    assert_int_equal(st.indirect, 0x08011040);
    assert_int_equal(st.indirect_len, 128);
    s[CTX_BB_PER_CTX_PTR] |= 2;
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_BATCH);
    fresh(GEN8_RCS);
    s[CTX_INDIRECT_CTX] = 3; /* a length without an address */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_BATCH);
}

static void engine_part(void **state)
{
    uint32_t *e = s + 0x60;

    (void)state;
    fresh(GEN8_RCS);
    e[0] = 0x11000003; /* two registers of the context */
    e[1] = 0x7000;
    e[2] = 0xffff0000;
    e[3] = 0x2600;
    e[4] = 5;
    e[5] = 0x78140000; /* 3DSTATE_WM */
    e[7] = 0x05000000;
    e[8] = 0xffffffff; /* saved data behind the end is not executed */
    assert_int_equal(audit(GEN8_RCS), 0);

    e[3] = 0x229c; /* GFX_MODE */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_REGISTER);
    assert_true(v.engine_part);
    e[3] = 0x24d0; /* the unprivileged white list */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_REGISTER);
    e[3] = 0x2270; /* page directories, once more */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_REGISTER);
    e[3] = 0x2600;

    e[5] = 0x10400002; /* a store into the GGTT */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_COMMAND);
    assert_true(v.engine_part);
    e[5] = 0x18800001; /* a jump */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_COMMAND);
    e[5] = 0x7a000004; /* PIPE_CONTROL */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_COMMAND);
    e[5] = 0x11800001; /* MI_UPDATE_GTT */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_COMMAND);
    fresh(GEN8_RCS);
    image[ctx_gen8_dwords(GEN8_RCS) - 1] = 0x11000001; /* cut off by the end */
    audit(GEN8_RCS);
    assert_int_equal(v.reason, CTX_BAD_COMMAND);
}

/* Everything that Broadwell saves with a context, as it comes back from a save. */
static void what_hardware_saves(void **state)
{
    static const uint16_t render[][2] = {
        {0x2158, 0x2158}, {0x2178, 0x217c}, {0x2290, 0x2294}, {0x22c8, 0x22cc}, {0x22d8, 0x22dc},
        {0x22f0, 0x22fc}, {0x2300, 0x2344}, {0x2360, 0x2364}, {0x2400, 0x241c}, {0x2420, 0x2420},
        {0x2430, 0x2440}, {0x2448, 0x2454}, {0x2500, 0x2508}, {0x2600, 0x267c}, {0x5200, 0x521c},
        {0x5240, 0x525c}, {0x5280, 0x528c}, {0x7034, 0x7034}, {0xe400, 0xe404}};
    static const uint32_t masked[][2] = {
        {0x20c0, 0xfdff0100}, {0x7000, 0xffff1234}, {0x7004, 0xffff1234}, {0x7008, 0xffff1234}};
    uint32_t *e = s + 0x60;

    (void)state;
    fresh(GEN8_RCS);
    for (unsigned i = 0; i < sizeof(render) / sizeof(render[0]); i++) {
        for (uint32_t reg = render[i][0]; reg <= render[i][1]; reg += 4) {
            *e++ = 0x11000001;
            *e++ = reg;
            *e++ = 0xffffffff;
        }
    }
    for (unsigned i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
        *e++ = 0x11000001;
        *e++ = masked[i][0];
        *e++ = masked[i][1];
    }
    *e = 0x05000000;
    assert_int_equal(audit(GEN8_RCS), 0);
    fresh(GEN8_VECS);
    s[0x93] = 0x11000003;
    s[0x94] = 0x1a17c;
    s[0x96] = 0x1a178;
    s[0x97] = 1;
    assert_int_equal(audit(GEN8_VECS), 0);
    s[0x96] = 0x2178; /* another engine's */
    audit(GEN8_VECS);
    assert_int_equal(v.reason, CTX_BAD_REGISTER);
}

/* An old driver leaves the third list to the hardware. */
static void third_list_may_be_absent(void **state)
{
    (void)state;
    fresh(GEN8_BCS);
    memset(s + 0x41, 0, 5 * 4);
    assert_int_equal(audit(GEN8_BCS), 0);
}

static void sanitise(void **state)
{
    static const uint8_t owned[] = {CTX_BB_HEAD_UDW,    CTX_BB_HEAD_LDW,  CTX_BB_STATE,
                                    CTX_BB2_HEAD_UDW,   CTX_BB2_HEAD_LDW, CTX_BB2_STATE,
                                    CTX_BB_PER_CTX_PTR, CTX_INDIRECT_CTX};

    (void)state;
    fresh(GEN8_RCS);
    for (unsigned i = 0; i < sizeof(owned); i++)
        s[owned[i]] = 0x08000041;
    s[CTX_CONTROL] = 0xffffffff;
    for (unsigned n = 0; n < 4; n++)
        ctx_gen8_set_pdp(image, n, 0x7777777000);
    assert_int_equal(audit(GEN8_RCS), 0);
    ctx_gen8_sanitise(GEN8_RCS, image);
    for (unsigned i = 0; i < sizeof(owned); i++)
        assert_int_equal(s[owned[i]], 0);
    assert_int_equal(s[CTX_CONTROL], 0x000b000b);
    assert_int_equal(audit(GEN8_RCS), 0);
    for (unsigned n = 0; n < 4; n++)
        assert_int_equal(st.pdp[n], 0);
    s[CTX_CONTROL] = 0x00000008; /* value without its mask bit: not asked for */
    ctx_gen8_sanitise(GEN8_RCS, image);
    assert_int_equal(s[CTX_CONTROL], 0x000b0000);
}

static void descriptors(void **state)
{
    struct ctx_gen8_desc d = ctx_gen8_desc_decode(0x0000002a27fe413d);

    (void)state;
    assert_true(d.valid && d.force_restore && d.coherent && d.privileged && !d.force_pd);
    assert_int_equal(d.mode, CTX_LEGACY_64);
    assert_int_equal(d.lrca, 0x27fe4000);
    assert_int_equal(d.id, 42);
    for (unsigned i = 0; i < 4096; i++) {
        uint64_t raw = UINT64_C(0x123400008000) + (i & 0xf3f) + ((uint64_t)i << 40);

        d = ctx_gen8_desc_decode(raw);
        assert_true(ctx_gen8_desc_encode(&d) == raw);
    }
}

static void submit_port(void **state)
{
    struct ctx_gen8_elsp port = {0};
    uint64_t desc[2];

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        assert_false(ctx_gen8_elsp_write(&port, 11, desc));
        assert_false(ctx_gen8_elsp_write(&port, 10, desc));
        assert_false(ctx_gen8_elsp_write(&port, 1, desc));
        assert_true(ctx_gen8_elsp_write(&port, 2, desc));
        assert_int_equal(desc[0], UINT64_C(1) << 32 | 2);
        assert_int_equal(desc[1], UINT64_C(11) << 32 | 10);
    }
}

static void status_buffer(void **state)
{
    unsigned at = CSB_NEVER_WRITTEN;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        at = ctx_gen8_csb_next(at);
        assert_int_equal(at, i % 6);
    }
    assert_int_equal(ctx_gen8_csb_ptr(5, 5), 0x0505);
    assert_int_equal(CSB_HWSP_ENTRY(5), 0x1a);
}

/* Random images never make the audit read outside (the copy is exact) or run forever. */
static void noise(void **state)
{
    unsigned ok = 0;

    (void)state;
    srandom(4);
    for (unsigned i = 0; i < 3000; i++) {
        enum gen8_engine e = i & 1 ? GEN8_BCS : GEN8_RCS;
        uint32_t at = 0x46;

        fresh(e);
        while (at < 400) {
            s[at] = ((uint32_t)random() & 1 ? 0x11000000u : 0x78000000u) |
                    ((uint32_t)random() & 0x3f0007);
            at += 1 + ((unsigned)random() & 7);
        }
        ok += !audit(e);
        assert_true(v.at <= ctx_gen8_dwords(e));
    }
    assert_true(ok < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drivers_image),
        cmocka_unit_test(golden_layout),
        cmocka_unit_test(wrong_size),
        cmocka_unit_test(any_other_layout),
        cmocka_unit_test(command_in_a_gap),
        cmocka_unit_test(no_ring),
        cmocka_unit_test(batch_pointers),
        cmocka_unit_test(engine_part),
        cmocka_unit_test(what_hardware_saves),
        cmocka_unit_test(third_list_may_be_absent),
        cmocka_unit_test(sanitise),
        cmocka_unit_test(descriptors),
        cmocka_unit_test(submit_port),
        cmocka_unit_test(status_buffer),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
