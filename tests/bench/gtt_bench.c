/* SPDX-License-Identifier: MIT */
/*
 * gtt_bench.c: how fast vgt-gtt follows a guest's graphics memory: entries of its GGTT as messages
 * from vgt-mmio, and its page tables, in sync (each trapped write of an entry is followed) and out
 * of sync (a whole page is read again). All frames are pinned already: what a pin costs is the
 * hypervisor's. Beside it the least that any shadow must do: copy the same entries, look each
 * frame up in a table (liburcu's, for a guest may use any frame numbers), store what was found.
 */
#include <stdlib.h>
#include <string.h>

#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include "gen/gen8_pte.h"
#include "gpu/fake/fake.h"
#include "services/gtt/guest.h"
#include "tests/bench/bench.h"
#include "vmm/fake/fake.h"

#define DOMID   5
#define FRAMES  16384u /* of the guest */
#define DATA    1024u  /* first of those that entries name; tables before */
#define WINDOW  4096u  /* entries of the GGTT */
#define TABLES  64u    /* last-level tables */
#define PER     512u   /* entries of a table */
#define AT_ONCE 64u    /* messages before the service settles, as it takes them from the lane */
#define MIB     (1ull << 20)
#define P       (GEN8_PTE_PRESENT | GEN8_PTE_RW)

enum { TOP_GFN = 1, PDP_GFN, PD_GFN, FIRST_TABLE };

struct known {
    struct cds_lfht_node node;
    uint64_t gfn, dma;
};

static struct guest {
    struct gpu_fake *fake;
    struct gpu *gpu;
    struct gpu_ops ops;
    struct fake_guest *ram;
    struct vmm *vmm;
    struct account account;
    struct gtt_map *map;
    struct vggtt *image;
    struct quarantine_table bad;
    struct quarantine quarantine;
    struct gtt_inval inval;
    struct gtt_guest *g;
    uint64_t epoch, shift, gtt[4 * WINDOW], say[2][TABLES * PER];
    /* of the other one */
    struct cds_lfht *table;
    struct known *known;
    uint64_t source[WINDOW], copy[WINDOW];
    uint64_t sink[WINDOW];
} world;

static uint64_t frame(uint64_t gfn)
{
    return 0x100000000ull + (gfn * 4099 % FRAMES) * 8192;
}

/* What entry i says in round `shift`: frames in no order that a cache would like, others in each.
 */
static uint64_t entry(uint64_t i, uint64_t shift)
{
    return world.say[shift & 1][i];
}

static void make_entries(void)
{
    for (uint64_t shift = 0; shift < 2; shift++)
        for (uint64_t i = 0; i < TABLES * PER; i++)
            world.say[shift][i] = (DATA + (i * 7919 + shift * 613) % (FRAMES - DATA)) * 4096 | P;
}

static uint64_t shadowed(uint64_t entry)
{
    return frame(entry >> 12) | (entry & 0xfff);
}

static int protect(void *ctx, uint64_t gfn, enum shadow_trap how)
{
    (void)ctx;
    (void)gfn;
    (void)how;
    return 0;
}

/* The window as memory, without the fake's log. */
static int gtt_write(struct gpu *g, uint32_t index, uint64_t value)
{
    (void)g;
    world.gtt[index] = value;
    return 0;
}

static int gtt_flush(struct gpu *g)
{
    (void)g;
    return 0;
}

static void settle(uint64_t upto)
{
    while (gtt_guest_settle(world.g, 1000) > 0 && world.map->epoch != upto)
        ;
    bench_check(world.map->epoch == upto);
}

static void post(struct mmio_gtt m)
{
    m.epoch = ++world.epoch;
    bench_check(gtt_guest_apply(world.g, &m) == 0);
}

/* TLBs are always up to date: what was let go may go. */
static void pass(void)
{
    __atomic_store_n(&world.inval.done_seq, world.map->clear_seq, __ATOMIC_RELEASE);
}

static uint64_t *page(uint64_t gfn)
{
    return fake_ram(world.ram, gfn * 4096);
}

static void make_tables(void)
{
    page(TOP_GFN)[0] = PDP_GFN * 4096 | P;
    page(PDP_GFN)[0] = PD_GFN * 4096 | P;
    for (uint64_t t = 0; t < TABLES; t++) {
        page(PD_GFN)[t] = (FIRST_TABLE + t) * 4096 | P;
        for (uint64_t i = 0; i < PER; i++)
            page(FIRST_TABLE + t)[i] = entry(t * PER + i, 0);
    }
}

/* All frames are named by some table, which keeps them pinned: root 2 is a second tree for that. */
static void pin_all(void)
{
    enum { HOLD_TOP = 512, HOLD_PDP, HOLD_PD, HOLD };

    page(HOLD_TOP)[0] = HOLD_PDP * 4096ull | P;
    page(HOLD_PDP)[0] = HOLD_PD * 4096ull | P;
    for (uint64_t i = 0; i < FRAMES - DATA; i++) {
        page(HOLD_PD)[i / PER] = (HOLD + i / PER) * 4096 | P;
        page(HOLD + i / PER)[i % PER] = (DATA + i) * 4096 | P;
    }
    post((struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 4, .pdp = {HOLD_TOP * 4096}});
    settle(world.epoch);
}

static void make_peer(void)
{
    world.table = cds_lfht_new_flavor(FRAMES / 4, FRAMES / 4, 0, 0, &urcu_memb_flavor, NULL);
    world.known = calloc(FRAMES, sizeof(*world.known));
    bench_check(world.table && world.known);
    urcu_memb_read_lock();
    for (uint64_t gfn = 0; gfn < FRAMES; gfn++) {
        world.known[gfn].gfn = gfn;
        world.known[gfn].dma = frame(gfn);
        cds_lfht_add(world.table, gfn * UINT64_C(0x9e3779b97f4a7c15), &world.known[gfn].node);
    }
    urcu_memb_read_unlock();
}

static void make_world(void)
{
    struct gtt_guest_config c = {
        .domid = DOMID,
        .account = &world.account,
        .ops = &vmm_fake_ops,
        .inval = {&world.inval},
        .grant = {DOMID, {{MIB, WINDOW * 4096}, {32 * MIB, MIB}, {4, 2}}},
        .protect = protect,
        .max_pins = 2 * FRAMES,
        .max_tables = 512,
        .quarantine = &world.quarantine,
    };

    make_entries();
    world.fake = gpu_fake_new(GPU_GEN8, 4 * WINDOW);
    bench_check(gpu_fake_open(world.fake, GPU_ROW_GTT, &world.gpu) == 0);
    gpu_fake_attach(world.fake, DOMID);
    for (uint64_t i = 0; i < FRAMES; i++)
        gpu_fake_add_frame(world.fake, DOMID, i, frame(i));
    world.ops = *world.gpu->ops;
    world.ops.gtt_write = gtt_write;
    world.ops.gtt_flush = gtt_flush;
    world.gpu->ops = &world.ops;
    world.ram = fake_guest_new(DOMID, FRAMES, 1);
    bench_check(world.ram && vmm_fake_ops.open_memory(DOMID, &world.vmm) == 0);
    account_init(&world.account, DOMID, "guest", NULL);
    quarantine_attach(&world.quarantine, &world.bad);
    world.map = c.map = aligned_alloc(128, sizeof(*world.map));
    memset(world.map, 0, sizeof(*world.map));
    c.image = world.image = calloc(1, sizeof(*world.image));
    c.gpu = world.gpu;
    c.vmm = world.vmm;
    bench_check(gtt_guest_new(&c, &world.g) == 0);
    settle(0);
    pin_all();
    make_tables();
    post((struct mmio_gtt){.kind = MMIO_GTT_PPGTT_NEW, .level = 4, .pdp = {TOP_GFN * 4096}});
    settle(world.epoch);
    make_peer();
}

/* ---- ours */

static void check_window(void)
{
    for (uint64_t i = 0; i < WINDOW; i++)
        if (world.gtt[MIB / 4096 + i] != shadowed(entry(i, world.shift)))
            bench_fail("gtt: entry %u of the GGTT is wrong", (unsigned)i);
}

/* n entries, a window's worth again and again, each time with other frames. */
static double ggtt(void *ctx, uint64_t n)
{
    double ns = bench_cpu_ns();

    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        if (i % WINDOW == 0)
            world.shift++;
        post((struct mmio_gtt){.kind = MMIO_GTT_PTE,
                               .pte = {MIB / 4096 + i % WINDOW, entry(i % WINDOW, world.shift)}});
        if ((i + 1) % AT_ONCE == 0) {
            settle(world.epoch);
            pass();
        }
    }
    settle(world.epoch);
    ns = bench_cpu_ns() - ns;
    check_window();
    return ns;
}

static uint64_t *shadow_of(uint64_t dma)
{
    uint64_t *p = gpu_fake_dma_page(world.fake, dma & GEN8_PTE_ADDR);

    bench_check(p);
    return p;
}

static void check_tables(void)
{
    const uint64_t *pd = NULL;

    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++)
        if (world.map->root[i].guest[0] == TOP_GFN * 4096)
            pd = shadow_of(shadow_of(shadow_of(world.map->root[i].shadow[0])[0])[0]);
    bench_check(pd);
    for (uint64_t t = 0; t < TABLES; t++)
        for (uint64_t i = 0; i < PER; i++)
            if (shadow_of(pd[t])[i] != shadowed(entry(t * PER + i, world.shift)))
                bench_fail("gtt: entry %u of table %u is wrong", (unsigned)i, (unsigned)t);
}

/* One table after the other, from and with entries of this round. */
static double tables(uint64_t n, bool in_sync)
{
    double ns = bench_cpu_ns();

    for (uint64_t i = 0; i < n; i++) {
        uint64_t t = i / PER % TABLES, at = i % PER;

        if (t == 0 && at == 0)
            world.shift++;
        page(FIRST_TABLE + t)[at] = entry(t * PER + at, world.shift);
        if (in_sync)
            post((struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE,
                                   .write = {FIRST_TABLE + t, (uint32_t)at * 8, 8}});
        else if (at == PER - 1)
            post((struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE,
                                   .write = {FIRST_TABLE + t, 0, 4096}});
        if (in_sync ? (i + 1) % AT_ONCE == 0 : at == PER - 1) {
            settle(world.epoch);
            pass();
        }
    }
    ns = bench_cpu_ns() - ns;
    check_tables();
    return ns;
}

static double in_sync(void *ctx, uint64_t n)
{
    (void)ctx;
    return tables(n, true);
}

static double out_of_sync(void *ctx, uint64_t n)
{
    (void)ctx;
    return tables(n, false);
}

/* ---- the other */

static int same(struct cds_lfht_node *node, const void *key)
{
    return caa_container_of(node, struct known, node)->gfn == *(const uint64_t *)key;
}

static uint64_t look_up(uint64_t gfn)
{
    struct cds_lfht_iter it;

    cds_lfht_lookup(world.table, gfn * UINT64_C(0x9e3779b97f4a7c15), same, &gfn, &it);
    return caa_container_of(cds_lfht_iter_get_node(&it), struct known, node)->dma;
}

static double copy_and_look_up(void *ctx, uint64_t n)
{
    double ns = bench_cpu_ns();

    (void)ctx;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = i % WINDOW;

        if (at == 0)
            world.shift++;
        world.source[at] = entry(at, world.shift);
        if ((i + 1) % PER)
            continue;
        at -= PER - 1;
        memcpy(&world.copy[at], &world.source[at], PER * 8);
        urcu_memb_read_lock();
        for (uint64_t k = at; k < at + PER; k++)
            world.sink[k] = look_up(world.copy[k] >> 12) | (world.copy[k] & 0xfff);
        urcu_memb_read_unlock();
    }
    ns = bench_cpu_ns() - ns;
    for (uint64_t i = 0; i < WINDOW; i++)
        bench_check(world.sink[i] == shadowed(entry(i, world.shift)));
    return ns;
}

int main(int argc, char **argv)
{
    static const struct bench_case cases[] = {
        {"GGTT entries", "entry", 0, 64 * WINDOW, 3, 0, 0},
        {"tables in sync", "entry", 0, 8 * TABLES * PER, 3, 0, 0},
        {"tables out of sync", "entry", 0, 8 * TABLES * PER, 3, 0, 0},
    };
    static double (*const ours[])(void *, uint64_t) = {ggtt, in_sync, out_of_sync};
    struct bench b;

    bench_init(&b, "gtt", argc, argv);
    bench_pin(b.cpu[0]);
    urcu_memb_register_thread();
    make_world();
    for (unsigned i = 0; i < 3; i++) {
        const struct bench_way way[] = {{"vgt-gtt", ours[i], NULL},
                                        {"memcpy and look-up", copy_and_look_up, NULL}};
        struct bench_case c = cases[i];

        /* Whole windows and tables: each measurement begins with the first entry. */
        if (b.quick)
            c.n = 100 * TABLES * PER;
        bench_case(&b, &c, way, 2);
    }
    urcu_memb_unregister_thread();
    return 0;
}
