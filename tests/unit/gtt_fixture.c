/* SPDX-License-Identifier: MIT */
/* gtt_fixture.c: see gtt_fixture.h. */
#include "tests/unit/gtt_fixture.h"

#include <errno.h>
#include <urcu/urcu-memb.h>

unsigned rig_workers, rig_directories = DIRECTORIES - 1;
enum gpu_gen rig_gen = GPU_GEN8;

int set_workers_0(void **state)
{
    (void)state;
    rig_workers = 0;
    urcu_memb_register_thread();
    return 0;
}

int set_workers_2(void **state)
{
    set_workers_0(state);
    rig_workers = 2;
    return 0;
}

int unset_workers(void **state)
{
    (void)state;
    urcu_memb_unregister_thread();
    return 0;
}

uint64_t frame(uint64_t gfn)
{
    return 0x300000000ull + (gfn * 37 % 1024) * 8192;
}

/* As vgt-mmio does it; where late protection is tried, it comes to a lift late, or never. */
static int protect(void *ctx, uint64_t gfn, enum shadow_trap how)
{
    struct rig *r = ctx;
    bool on = how == SHADOW_TRAP;

    if (r->refuse_all || (r->refuse && rand() % 3))
        return -EAGAIN;
    if (how == SHADOW_LIFT) {
        assert_true(gfn < PAGES && r->trapped[gfn]);
        r->lifted[gfn] = !r->config.confirmed || rand() % 3;
        r->trapped[gfn] = !r->lifted[gfn];
        r->lifts++;
        return 0;
    }
    if (how == SHADOW_TRAP_LATER) {
        if (!r->config.confirmed || rand() % 3) {
            r->lifted[gfn] = true;
            return 0;
        }
        on = true;
    }
    if (gfn < PAGES && r->lifted[gfn]) {
        r->lifted[gfn] = false;
        if (!on && !r->trapped[gfn])
            return 0;
    }
    if (!on && (gfn >= PAGES || !r->trapped[gfn])) {
        r->needless++; /* a write came that nobody waits for any more */
        return 0;
    }
    assert_true(gfn < PAGES && r->trapped[gfn] != on);
    r->trapped[gfn] = on;
    if (on && r->config.confirmed)
        r->confirm[r->confirms++] = (unsigned)gfn;
    return 0;
}

void post(struct rig *r, struct mmio_gtt m)
{
    m.epoch = ++r->epoch;
    assert_int_equal(gtt_guest_apply(r->g, &m), 0);
}

/* The guest submits. */
static void end_lifts(struct rig *r)
{
    for (uint64_t gfn = 0; gfn < PAGES; gfn++) {
        if (!r->lifted[gfn])
            continue;
        r->lifted[gfn] = false;
        r->trapped[gfn] = true;
        post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, 0, 4096}});
    }
}

void settle(struct rig *r)
{
    int rc, turns = 0;

    end_lifts(r);
    while ((rc = gtt_guest_settle(r->g, 100)) > 0) {
        assert_true(turns++ < 100000);
        if (rc == GTT_GUEST_WAITS)
            workers_wait(r->config.workers);
        while (r->confirms) {
            uint64_t gfn = r->confirm[--r->confirms];

            post(r, (struct mmio_gtt){.kind = MMIO_GTT_TABLE_WRITE, .write = {gfn, 0, 4096}});
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(r->map->epoch, r->epoch);
}

static void make_directories(struct rig *r)
{
    if (rig_gen != GPU_GEN7)
        return;
    assert_int_equal(directories_init(&r->directories, r->gpu), 0);
    r->directories.hold_ns = 0;
    for (unsigned n = rig_directories + 1; n < DIRECTORIES; n++)
        r->directories.slot[n].state = DIRECTORY_FOREIGN;
    r->config.directories = &r->directories;
}

void setup(struct rig *r, uint64_t max_tables)
{
    memset(r, 0, sizeof *r);
    assert_int_equal(workers_new(rig_workers, &r->workers), 0);
    r->fake = gpu_fake_new(rig_gen, rig_gen == GPU_GEN8 ? ENTRIES : ENTRIES7);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_GTT, &r->gpu), 0);
    gpu_fake_attach(r->fake, DOMID);
    r->ram = fake_guest_new(DOMID, PAGES, 1);
    for (uint64_t i = 0; i < PAGES; i++)
        gpu_fake_add_frame(r->fake, DOMID, i, frame(i));
    assert_int_equal(vmm_fake_ops.open_memory(DOMID, &r->vmm), 0);
    account_init(&r->account, DOMID, "guest", NULL);
    r->map = aligned_alloc(128, sizeof(*r->map));
    memset(r->map, 0, sizeof(*r->map));
    r->image = calloc(1, sizeof(*r->image));
    r->config = (struct gtt_guest_config){
        .domid = DOMID,
        .gpu = r->gpu,
        .ops = &vmm_fake_ops,
        .vmm = r->vmm,
        .account = &r->account,
        .map = r->map,
        .inval = {&r->inval},
        .image = r->image,
        .grant = {DOMID, {{MIB, MIB}, {8 * MIB, MIB}, {4, 2}}},
        .protect = protect,
        .ctx = r,
        .workers = r->workers,
        .out_of_sync = true,
        .max_pins = 1000,
        .max_tables = max_tables,
    };
    if (rig_gen == GPU_GEN7) /* room for directories */
        r->config.grant =
            (struct partition_grant){DOMID, {{MIB, 4 * MIB}, {8 * MIB, 4 * MIB}, {4, 2}}};
    make_directories(r);
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0);
    settle(r);
}

void pass(struct rig *r)
{
    __atomic_store_n(&r->inval.done_seq, r->map->clear_seq, __ATOMIC_RELEASE);
}

void teardown(struct rig *r)
{
    int rc, turns = 0;

    r->refuse = false;
    while ((rc = gtt_guest_detach(r->g, 1000)) > 0) {
        assert_true(turns++ < 10000);
        if (rc == GTT_GUEST_WAITS)
            workers_wait(r->config.workers);
        pass(r);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(gpu_fake_pins(r->fake), 0);
    assert_int_equal(gpu_dma_list(r->gpu, NULL, 0), rig_gen == GPU_GEN7);
    for (unsigned i = 0; i < PAGES; i++)
        assert_false(r->trapped[i]);
    for (uint32_t i = MIB / 4096; i < 2 * MIB / 4096; i++)
        assert_int_equal(gtt_format_of(rig_gen)->ggtt(gpu_fake_gtt(r->fake, i)).gfn,
                         r->gpu->info.scratch_dma / 4096);
    for (unsigned n = 1; rig_gen == GPU_GEN7 && n <= rig_directories; n++)
        assert_int_equal(r->directories.slot[n].state, DIRECTORY_FREE);
    directories_free(&r->directories);
    vmm_fake_ops.close(r->vmm);
    fake_guest_free(r->ram);
    gpu_close(r->gpu);
    gpu_fake_free(r->fake);
    free(r->map);
    free(r->image);
    workers_free(r->workers);
}

uint64_t *table(struct rig *r, uint64_t gfn)
{
    return fake_ram(r->ram, gfn * 4096);
}

void restart_service(struct rig *r)
{
    directories_free(&r->directories);
    gpu_close(r->gpu);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_GTT, &r->gpu), 0);
    r->config.gpu = r->gpu;
    make_directories(r);
}

void restart_guest(struct rig *r)
{
    memset(r->trapped, 0, sizeof r->trapped); /* mmio takes repeated requests */
    memset(r->lifted, 0, sizeof r->lifted);
    r->confirms = 0;
    assert_int_equal(gtt_guest_new(&r->config, &r->g), 0);
    r->g->epoch = r->epoch; /* what the lane's last entries would carry */
}

void restart(struct rig *r)
{
    gtt_guest_forget(r->g);
    restart_service(r);
    restart_guest(r);
}
