/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-mmio's emulator, of either generation, with a hostile vgt-display, whose is the
 * record that vertical blanks, scan lines and frame counts are computed from; and with entries of
 * any kind from the other services, whose lanes may break; while the guest touches registers and
 * GGTT entries. Oracle: the guest's accesses are answered; what sched is told carries the number
 * that was counted last; no line is beyond the largest frame; the next blank is never due now or
 * before, and not more than a thousand begin in a second on each pipe; a record that makes sense is
 * followed as soon as it is there. ASan and the emulator's own assertions see the rest.
 */
#include "tests/fuzz/peer.h"
#include "tests/unit/mmio_fixture.h"

#include <string.h>

#define MAX_OPS   64u
#define SECOND_NS UINT64_C(1000000000)
#define DSL       0x70000u
#define FRAMES    0x70040u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fix *f;

static void hostile_field(struct peer_input *in)
{
    uint32_t how = peer_take32(in, 1);
    struct timing_pipe *t = &f->s->timing.pipe[how % TIMING_PIPES];
    uint64_t value = how & 4 ? peer_take(in, 8) : (uint64_t)1 << peer_take(in, 1) % 64;

    switch (how >> 3 & 7) {
    case 0:
        t->seq = (uint32_t)value;
        break;
    case 1:
        t->enabled = (uint32_t)value;
        break;
    case 2:
        t->start_ns = value;
        break;
    case 3:
        t->frame_ps = value;
        break;
    case 4:
        t->vtotal = (uint32_t)value;
        break;
    case 5:
        t->vactive = (uint32_t)value;
        break;
    default:
        t->first_frame = (uint32_t)value;
    }
}

/* Of a monitor that could be. */
static void good_record(struct peer_input *in)
{
    struct timing_pipe *t = &f->s->timing.pipe[peer_take32(in, 1) % TIMING_PIPES];

    *t = (struct timing_pipe){.seq = 2,
                              .enabled = 1,
                              .start_ns = f->s->now_ns,
                              .frame_ps = UINT64_C(16666666667),
                              .vtotal = 806,
                              .vactive = 768};
}

static void hostile_entry(struct peer_input *in)
{
    uint64_t words[8];
    bool gtt = peer_take(in, 1) & 1;

    for (unsigned i = 0; i < 8; i++)
        words[i] = peer_take(in, i < 2 ? 1 : 2);
    if (peer_take(in, 1) & 1)
        words[1] = peer_take(in, 8);
    lane_tx_put(gtt ? &f->from_gtt.tx : &f->from_sched.tx, words, sizeof(words));
}

static void hostile_index(struct peer_input *in)
{
    struct lane_header *const lanes[2] = {f->from_gtt.tx.mem.shared, f->from_sched.tx.mem.shared};

    peer_spoil_index(lanes, 2, in);
}

static void passes(struct peer_input *in)
{
    f->s->now_ns += peer_take(in, 4);
}

/* As the service does (services/mmio/service.c): a lane that broke is looked at no more. */
static void events(void)
{
    int rc = mmio_events(&f->mmio);

    peer_check(rc == 0 || rc == LANE_BROKEN);
    if (rc != LANE_BROKEN)
        return;
    peer_check(f->from_gtt.rx.broken || f->from_sched.rx.broken);
    if (f->from_gtt.rx.broken)
        f->mmio.s.from_gtt = NULL;
    if (f->from_sched.rx.broken)
        f->mmio.s.from_sched = NULL;
}

static void looks(struct peer_input *in)
{
    uint32_t pipe = peer_take32(in, 1) % TIMING_PIPES;

    events();
    fix_forget(f);
    peer_check(fix_r(f, DSL + pipe * 0x1000) < 65536);
    fix_r(f, FRAMES + pipe * 0x1000);
}

/* Around an edge of the guest's entries. */
static uint32_t some_entry(uint32_t which, uint32_t offset)
{
    static const uint32_t edges[] = {FIX_FIRST, FIX_BEYOND, FIX_FIRST_HI, FIX_BEYOND_HI};
    uint32_t gtt = (f->gen == 7 ? FIX_GTT7 : FIX_GTT8) - FIX_BAR0;

    return gtt + edges[which % 4] * (f->gen == 7 ? 4 : 8) + offset % 0x400 - 0x200;
}

/* Of what differs between generations, and everything else. */
static uint32_t some_place(struct peer_input *in)
{
    static const uint32_t blocks[] = {0x2000,  0x12000, 0x22000, 0x1a000, 0x1c000,
                                      0x4000,  0x44000, 0x44300, 0x941c,  0xc4000,
                                      0x78800, 0x70000, 0x64000, 0xc5100, 0x1ffff0};
    uint32_t at = peer_take32(in, 1), offset = peer_take32(in, 2);

    if (at & 0x80)
        return offset << 6;
    return at % 16 < 15 ? blocks[at % 16] + offset % 0x400 : some_entry(at >> 4, offset);
}

static void touches(struct peer_input *in)
{
    uint32_t offset = some_place(in), how = peer_take32(in, 1);
    unsigned size = 1u << (how & 3);
    struct vmm_access a = fix_access(FIX_BAR0 + offset, size, !(how & 4), 0);
    struct mmio_sched told;

    fix_forget(f);
    if (a.write)
        a.data = peer_take(in, size);
    if (fake_start(f->guest, &a, NULL) != 1)
        return; /* nothing of ours: Xen drops it */
    peer_check(mmio_pump(&f->mmio) == 1 && fake_done(f->guest, 0, NULL) == 1);
    while (fix_sched(f, &told))
        peer_check(told.seq + 3 > f->s->vreg.submit.seq && told.seq <= f->s->vreg.submit.seq);
    fake_forget_msis(f->guest);
}

static void second(struct peer_input *in)
{
    uint64_t end = f->s->now_ns + SECOND_NS, next;
    unsigned blanks = 0;

    (void)in;
    while (f->s->now_ns < end) {
        peer_check(!mmio_vblank(&f->mmio, &next));
        peer_check(!next || next > f->s->now_ns);
        peer_check(blanks++ <= TIMING_PIPES * 1001);
        f->s->now_ns = next && next < end ? next : end;
    }
    fake_forget_msis(f->guest);
}

/* What makes sense is followed. */
static void follows(void)
{
    static const uint8_t first[] = {0};
    struct peer_input pipe = {first, 1};
    uint32_t before;

    good_record(&pipe);
    before = fix_r(f, FRAMES);
    second(NULL);
    peer_check(fix_r(f, FRAMES) - before == 60);
}

static void (*const operations[])(struct peer_input *) = {
    hostile_field, hostile_field, hostile_field, good_record, hostile_entry, hostile_entry,
    hostile_index, passes,        looks,         second,      touches,       touches,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void run(const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size}, own = {data, 0};

    f = fix_new_gen(16, peer_take(&in, 1) & 1 ? 7 : 8);
    for (unsigned n = 0; n < MAX_OPS && in.size; n++)
        operations[peer_take(&in, 1) % OPERATIONS](&in);
    looks(&own);
    follows();
    fix_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Frames of a microsecond; one that begins at the end of time; a Haswell's ring. */
    static const uint8_t short_frames[] = {0, 3, 0, 0, 24, 20, 9};
    static const uint8_t late[] = {0,    3,    0,    0,    20,   0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 9};
    static const uint8_t ring[] = {1, 10, 0, 0x3c, 0, 2, 1, 0x30, 0, 0, 10, 0, 0x30, 0, 2, 0x80};
    static bool known;

    if (!known) {
        run(short_frames, sizeof(short_frames));
        run(late, sizeof(late));
        run(ring, sizeof(ring));
        known = true;
    }
    run(data, size);
    return 0;
}
