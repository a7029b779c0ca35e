/* SPDX-License-Identifier: MIT */
/*
 * Audit of Haswell's buffers: each way out of a guest's partition is refused for its own reason;
 * patches keep lengths, and what they leave passes without any. One thread, no I/O.
 */
#include "tests/unit/gen_audit_gen7_rig.h"

#include <stdlib.h>

/* --- refusals --- */

static void foreign_addresses(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x10400002, 0, FOREIGN, 1), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x10600003, 0, OWN_END - 4, 1, 2), AUDIT_BAD_ADDRESS); /* runs over */
    REASON(RING(GEN8_RCS, 0x10400002, OWN, FOREIGN, 1), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, SRM, 0x2600, FOREIGN), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, LRM, 0x2600, FOREIGN), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x13c00001, FOREIGN, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x13c00002, OWN_END - 4096, 0, 0), AUDIT_BAD_ADDRESS); /* maybe two */
    REASON(RING(GEN8_RCS, 0x14000001, FOREIGN | 1, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x14000001, (OWN_END - 64) | 1, 0), AUDIT_BAD_ADDRESS);
    REASON(BATCH(GEN8_RCS, 0x1b400001, 0, FOREIGN, BB_END), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_BCS, 0x0b600001, 0, FOREIGN), AUDIT_BAD_ADDRESS); /* semaphore in memory */
    REASON(RING(GEN8_BCS, 0x0b500001, 0, FOREIGN), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, PC, 0x01004000, FOREIGN, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x7a000003, 0x0100c000, FOREIGN, 0, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_BCS, 0x13004001, FOREIGN | 4, 0), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, BBS, FOREIGN), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, BBS | 0x2000, FOREIGN), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x0c000000, FOREIGN | 0x100), AUDIT_BAD_ADDRESS);
    REASON(RING(GEN8_RCS, 0x0c000000, (OWN_END - 0x10000) | 0x101), AUDIT_BAD_ADDRESS);
}

static void what_is_asked(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x10600003, 0, OWN, 1, 2), AUDIT_OK);
    ASKED(OWN, 8, true);
    REASON(RING(GEN8_RCS, LRM, 0x2600, OWN | 3), AUDIT_OK);
    ASKED(OWN, 4, false);
    REASON(RING(GEN8_RCS, 0x13c00002, OWN | 0x40, 0, 0), AUDIT_OK);
    ASKED(OWN, 8192, false);
    REASON(RING(GEN8_RCS, 0x14000001, OWN | 0x41, 0), AUDIT_OK);
    ASKED(OWN | 0x40, 256, true);
    REASON(RING(GEN8_VCS, 0x0b600001, 0, OWN), AUDIT_OK);
    ASKED(OWN, 4, true);
    REASON(RING(GEN8_VCS, 0x0b500001, 0, OWN), AUDIT_OK);
    ASKED(OWN, 4, false);
    REASON(BATCH(GEN8_RCS, 0x1b400001, 0, OWN, BB_END), AUDIT_OK);
    ASKED(OWN, 8, false);
    REASON(RING(GEN8_RCS, 0x0c000000, OWN | 0x101), AUDIT_OK);
    ASKED(OWN, 17 * 4096, true);
    REASON(RING(GEN8_RCS, BBS, OWN + 0x40), AUDIT_OK);
    ASKED(OWN + 0x40, 4, false);
    /* The same through the PPGTT is the page tables' business. */
    REASON(RING(GEN8_RCS, 0x10000002, 0, FOREIGN, 1, 0x12000001, 0x2600, FOREIGN, 0x13800001,
                FOREIGN, 0, 0x0b200001, 0, FOREIGN, PC, 0x4000, FOREIGN, 0, BBS | 0x100, FOREIGN),
           AUDIT_OK);
    assert_int_equal(n_asked, 0);
}

static void forbidden(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x11800001, OWN, 0), AUDIT_FORBIDDEN); /* MI_UPDATE_GTT */
    REASON(RING(GEN8_BCS, 0x11800001, OWN, 0), AUDIT_FORBIDDEN);
    REASON(RING(GEN8_VCS, 0x1180003f), AUDIT_FORBIDDEN);            /* even cut off */
    REASON(RING(GEN8_RCS, 0x15800002, 0, OWN, 0), AUDIT_FORBIDDEN); /* streamer's store */
    REASON(RING(GEN8_RCS, 0x16000001, 0, OWN), AUDIT_FORBIDDEN);    /* load URB */
    REASON(RING(GEN8_RCS, 0x16800001, 0, OWN), AUDIT_FORBIDDEN);    /* store URB */
    REASON(BATCH(GEN8_RCS, 0x0c000000, OWN | 0x101, BB_END), AUDIT_FORBIDDEN);
    REASON(BATCH(GEN8_RCS, 0x0b140001, 0, 0, BB_END), AUDIT_FORBIDDEN); /* mailbox */
    REASON(BATCH(GEN8_RCS, LRI1, 0x22040, 0, BB_END), AUDIT_BAD_REGISTER);
}

static void unknown_or_cut(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x1f800000), AUDIT_UNKNOWN_COMMAND);
    REASON(RING(GEN8_RCS, 0x54c00006, 0, 0, 0, 0, 0, 0, 0), AUDIT_UNKNOWN_COMMAND);
    REASON(RING(GEN8_VCS, 0x00800000), AUDIT_UNKNOWN_COMMAND); /* MI_SET_PREDICATE elsewhere */
    REASON(RING(GEN8_BCS, 0x15000001, 0, 0), AUDIT_UNKNOWN_COMMAND); /* LRR elsewhere */
    REASON(RING(GEN8_RCS, 0x13004001, 4, 0), AUDIT_UNKNOWN_COMMAND); /* flush elsewhere */
    REASON(RING(GEN8_RCS, 0x17800001, 0, 0), AUDIT_UNKNOWN_COMMAND); /* Broadwell's */
    REASON(RING(GEN8_RCS, 0, SRM, 0x2600), AUDIT_TRUNCATED);
    assert_int_equal(RING(GEN8_RCS, 0, 0, SRM, 0x2600).at, 2);
}

static void lengths_and_options(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x7a000004, 0, 0, 0, 0, 0), AUDIT_BAD_LENGTH); /* Broadwell's */
    REASON(RING(GEN8_RCS, 0x7a000001, 0x01004000, FOREIGN), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_RCS, 0x12400002, 0x2600, OWN, 0), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_RCS, BBS | 1, OWN, 0), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_RCS, 0x10400004, 0, OWN, 0, 0, 0), AUDIT_BAD_LENGTH);
    REASON(RING(GEN8_RCS, 0x11000002, 0x2600, 0, 0), AUDIT_BAD_LENGTH); /* half a pair */
    REASON(RING(GEN8_BCS, 0x54c00007, 0, 0, 0, 0, 0, 0, 0, 0), AUDIT_BAD_LENGTH);
    /* Bits that are length to one reader and not to another. */
    REASON(RING(GEN8_BCS, 0x10400042, 0, OWN, 1), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_BCS, 0x10400102, 0, OWN, 1), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, 0x0d000080, 0, 0), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, 0x71030100), AUDIT_TRUNCATED);
    REASON(RING(GEN8_RCS, 0x11000101, 0x2600, 0), AUDIT_BAD_HEADER); /* byte disables */
    REASON(RING(GEN8_RCS, 0x11080001, 0x600, 0), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, BBS | 0x10000, OWN), AUDIT_BAD_HEADER); /* plus a register */
    REASON(RING(GEN8_BCS, 0x13400001, 0, 0), AUDIT_BAD_HEADER);   /* protected memory */
    REASON(RING(GEN8_RCS, PC, 1u << 19, 0, 0), AUDIT_BAD_HEADER); /* shared counters */
    REASON(RING(GEN8_RCS, 0x70000006, 0, 0x08, 0, 0, 0, 0, 0), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, 0x70000006, 0, 0x10, 0, 0, 0, 0, 0), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_RCS, 0x0c000000, OWN | 0x110), AUDIT_BAD_HEADER);
}

static void registers(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, LRI1, 0x229c, 0x02000000), AUDIT_BAD_REGISTER); /* PPGTT off */
    REASON(RING(GEN8_RCS, LRI1, 0x100000, 0), AUDIT_BAD_REGISTER);        /* fence */
    REASON(RING(GEN8_RCS, LRI1, 0x4080, 0), AUDIT_BAD_REGISTER);          /* status page */
    REASON(RING(GEN8_RCS, LRI1, 0x2180, 0), AUDIT_BAD_REGISTER);          /* CCID */
    REASON(RING(GEN8_RCS, LRI1, 0x2030, 0), AUDIT_BAD_REGISTER);          /* TAIL */
    REASON(RING(GEN8_RCS, LRI1, 0x209c, 0x01000100), AUDIT_BAD_REGISTER); /* STOP_RING */
    REASON(RING(GEN8_RCS, LRI1, 0x22228, 0), AUDIT_BAD_REGISTER);         /* another's tables */
    REASON(RING(GEN8_RCS, LRI1, 0x22220, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRI1, 0x20c0, 0x00200020), AUDIT_BAD_REGISTER); /* SYNC_FLUSH */
    REASON(RING(GEN8_RCS, LRI1, 0xb038, 0x10000000), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRI1, 0x80002600, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRI1, 0x2602, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_VCS, LRI1, 0x2600, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0x2228, OWN), AUDIT_BAD_REGISTER); /* value not known */
    REASON(RING(GEN8_RCS, LRM, 0x2220, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0x2040, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0xe49c, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0xb038, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, LRM, 0x22050, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x15000001, 0x2600, 0x2228), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x15000001, 0x4080, 0x2600), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, 0x15000001, 0x2228, 0x2600), AUDIT_OK);
    REASON(RING(GEN8_RCS, SRM, 0x2220, OWN), AUDIT_OK);
    REASON(RING(GEN8_RCS, SRM, 0x1082c0, OWN), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, SRM, 0xb070, OWN), AUDIT_BAD_REGISTER);
    /* PIPE_CONTROL's store to a register. */
    REASON(RING(GEN8_RCS, PC, 1u << 23 | 0x4000, 0x2228, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, PC, 1u << 23 | 0x4000, 0x22050, 0), AUDIT_BAD_REGISTER);
    REASON(RING(GEN8_RCS, PC, 1u << 23 | 0x4000, 0x2600, 0), AUDIT_OK);
    REASON(RING(GEN8_RCS, PC, 1u << 23 | 0x4000, 0xe49c, 0x00400040), AUDIT_OK);
    REASON(RING(GEN8_RCS, PC, 1u << 23 | 0x4000, 0xe49c, 0x00010001), AUDIT_BAD_REGISTER);
}

static void status_page(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0x10800001, 0xffc, 1), AUDIT_OK);
    REASON(RING(GEN8_RCS, 0x10800001, 0x1000, 1), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_RCS, 0x10800002, 0xffc, 1, 2), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_RCS, 0x10800002, 0xff8, 1, 2), AUDIT_OK);
    REASON(RING(GEN8_RCS, PC, 0x01204000, 0xff8, 0), AUDIT_OK);
    REASON(RING(GEN8_RCS, PC, 0x01204000, 0x1000, 0), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_RCS, PC, 0x00204000, 0x1000, 0), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_BCS, 0x13204001, 0xff8 | 4, 0), AUDIT_OK);
    REASON(RING(GEN8_BCS, 0x13204001, 0x1000 | 4, 0), AUDIT_BAD_INDEX);
    REASON(RING(GEN8_BCS, 0x13204001, OWN | 4, 0), AUDIT_BAD_INDEX);
    REASON(BATCH(GEN8_RCS, 0x10800001, 0xc0, 1, BB_END), AUDIT_OK);
    assert_int_equal(n_patches + n_asked, 0);
}

/* --- patches --- */

static void whole_directories_only(void **state)
{
    uint32_t dw[] = {LRI1, 0x2220, 0xff};

    (void)state;
    REASON(run(GEN8_RCS, AUDIT_RING, dw, 3), AUDIT_OK);
    assert_int_equal(n_patches, 1);
    audit_apply(dw, 3, &patches[0]);
    assert_int_equal(dw[1], 0x2220);
    assert_int_equal(dw[2], 0xffffffff);
    REASON(run(GEN8_RCS, AUDIT_RING, dw, 3), AUDIT_OK);
    assert_int_equal(n_patches, 0);
    refuse_patches = true;
    REASON(RING(GEN8_RCS, LRI1, 0x2228, 0), AUDIT_PATCH_REFUSED);
    refuse_patches = false;
}

/* Privilege and space of a batch on the render engine. */
static void batches_by_privilege(void **state)
{
    (void)state;
    REASON(RING(GEN8_RCS, 0, BBS | 0x100, 0x3003), AUDIT_OK); /* privileged, PPGTT */
    assert_int_equal(n_patches, 1);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_BATCH);
    assert_int_equal(patches[0].at, 1);
    assert_int_equal(patches[0].len, 2);
    assert_int_equal(patches[0].addr, 0x3000);
    assert_int_equal(patches[0].space, AUDIT_PPGTT);
    assert_int_equal(patches[0].n_words, 1);
    assert_int_equal(patches[0].words[0], BBS); /* run from the GGTT */
    assert_int_equal(n_asked, 0);
    REASON(RING(GEN8_RCS, BBS, OWN), AUDIT_OK); /* privileged, GGTT */
    assert_int_equal(patches[0].space, AUDIT_GGTT);
    assert_int_equal(patches[0].words[0], BBS);
    REASON(RING(GEN8_RCS, BBS | 0x2000, OWN), AUDIT_OK); /* unprivileged, GGTT */
    assert_int_equal(patches[0].space, AUDIT_GGTT);
    assert_int_equal(patches[0].words[0], BBS | 0x2000); /* stays so */
    REASON(RING(GEN8_RCS, BBS | 0x2100, FOREIGN), AUDIT_OK);
    assert_int_equal(n_patches, 0);
    /* Elsewhere there is no such bit, nor the others. */
    REASON(RING(GEN8_BCS, BBS | 0x2000, OWN), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_BCS, BBS | 0x2100, OWN), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_VCS, BBS | 0x8100, OWN), AUDIT_BAD_HEADER);
    REASON(RING(GEN8_VECS, BBS | 0x400000, OWN), AUDIT_BAD_HEADER);
}

static void batches_in_batches(void **state)
{
    (void)state;
    REASON(BATCH(GEN8_RCS, 0, BB_END, 0xffffffff), AUDIT_OK); /* behind the end */
    REASON(BATCH(GEN8_RCS, 0, 0), AUDIT_NO_END);
    REASON(BATCH(GEN8_RCS, BBS, OWN, 0xffffffff), AUDIT_OK); /* chained */
    assert_false(patches[0].second_level);
    REASON(BATCH(GEN8_RCS, BBS | 0x100, 0x1000, 0xffffffff), AUDIT_OK);
    assert_int_equal(patches[0].space, AUDIT_PPGTT);
    REASON(BATCH(GEN8_RCS, BBS | 0x8000, OWN, 0xffffffff), AUDIT_UNKNOWN_COMMAND);
    REASON(BATCH(GEN8_RCS, BBS | 0x400000, OWN, BB_END), AUDIT_OK);
    assert_true(patches[0].second_level);
    REASON(BATCH(GEN8_RCS, BBS | 0x400000, OWN), AUDIT_NO_END);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH_2ND, BBS | 0x400000, OWN, BB_END), AUDIT_BAD_JUMP);
    REASON(RUN(GEN8_RCS, AUDIT_BATCH_2ND, BBS, OWN), AUDIT_OK);
    REASON(RING(GEN8_RCS, BBS | 0x400000, OWN), AUDIT_BAD_JUMP);
    REASON(RING(GEN8_RCS, BBS | 0x402100, OWN), AUDIT_BAD_JUMP);
    REASON(BATCH(GEN8_RCS, BBS | 0x2100, 0x1000), AUDIT_BAD_JUMP);
    REASON(BATCH(GEN8_BCS, BBS | 0x100, 0x1000), AUDIT_BAD_JUMP);
    REASON(RING(GEN8_RCS, BB_END), AUDIT_UNEXPECTED_END);
    REASON(RING(GEN8_RCS, 0x1b400001, 0, OWN), AUDIT_UNEXPECTED_END);
    REASON(BATCH(GEN8_RCS, 0x1b400001, 0, OWN), AUDIT_NO_END);
}

static void mailboxes(void **state)
{
    uint32_t wait[] = {0, 0x0b160001, 41, 0, 0}; /* compare, register, the second */
    uint32_t load[] = {LRI1, 0x22040, 42};

    (void)state;
    REASON(run(GEN8_RCS, AUDIT_RING, wait, 5), AUDIT_OK);
    assert_int_equal(n_patches, 1);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_SEMAPHORE);
    assert_int_equal(patches[0].at, 1);
    assert_int_equal(patches[0].len, 3);
    assert_int_equal(patches[0].n_words, 3);
    assert_int_equal(MI_MBOX_SELECT(patches[0].words[0]), 2);
    assert_int_equal(patches[0].words[1], 41);
    audit_apply(wait, 5, &patches[0]);
    assert_int_equal(wait[1] | wait[2] | wait[3], 0);

    REASON(RING(GEN8_BCS, 0x0b240001, 42, 0x2040), AUDIT_OK); /* signal */
    assert_int_equal(patches[0].words[0] & (MI_MBOX_UPDATE | MI_MBOX_COMPARE), MI_MBOX_UPDATE);
    assert_int_equal(patches[0].words[2], 0x2040);

    REASON(run(GEN8_RCS, AUDIT_RING, load, 3), AUDIT_OK); /* a signal by a load */
    assert_int_equal(n_patches, 2);
    assert_int_equal(patches[1].kind, AUDIT_PATCH_SEMAPHORE);
    assert_int_equal(patches[1].len, 0);
    assert_int_equal(patches[1].words[0], 0x0b240001);
    assert_int_equal(patches[1].words[1], 42);
    assert_int_equal(patches[1].words[2], 0x22040);
    audit_apply(load, 3, &patches[0]);
    audit_apply(load, 3, &patches[1]);
    assert_int_equal(load[0], LRI1);
    assert_int_equal(load[1], 0x2094);
    REASON(run(GEN8_RCS, AUDIT_RING, load, 3), AUDIT_OK);
    assert_int_equal(n_patches, 0);
}

/* Display's, and what tells or changes what is not the guest's. */
static void blanked(void **state)
{
    uint32_t dw[] = {0x0a000001, 0x1000,     OWN, 0x0a000002, 1,          2,          3,
                     0x01800000, 0x09000000, 0,   0x03800000, 0x05800001, 0x07000000, 0x02000008};

    (void)state;
    REASON(run(GEN8_BCS, AUDIT_RING, dw, 14), AUDIT_OK);
    assert_int_equal(n_patches, 8);
    assert_int_equal(patches[0].kind, AUDIT_PATCH_BLANK);
    assert_int_equal(patches[0].words[2], OWN); /* for whoever completes the flip */
    assert_true(patches[0].info->flags & CMD_DISPLAY);
    for (unsigned i = 0; i < n_patches; i++)
        audit_apply(dw, 14, &patches[i]);
    for (unsigned i = 0; i < 14; i++)
        assert_int_equal(dw[i], 0);
    REASON(RING(GEN8_BCS, 0x11000003, 0x44050, 0xfffffffe, 0xa188, 0x00020002), AUDIT_OK);
    assert_int_equal(n_patches, 2);
    assert_int_equal(patches[1].words[0], 0x22094);
    REASON(RING(GEN8_RCS, LRI1, 0x2360, 1), AUDIT_OK); /* OACONTROL */
    assert_int_equal(n_patches, 1);
    REASON(RING(GEN8_VCS, LRI1, 0x44050, 0), AUDIT_BAD_REGISTER);
}

/* --- properties --- */

/* Each patch is where it belongs, and what is left passes without one that would change it. */
static void check_patches(enum gen8_engine e, enum audit_where where, uint32_t *dw, size_t n)
{
    unsigned done = n_patches;
    uint32_t last = 0;

    for (unsigned k = 0; k < done; k++) {
        const struct audit_patch *p = &patches[k];

        assert_true(p->at >= last && p->at + p->len <= n && p->n_words <= AUDIT_PATCH_MAX);
        if (p->kind == AUDIT_PATCH_WORDS)
            assert_true(p->n_words <= p->len);
        last = p->at;
        audit_apply(dw, n, p);
    }
    REASON(run(e, where, dw, n), AUDIT_OK);
    for (unsigned k = 0; k < n_patches; k++)
        assert_true(patches[k].kind == AUDIT_PATCH_BATCH || patches[k].kind == AUDIT_PATCH_PDP ||
                    patches[k].kind == AUDIT_PATCH_CONTEXT);
}

static void noise(void **state)
{
    unsigned ok = 0;

    (void)state;
    srandom(7);
    for (unsigned i = 0; i < 100000; i++) {
        uint32_t dw[24];
        size_t n = (unsigned)random() % 24;
        enum gen8_engine e = (enum gen8_engine)(random() & 3);
        enum audit_where where = (enum audit_where)((unsigned)random() % 3);
        struct audit_verdict v;

        for (size_t k = 0; k < n; k++)
            dw[k] = ((uint32_t)random() & 0x3f) << 23 | ((uint32_t)random() & 0x6f2107);
        v = run(e, where, dw, n);
        assert_true(v.at <= n);
        if (v.reason == AUDIT_OK) {
            ok++;
            check_patches(e, where, dw, n);
        }
    }
    assert_true(ok > 1000 && ok < 90000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_addresses),
        cmocka_unit_test(what_is_asked),
        cmocka_unit_test(forbidden),
        cmocka_unit_test(unknown_or_cut),
        cmocka_unit_test(lengths_and_options),
        cmocka_unit_test(registers),
        cmocka_unit_test(status_page),
        cmocka_unit_test(whole_directories_only),
        cmocka_unit_test(batches_by_privilege),
        cmocka_unit_test(batches_in_batches),
        cmocka_unit_test(mailboxes),
        cmocka_unit_test(blanked),
        cmocka_unit_test(noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
