/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-gtt, the whole service between a fake GPU and fake guests, with two guests; the
 * first byte says of which generation the GPU is. What
 * vgt-mmio@BAD may write is the fuzzer's: entries of any kind, indices and flags of both its lanes,
 * the image of the GGTT, pages of its guest; and so is what vgt-display acknowledges, of either
 * guest; the service dies and comes back in between. Oracle:
 * what vgt-mmio@GOOD posts in between is in the GPU's table within a bounded number of turns, byte
 * for byte, and its epoch is published; no frame is let go of that vgt-sched has not acknowledged,
 * whatever display says; no entry outside a guest's part ever changes, but those of directories,
 * which name tables of ours; the good one's directory stays what it is; the bad guest
 * is not even known to the good one's account; both leave, and then nothing is pinned and no page
 * of theirs is left. ASan, LeakSanitizer and the service's own assertions see the rest.
 */
#include "gpu/fake/fake.h"
#include "services/gtt/service.h"
#include "services/wire/names.h"
#include "tests/fuzz/peer.h"
#include "vmm/fake/fake.h"

#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-memb.h>

#define MIB      (UINT64_C(1) << 20)
#define PAGES    64u  /* as many as bits of good_pins() */
#define PARTS    2u   /* guests, and so parts of the table */
#define SPAN     256u /* entries of one part of a guest */
#define MAX_OPS  64u
#define PATIENCE 400 /* turns until the good guest is served */

enum { BAD, GOOD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One guest as its vgt-mmio sees it. */
struct side {
    uint32_t domid;
    struct wire_fds fds; /* ours; the service gets copies */
    struct region vggtt, map, inval[2];
    struct lane_tx to_gtt;
    struct lane_rx from_gtt;
    Vgt__Resources granted;
    uint64_t epoch;
};

struct world {
    enum gpu_gen gen;
    const struct gtt_format *format;
    uint32_t entries;
    struct lane_tx from_sched;
    struct lane_rx to_sched;
    uint64_t seq;
    unsigned directory; /* Haswell: the good guest's; 0: it has not asked */
    struct gpu_fake *fake;
    struct loop *loop;
    struct gtt_service *s;
    struct wire_client *client;
    struct wire_fds own;
    struct fake_guest *ram[PARTS];
    struct side side[PARTS];
    uint64_t *table;     /* what the whole table was before the guests came */
    uint64_t want[SPAN]; /* of the good guest's low part; 0: nothing yet */
    bool lies;           /* display acknowledges lie, and not what was cleared */
    bool holds;          /* sched acknowledges nothing */
    uint64_t lie;
};

/* The fake machine has the guests of both worlds. */
static uint32_t domid(const struct world *w, unsigned who)
{
    return 10u * w->gen + who;
}

static void make_side(struct side *x, uint32_t domid)
{
    *x = (struct side){.domid = domid};
    peer_put_region(&x->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, 1, sizeof(struct vggtt), &x->vggtt);
    peer_put_region(&x->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, 1, sizeof(struct gtt_map), &x->map);
    peer_put_region(&x->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, 1, sizeof(struct gtt_inval),
                    &x->inval[0]);
    peer_put_region(&x->fds, WIRE_INVAL_DISPLAY, WIRE_REGION_INVAL, 1, sizeof(struct gtt_inval),
                    &x->inval[1]);
    peer_put_lane(&x->fds, WIRE_MMIO_GTT, MMIO_GTT_LAYOUT);
    peer_put_lane(&x->fds, WIRE_GTT_MMIO, MMIO_GTT_LAYOUT);
    peer_check(!wire_producer(&x->fds, WIRE_MMIO_GTT, MMIO_GTT_LAYOUT, &x->to_gtt));
    peer_check(!wire_consumer(&x->fds, WIRE_GTT_MMIO, MMIO_GTT_LAYOUT, &x->from_gtt));
    vgt__resources__init(&x->granted);
}

static void free_side(struct side *x)
{
    lane_producer_detach(&x->to_gtt);
    lane_consumer_detach(&x->from_gtt);
    region_unmap(&x->vggtt);
    region_unmap(&x->map);
    region_unmap(&x->inval[0]);
    region_unmap(&x->inval[1]);
    wire_fds_close(&x->fds);
}

/* ---- the service */

static void start_service(struct world *w)
{
    peer_check(!gtt_service_init(w->s, w->loop, &peer_quiet, &vmm_fake_ops, 0));
    w->s->client = w->client;
    peer_check(!gpu_fake_open(w->fake, GPU_ROW_GTT, &w->s->gpu));
    peer_copy_fds(&w->own, &w->s->fds);
    peer_check(!gtt_service_start(w->s));
}

static void attach(struct world *w, struct side *x, bool restart)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources want = VGT__RESOURCES__INIT;
    const struct gtt_member *m;
    struct wire_fds fds;

    want.low_size = want.high_size = w->gen == GPU_GEN7 ? 4 * MIB : MIB;
    want.fences = 2;
    add.domid = x->domid;
    add.name = (char *)"guest";
    add.restart = restart;
    add.resources = restart ? &x->granted : &want;
    peer_copy_fds(&x->fds, &fds);
    gtt_wire_ops.guest_add(w->s, &add, &fds, 1);
    m = gtt_member_find(w->s, x->domid);
    peer_check(m); /* whatever its peer did to the lanes */
    x->granted.low_base = m->guest->c.grant.range[PARTITION_LOW].base;
    x->granted.low_size = m->guest->c.grant.range[PARTITION_LOW].size;
    x->granted.high_base = m->guest->c.grant.range[PARTITION_HIGH].base;
    x->granted.high_size = m->guest->c.grant.range[PARTITION_HIGH].size;
    x->granted.fence_base = (uint32_t)m->guest->c.grant.range[PARTITION_FENCE].base;
    x->granted.fences = (uint32_t)m->guest->c.grant.range[PARTITION_FENCE].size;
}

static void restart(struct world *w)
{
    gtt_service_stop(w->s);
    start_service(w);
    for (unsigned i = 0; i < PARTS; i++)
        attach(w, &w->side[i], true);
}

/* The page traps from now on. */
static void confirm(struct side *x, const struct lane_slot *slot)
{
    struct mmio_gtt m = {.kind = MMIO_GTT_TABLE_WRITE, .epoch = x->epoch + 1};
    struct gtt_mmio ask;

    memcpy(&ask, slot, sizeof(ask));
    if (ask.kind != GTT_MMIO_PROTECT)
        return;
    x->epoch++;
    m.write.gfn = ask.gfn;
    m.write.len = GPU_PAGE_SIZE;
    peer_check(!lane_tx_put(&x->to_gtt, &m, sizeof(m)));
}

/* sched and display acknowledge at once; a good vgt-mmio confirms what it was asked to trap. */
static void turn(struct world *w)
{
    struct side *good = &w->side[GOOD];
    struct lane_slot slot;

    peer_check(!loop_turn(w->loop, 0));
    gtt_service_turn(w->s);
    for (unsigned i = 0; i < PARTS; i++) {
        const struct gtt_map *map = w->side[i].map.data;

        if (!w->holds)
            ((struct gtt_inval *)w->side[i].inval[0].data)->done_seq = map->clear_seq;
        ((struct gtt_inval *)w->side[i].inval[1].data)->done_seq =
            w->lies ? w->lie : map->clear_seq;
    }
    while (!lane_rx_next(&good->from_gtt, &slot, NULL))
        confirm(good, &slot);
    peer_check(!lane_rx_advance(&good->from_gtt));
    while (!lane_rx_next(&w->to_sched, &slot, NULL))
        ;
    peer_check(!lane_rx_advance(&w->to_sched));
}

/* ---- the good guest */

static uint64_t frame(unsigned who, uint64_t gfn)
{
    return (who + 1) * UINT64_C(0x100000000) + gfn * 8192;
}

static void good_pte(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[GOOD];
    uint64_t i = peer_take(in, 1), gfn = peer_take(in, 1) % PAGES,
             index = x->granted.low_base / 4096 + i;
    struct mmio_gtt m = {.kind = MMIO_GTT_PTE, .epoch = ++x->epoch};
    int turns = 0;

    m.pte.index = index;
    m.pte.value = w->format->ggtt_encode(gfn * 4096);
    ((struct vggtt *)x->vggtt.data)->pte[index] = m.pte.value;
    peer_check(!lane_tx_put(&x->to_gtt, &m, sizeof(m)));
    w->want[i] = w->format->ggtt_encode(frame(GOOD, gfn));
    while (((struct gtt_map *)x->map.data)->epoch != x->epoch) {
        peer_check(turns++ < PATIENCE);
        turn(w);
    }
}

/* sched met a root of level 2. */
static void ask_root(struct world *w, unsigned who, uint64_t first)
{
    struct sched_gtt m = {.kind = SCHED_GTT_ROOT, .domid = w->side[who].domid, .count = 2};

    m.seq = ++w->seq;
    m.dma[0] = first;
    peer_check(!lane_tx_put(&w->from_sched, &m, sizeof(m)));
}

/* Our directory for the good guest's at its first entry; 0: none, or not yet. */
static unsigned good_number(const struct world *w)
{
    const struct gtt_map *map = w->side[GOOD].map.data;

    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++)
        if (map->root[i].level == 2)
            return directories_number(&w->s->directories, map->root[i].shadow[0]);
    return 0;
}

/* Until it is shown, a bounded time; then it is the same for ever. */
static void check_directory(struct world *w)
{
    int turns = 0;

    if (!w->directory)
        return;
    while (!good_number(w)) {
        peer_check(turns++ < PATIENCE);
        turn(w);
    }
    peer_check(good_number(w) == w->directory);
}

static void good_root(struct world *w, struct peer_input *in)
{
    (void)in;
    if (w->gen != GPU_GEN7)
        return;
    ask_root(w, GOOD, w->side[GOOD].granted.low_base / 4096);
    for (int turns = 0; !w->directory && !good_number(w); turns++) {
        peer_check(turns < PATIENCE);
        turn(w);
    }
    w->directory = good_number(w);
    check_directory(w);
}

static void check_good(struct world *w)
{
    uint32_t first = (uint32_t)(w->side[GOOD].granted.low_base / 4096);
    const struct gtt_member *m = gtt_member_find(w->s, w->side[GOOD].domid);

    for (uint32_t i = 0; i < SPAN; i++)
        peer_check(!w->want[i] || gpu_fake_gtt(w->fake, first + i) == w->want[i]);
    check_directory(w);
    peer_check(!m->lane_broken);
    for (unsigned e = 0; e < ACCOUNT_EVENTS; e++)
        peer_check(!m->account.count[e]);
}

static bool in_part(const struct side *x, uint64_t i)
{
    const Vgt__Resources *r = &x->granted;

    i *= 4096;
    return (i >= r->low_base && i - r->low_base < r->low_size) ||
           (i >= r->high_base && i - r->high_base < r->high_size);
}

/* An entry of a directory of ours; what it names is. */
static bool in_directory(const struct world *w, uint32_t i, uint64_t at)
{
    const struct directories *d = &w->s->directories;

    return w->gen == GPU_GEN7 && i >= directories_entry(d, 1) &&
           i < directories_entry(d, DIRECTORIES) && gpu_fake_dma_page(w->fake, at);
}

/* Each entry is as it was, or of the guest whose part it is in: his frames, or pages of ours. */
static void check_table(struct world *w)
{
    for (uint32_t i = 0; i < w->entries; i++) {
        uint64_t e = gpu_fake_gtt(w->fake, i), at = w->format->ggtt(e).gfn * 4096;

        if (e == w->table[i] || in_directory(w, i, at))
            continue;
        peer_check(in_part(&w->side[BAD], i) || in_part(&w->side[GOOD], i));
        for (unsigned who = 0; who < PARTS; who++)
            peer_check(in_part(&w->side[who], i) || at < frame(who, 0) || at >= frame(who, PAGES));
    }
}

/* ---- the bad one */

static void bad_entry(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    struct mmio_gtt m = {.kind = peer_take32(in, 1) % 9, .level = 2 + peer_take32(in, 1) % 4};
    uint8_t how = (uint8_t)peer_take(in, 1);

    m.epoch = how & 1 ? peer_take(in, 8) : ++x->epoch;
    for (unsigned i = 0; i < 4; i++)
        m.pdp[i] = peer_take(in, how & 2 ? 8 : 2);
    if (how & 4)
        m.pte.index = x->granted.low_base / 4096 + m.pte.index % 300;
    if (how & 8)
        m.pdp[0] = m.level == 2 ? x->granted.low_base / 4096 + m.pdp[0] % (PAGES + 2) * 16
                                : m.pdp[0] % (PAGES + 2) * 4096;
    if (how & 16)
        m.kind = peer_take32(in, 4);
    lane_tx_put(&x->to_gtt, &m, sizeof(m)); /* a broken lane is its own fault */
}

static void bad_index(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    struct lane_header *const lanes[2] = {x->to_gtt.mem.shared, x->from_gtt.mem.shared};

    peer_spoil_index(lanes, 2, in);
}

static void bad_slots(struct world *w, struct peer_input *in)
{
    peer_spoil_slot(&w->side[BAD].to_gtt.mem, in);
}

static void bad_config(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];

    ((struct vggtt *)x->vggtt.data)->pte[x->granted.low_base / 4096 + peer_take(in, 1)] =
        peer_take(in, 8);
}

/* What it wrote into PP_DIR_BASE, and an entry there that looks like one. */
static void bad_root(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    uint64_t at = peer_take(in, 1), first = x->granted.low_base / 4096 + at % 40 * 16;
    struct mmio_gtt m = {.kind = MMIO_GTT_PTE, .epoch = ++x->epoch};

    m.pte.index = first + peer_take(in, 1) % 8;
    m.pte.value = (peer_take(in, 1) % (PAGES + 2)) << 12 | peer_take(in, 1) | 1;
    if (at & 128)
        lane_tx_put(&x->to_gtt, &m, sizeof(m));
    ask_root(w, BAD, at & 64 ? peer_take(in, 4) : first);
    turn(w);
}

static void bad_page(struct world *w, struct peer_input *in)
{
    uint64_t *page = fake_ram(w->ram[BAD], peer_take(in, 1) % PAGES * 4096);
    uint64_t slot = peer_take(in, 1) % 8, gfn = peer_take(in, 1) % (PAGES + 2),
             flags = peer_take(in, 1);

    page[slot] = gfn * 4096 | (flags & 1 ? peer_take(in, 8) : 3);
}

static uint64_t good_pins(const struct world *w)
{
    uint64_t pins = 0;

    for (uint64_t gfn = 0; gfn < PAGES; gfn++)
        pins |= (uint64_t)gpu_fake_pinned(w->fake, (uint16_t)w->side[GOOD].domid, gfn) << gfn;
    return pins;
}

/* While sched holds, no pin of the good guest goes, and after that they do. */
static void bad_display(struct world *w, struct peer_input *in)
{
    struct peer_input own = {in->data, 0};
    uint32_t how = peer_take32(in, 1);
    uint64_t pinned = 0;

    for (unsigned i = 0; i < 8; i++)
        turn(w); /* what was acknowledged before goes now */
    w->lies = true;
    w->lie = how & 1 ? peer_take(in, 8) : how >> 1;
    w->holds = true;
    for (unsigned i = 0; i < 3; i++) {
        good_pte(w, how & 2 ? in : &own);
        peer_check(!(pinned & ~good_pins(w)));
        pinned = good_pins(w);
    }
    w->holds = false;
    turn(w);
    w->lies = false;
}

static void bad_restart(struct world *w, struct peer_input *in)
{
    (void)in;
    restart(w);
    check_good(w);
}

static void some_turns(struct world *w, struct peer_input *in)
{
    for (uint64_t n = peer_take(in, 1) % 8; n; n--)
        turn(w);
}

/* ---- the end: both leave */

static void leave(struct world *w, const struct side *x)
{
    int turns = 0;

    gtt_wire_ops.guest_remove(w->s, x->domid, true, 2);
    while (gtt_member_find(w->s, x->domid)) {
        peer_check(turns++ < 20000);
        turn(w);
    }
}

static void make_world(struct world *w)
{
    static const struct wire_config config = {.role = "vgt-gtt",
                                              .socket = "unix:/nowhere/at-all",
                                              .ops = &gtt_wire_ops,
                                              .log = &peer_quiet};

    w->format = gtt_format_of(w->gen);
    w->entries = w->gen == GPU_GEN7 ? 1u << 19 : 1u << 20;
    w->fake = gpu_fake_new(w->gen, w->entries);
    w->s = calloc(1, sizeof(*w->s));
    w->table = malloc(w->entries * sizeof(*w->table));
    peer_check(w->fake && w->s && w->table && !loop_new(&w->loop));
    peer_put_lane(&w->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT);
    peer_put_lane(&w->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT);
    peer_check(!wire_producer(&w->own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &w->from_sched));
    peer_check(!wire_consumer(&w->own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &w->to_sched));
    peer_check(!wire_client_new(w->loop, NULL, &config, w->s, &w->client));
    for (unsigned i = 0; i < PARTS; i++) {
        w->ram[i] = fake_guest_new(domid(w, i), PAGES, 1);
        peer_check(w->ram[i]);
        for (uint64_t gfn = 0; gfn < PAGES; gfn++)
            peer_check(!gpu_fake_add_frame(w->fake, (uint16_t)domid(w, i), gfn, frame(i, gfn)));
    }
    start_service(w);
    for (uint32_t i = 0; i < w->entries; i++)
        w->table[i] = gpu_fake_gtt(w->fake, i);
}

static void (*const operations[])(struct world *, struct peer_input *) = {
    bad_entry,  bad_entry,   bad_entry,  bad_index,   bad_slots, bad_page, bad_page, good_pte,
    bad_config, bad_restart, some_turns, bad_display, good_root, bad_root, bad_root,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void run(struct world *w, const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size}, own = {data, 0};

    gpu_fake_log_clear(w->fake);
    memset(w->want, 0, sizeof(w->want));
    w->directory = 0;
    for (unsigned i = 0; i < PARTS; i++) {
        make_side(&w->side[i], domid(w, i));
        memset(fake_ram(w->ram[i], 0), 0, PAGES * 4096);
        peer_check(!gpu_fake_attach(w->fake, (uint16_t)domid(w, i))); /* ends with unpin_domain */
        attach(w, &w->side[i], false);
    }
    for (unsigned n = 0; n < MAX_OPS && in.size; n++)
        operations[peer_take(&in, 1) % OPERATIONS](w, &in);
    good_pte(w, &own);
    check_good(w);
    if (size % 64 == 0)
        check_table(w);
    for (unsigned i = 0; i < PARTS; i++)
        leave(w, &w->side[i]);
    for (unsigned i = 0; i < PARTS; i++)
        free_side(&w->side[i]);
    peer_check(!gpu_fake_pins(w->fake) &&
               gpu_dma_list(w->s->gpu, NULL, 0) == (w->gen == GPU_GEN7)); /* the empty directory */
    peer_check(!directories_held(&w->s->directories, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A tail that cannot be, and then vgt-gtt dies: not left to chance. */
    static const uint8_t ruined[] = {3, 32, 0xff, 0xff, 0, 0x7f, 9};
    /* Frames are let go of one after the other, and display says at once that it is done. */
    static const uint8_t early[] = {11, 3, 255, 0,  0, 0, 0, 0, 0, 0, 1, 1,  1,
                                    2,  1, 3,   11, 6, 1, 4, 1, 5, 1, 6, 10, 7};
    /* Two roots of the bad guest and one of the good, then vgt-gtt dies. */
    static const uint8_t roots[] = {13, 129, 0, 1, 0, 12, 13, 130, 1, 2, 0, 9, 13, 1, 0, 0, 0, 9};
    static struct world worlds[2] = {{.gen = GPU_GEN7}, {.gen = GPU_GEN8}};
    struct world *w = &worlds[size ? *data & 1 : 1];

    if (!worlds[0].fake)
        urcu_memb_register_thread();
    for (unsigned i = 0; i < 2 && !worlds[i].fake; i++) {
        make_world(&worlds[i]);
        run(&worlds[i], ruined, sizeof(ruined));
        run(&worlds[i], early, sizeof(early));
        run(&worlds[i], roots, sizeof(roots));
    }
    run(w, data + (size > 0), size - (size > 0));
    return 0;
}
