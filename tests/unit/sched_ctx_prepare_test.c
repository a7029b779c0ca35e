/* SPDX-License-Identifier: MIT */
/*
 * Preparing shadow contexts: descriptor, roots, ring, patches, privileged batches, context batches,
 * and everything that is refused. One thread.
 */
#include "tests/unit/sched_ctx_rig.h"

#define ARENA 2048u
#define GPR   0x2600u

static struct rig r;

static int setup(void **state)
{
    (void)state;
    rig_setup(&r, ARENA, 0);
    rig_root(&r, 5, RIG_ROOT, RIG_SHADOW);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_teardown(&r);
    return 0;
}

static void refused(enum gen8_engine e, uint64_t desc, enum account_event event)
{
    uint64_t before = rig_count(&r, event);
    struct context *c;

    assert_int_equal(context_prepare(r.set, e, desc, &c), CONTEXT_REFUSED);
    assert_null(c);
    assert_int_equal(rig_count(&r, event), before + 1);
}

static void plain(void **state)
{
    static const uint32_t dw[] = {0x11000001, GPR, 0x1234, 0x01000000, 0x05 << 23};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 4);
    struct ctx_gen8_desc d;
    struct context *c;
    uint32_t *s, start, size;

    (void)state;
    rig_state(&r, RIG_LRCA)[CTX_RING_HEAD] = rig_state(&r, RIG_LRCA)[CTX_RING_TAIL] = 0x100;
    rig_emit(&r, RIG_LRCA, dw, 5);
    c = rig_prepare(&r, GEN8_RCS, desc);
    d = ctx_gen8_desc_decode(context_desc(c));
    arena_bounds(r.arena, &start, &size);
    assert_true(d.valid && d.privileged && d.mode == CTX_LEGACY_64);
    assert_true(d.lrca >= start && d.lrca < start + size);
    assert_int_equal(d.id, context_id(c));
    assert_int_equal(CONTEXT_ID_SET(d.id), 2);
    assert_ptr_equal(context_find(r.set, d.id), c);
    assert_true(d.id < 1u << 20);
    assert_true(context_guest_desc(c) == desc);
    s = rig_shadow(&r, c);
    assert_int_equal((uint64_t)s[CTX_PDP_UDW(0)] << 32 | s[CTX_PDP_LDW(0)], RIG_SHADOW);
    assert_int_equal(s[CTX_PDP_LDW(1)], 0);
    assert_true(s[CTX_RING_START] > start && s[CTX_RING_START] < start + size);
    assert_int_equal(s[CTX_RING_CTL], 0x3001);
    assert_int_equal(s[CTX_RING_HEAD], 0x100);
    assert_int_equal(s[CTX_RING_TAIL], 0x118);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(rig_ring(&r, c, 0x100 + 4 * i), dw[i]);
    assert_true(context_root_mapped(c));
    assert_false(context_finished(c));
}

/* A ring of 4 pages whose commands go over its end. */
static void wraps(void **state)
{
    static const uint32_t dw[] = {0x11000001, GPR, 0x1234, 0, 0x11000001, GPR, 0x5678, 0};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 4);
    struct context *c;

    (void)state;
    rig_state(&r, RIG_LRCA)[CTX_RING_HEAD] = rig_state(&r, RIG_LRCA)[CTX_RING_TAIL] = 0x3ff0;
    rig_emit(&r, RIG_LRCA, dw, 8);
    assert_int_equal(rig_state(&r, RIG_LRCA)[CTX_RING_TAIL], 0x10);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_ring(&r, c, 0x3ff8), 0x1234);
    assert_int_equal(rig_ring(&r, c, 0), 0x11000001);
    assert_int_equal(rig_ring(&r, c, 8), 0x5678);
    assert_int_equal(rig_shadow(&r, c)[CTX_RING_TAIL], 0x10);
}

static void descriptors(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1);

    (void)state;
    refused(GEN8_BCS, desc & ~UINT64_C(1), ACCOUNT_BAD_DESCRIPTOR);
    refused(GEN8_BCS, desc & ~UINT64_C(0x100), ACCOUNT_BAD_DESCRIPTOR); /* no PPGTT */
    refused(GEN8_BCS, (desc & ~UINT64_C(0x18)) | 2 << 3, ACCOUNT_BAD_DESCRIPTOR);
    refused(GEN8_BCS, (desc & ~UINT64_C(0xfffff000)) | 0x1000, ACCOUNT_BAD_DESCRIPTOR);
    refused(GEN8_BCS, desc + RIG_SIZE - 4096, ACCOUNT_BAD_DESCRIPTOR); /* second page is out */
    refused(GEN8_BCS, desc + 0x100000, ACCOUNT_BAD_GUEST_ADDR);        /* no entries */
    rig_prepare(&r, GEN8_BCS, desc);
}

static void rings(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_VCS, RIG_LRCA, RIG_RING, 4);
    uint32_t *s = rig_state(&r, RIG_LRCA);

    (void)state;
    s[CTX_RING_START] = 0x4000000; /* the arena itself */
    refused(GEN8_VCS, desc, ACCOUNT_BAD_CONTEXT);
    s[CTX_RING_START] = RIG_LOW + RIG_SIZE - 0x3000;
    refused(GEN8_VCS, desc, ACCOUNT_BAD_CONTEXT);
    s[CTX_RING_START] = RIG_RING;
    s[CTX_RING_CTL] = (1u << 20) - 4096 + 1;
    refused(GEN8_VCS, desc, ACCOUNT_BAD_CONTEXT);
    s[CTX_RING_CTL] = 0x3001;
    s[2] ^= 0x10; /* a load of another register */
    refused(GEN8_VCS, desc, ACCOUNT_BAD_CONTEXT);
    s[2] ^= 0x10;
    s[CTX_RING_TAIL] = 0x3ff8;
    r.vggtt->pte[RIG_RING / 4096 + 2] = 0;
    refused(GEN8_VCS, desc, ACCOUNT_BAD_GUEST_ADDR);
    s[CTX_RING_TAIL] = 0x1ff8;
    rig_prepare(&r, GEN8_VCS, desc);
}

static void bad_commands(void **state)
{
    static const uint32_t lri[] = {0x11000001, 0x4000, 0, 0};
    static const uint32_t sdi[] = {0x10400002, 0x1000, 0, 0}; /* the host's page */
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);

    (void)state;
    rig_emit(&r, RIG_LRCA, lri, 4);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND);
    desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    rig_emit(&r, RIG_LRCA, sdi, 4);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND);
    desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    rig_prepare(&r, GEN8_RCS, desc);
}

/* Store-index goes to the guest's own status page: by address, or through a small batch. */
static void store_index(void **state)
{
    static const uint32_t flush[] = {0x13204002, 0xc4, 0, 0x77}; /* qword by index, as PPGTT */
    static const uint32_t flush_ggtt[] = {0x13204002, 0xc4 & ~7u, 0, 0x77};
    static const uint32_t index[] = {0x10800001, 0xc0, 0x99, 0};
    uint64_t desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1);
    uint32_t ggtt[4], *batch;
    struct context *c;

    (void)state;
    memcpy(ggtt, flush_ggtt, sizeof(ggtt));
    ggtt[1] |= 4;
    rig_emit(&r, RIG_LRCA, flush, 4);
    rig_emit(&r, RIG_LRCA, ggtt, 4);
    rig_emit(&r, RIG_LRCA, index, 4);
    c = rig_prepare(&r, GEN8_BCS, desc);
    assert_int_equal(rig_ring(&r, c, 0x10), 0x13004002);
    assert_int_equal(rig_ring(&r, c, 0x14), (RIG_HWSP + 0xc0) | 4);
    assert_int_equal(rig_ring(&r, c, 0x20), 0x18800001);
    batch = rig_gpu(&r, rig_ring(&r, c, 0x24));
    assert_int_equal(rig_ring(&r, c, 0x28), 0);
    assert_int_equal(batch[0], 0x10400002);
    assert_int_equal(batch[1], RIG_HWSP + 0xc0);
    assert_int_equal(batch[3], 0x99);
    assert_int_equal(batch[4], 0x05000000);
    context_set_hwsp(r.set, GEN8_BCS, 0); /* no status page: nowhere to put it */
    refused(GEN8_BCS, desc, ACCOUNT_BAD_COMMAND);
}

/* A privileged batch over two pages, which starts another. */
static void privileged_batch(void **state)
{
    static const uint32_t start[] = {0x18800001, RIG_BATCH + 0xff0, 0, 0};
    uint32_t second = RIG_BATCH + 0x2040, *shadow;
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 3);
    memcpy(rig_at(&r, RIG_BATCH + 0xff0), (uint32_t[]){0, 0x11000001, GPR, 0x4711}, 16);
    memcpy(rig_at(&r, RIG_BATCH + 0x1000), (uint32_t[]){0x18c00001, second, 0, 0x05000000}, 16);
    memcpy(rig_at(&r, second), (uint32_t[]){0x11000001, GPR + 4, 0x4712, 0x05000000}, 16);
    rig_emit(&r, RIG_LRCA, start, 4);
    rig_emit(&r, RIG_LRCA, start, 4);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_ring(&r, c, 0), 0x18800001);
    assert_int_equal(rig_ring(&r, c, 4), rig_ring(&r, c, 0x14)); /* copied once */
    shadow = rig_gpu(&r, rig_ring(&r, c, 4));
    assert_int_equal(shadow[3], 0x4711);
    assert_int_equal(shadow[4], 0x18c00001);
    assert_int_equal(shadow[7], 0x05000000);
    assert_int_equal(rig_gpu(&r, shadow[5])[2], 0x4712);
    rig_at(&r, second)[1] = 0x4000; /* now a register it may not have */
    assert_int_equal(rig_gpu(&r, shadow[5])[1], GPR + 4);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND);
}

static void endless_batch(void **state)
{
    static const uint32_t start[] = {0x18800001, RIG_BATCH, 0, 0};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 80);
    rig_emit(&r, RIG_LRCA, start, 4);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND); /* NOOPs for more than is taken */
    memcpy(rig_at(&r, RIG_BATCH), start, 16);
    c = rig_prepare(&r, GEN8_RCS, desc); /* goes round for ever, in the copy */
    assert_int_equal(rig_gpu(&r, rig_ring(&r, c, 4))[1], rig_ring(&r, c, 4));
    r.vggtt->pte[RIG_BATCH / 4096] = 0;
    refused(GEN8_RCS, desc, ACCOUNT_BAD_GUEST_ADDR);
}

static void pdp_in_ring(void **state)
{
    static const uint32_t lri[] = {0x11000003, 0x2274, 0x1, 0x2270, 0x23456000, 0};
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    rig_emit(&r, RIG_LRCA, lri, 6);
    c = rig_prepare(&r, GEN8_RCS, desc);
    assert_int_equal(rig_ring(&r, c, 8), RIG_SHADOW >> 32);
    assert_int_equal(rig_ring(&r, c, 16), (uint32_t)RIG_SHADOW);
}

static void three_level(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_VECS, RIG_LRCA, RIG_RING, 1);
    uint32_t *s = rig_state(&r, RIG_LRCA);
    struct gtt_root *root = &r.map->root[9];
    struct context *c;

    (void)state;
    desc = (desc & ~UINT64_C(0x18)) | CTX_LEGACY_32 << 3;
    *root = (struct gtt_root){.level = 3};
    for (uint32_t i = 0; i < 4; i++) {
        root->guest[i] = 0x1000 * (i + 5);
        root->shadow[i] = 0x200000000 + 0x1000 * i;
        s[CTX_PDP_UDW(i)] = 0;
        s[CTX_PDP_LDW(i)] = 0x1000 * (i + 5);
    }
    c = rig_prepare(&r, GEN8_VECS, desc);
    assert_int_equal(ctx_gen8_desc_decode(context_desc(c)).mode, CTX_LEGACY_32);
    s = rig_shadow(&r, c);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(s[CTX_PDP_UDW(i)], 2);
        assert_int_equal(s[CTX_PDP_LDW(i)], 0x1000 * i);
    }
    s = rig_state(&r, RIG_LRCA);
    s[CTX_PDP_LDW(3)] = 0x123000;
    assert_int_equal(context_prepare(r.set, GEN8_VECS, desc, &c), CONTEXT_WAIT);
    assert_int_equal(r.asked, 1);
}

static void no_root(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1);
    struct context *c;

    (void)state;
    rig_root(&r, 5, RIG_ROOT, 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(context_prepare(r.set, GEN8_BCS, desc, &c), CONTEXT_WAIT);
    assert_int_equal(r.asked, 1);
    rig_root(&r, 77, RIG_ROOT, RIG_SHADOW);
    r.map->root[77].seq++; /* being changed */
    assert_int_equal(context_prepare(r.set, GEN8_BCS, desc, &c), CONTEXT_WAIT);
    r.map->root[77].seq++;
    c = rig_prepare(&r, GEN8_BCS, desc);
    context_set_busy(c, true);
    assert_true(context_root_mapped(c) && context_set_roots_mapped(r.set));
    rig_root(&r, 77, RIG_ROOT, RIG_SHADOW + 0x1000); /* made anew: not the one that runs */
    assert_false(context_root_mapped(c));
    assert_false(context_set_roots_mapped(r.set));
    context_set_busy(c, false);
    context_set_settle(r.set);
    assert_true(context_set_roots_mapped(r.set));
    c = rig_prepare(&r, GEN8_BCS, desc);
    assert_int_equal(rig_shadow(&r, c)[CTX_PDP_LDW(0)], (uint32_t)RIG_SHADOW + 0x1000);
}

static void context_batches(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_RCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *s = rig_state(&r, RIG_LRCA), *wa;
    struct context *c;

    (void)state;
    rig_map(&r, RIG_BATCH, 2);
    memcpy(rig_at(&r, RIG_BATCH + 0x40), (uint32_t[]){0x11000001, GPR, 3, 0}, 16);
    memcpy(rig_at(&r, RIG_BATCH + 0x1000), (uint32_t[]){0x11000001, GPR, 4, 0x05000000}, 16);
    s[CTX_INDIRECT_CTX] = (RIG_BATCH + 0x40) | 2;
    s[CTX_INDIRECT_CTX_OFFSET] = 0x17 << 6;
    s[CTX_BB_PER_CTX_PTR] = (RIG_BATCH + 0x1000) | 1;
    c = rig_prepare(&r, GEN8_RCS, desc);
    s = rig_shadow(&r, c);
    assert_int_equal(s[CTX_INDIRECT_CTX] & 63, 2);
    wa = rig_gpu(&r, s[CTX_INDIRECT_CTX] & ~63u);
    assert_int_equal(wa[2], 3);
    wa = rig_gpu(&r, s[CTX_BB_PER_CTX_PTR] & ~63u);
    assert_int_equal(s[CTX_BB_PER_CTX_PTR] & 4095, 1);
    assert_int_equal(wa[2], 4);
    memcpy(rig_at(&r, RIG_BATCH + 0x40), (uint32_t[]){0x11000001, 0x4000, 3, 0}, 16);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND);
    memcpy(rig_at(&r, RIG_BATCH + 0x40), (uint32_t[]){0, 0, 0, 0}, 16);
    memcpy(rig_at(&r, RIG_BATCH + 0x1000), (uint32_t[]){0x18800001, RIG_BATCH, 0, 0}, 16);
    refused(GEN8_RCS, desc, ACCOUNT_BAD_COMMAND);
}

/* An engine part that does not pass is replaced; the ring still runs. */
static void engine_part(void **state)
{
    uint64_t desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1);
    uint32_t *s = rig_state(&r, RIG_LRCA);
    struct context *c;

    (void)state;
    s[0x60] = 0x11000001; /* a load of the port that starts contexts */
    s[0x61] = 0x22230;
    c = rig_prepare(&r, GEN8_BCS, desc); /* restore inhibit: never read, not counted */
    assert_int_equal(rig_shadow(&r, c)[0x60], 0);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_CONTEXT), 0);
    s[CTX_CONTROL] = 0x90008;
    c = rig_prepare(&r, GEN8_BCS, desc);
    assert_int_equal(rig_shadow(&r, c)[0x60], 0);
    assert_int_equal(rig_shadow(&r, c)[CTX_CONTROL] & 1, 1);
    assert_int_equal(rig_count(&r, ACCOUNT_BAD_CONTEXT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain, setup, teardown),
        cmocka_unit_test_setup_teardown(wraps, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(rings, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_commands, setup, teardown),
        cmocka_unit_test_setup_teardown(store_index, setup, teardown),
        cmocka_unit_test_setup_teardown(privileged_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(endless_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(pdp_in_ring, setup, teardown),
        cmocka_unit_test_setup_teardown(three_level, setup, teardown),
        cmocka_unit_test_setup_teardown(no_root, setup, teardown),
        cmocka_unit_test_setup_teardown(context_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(engine_part, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
