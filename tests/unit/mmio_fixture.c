/* SPDX-License-Identifier: MIT */
/* mmio_fixture.c: see mmio_fixture.h. */
#include "tests/unit/mmio_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gen/gen8_engine.h"

/* The clock reads the one fixture there is: now_ns() takes no argument. */
static struct fix_shared *clock_of;

static uint64_t now(void)
{
    return clock_of->now_ns;
}

static void lane_new(struct fix_lane *l, const char *name, uint32_t slots, uint32_t layout)
{
    assert_int_equal(lane_create(name, LANE_STREAM, slots, layout, &l->memfd), 0);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->room = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(lane_producer_attach(&l->tx, l->memfd, layout, l->wake, l->room), 0);
    assert_int_equal(lane_consumer_attach(&l->rx, l->memfd, layout, l->wake, l->room), 0);
}

static void lane_free(struct fix_lane *l)
{
    lane_producer_detach(&l->tx);
    lane_consumer_detach(&l->rx);
    close(l->memfd);
    close(l->wake);
    close(l->room);
}

static void retake(struct fix_lane *l, uint32_t layout)
{
    lane_producer_detach(&l->tx);
    assert_int_equal(lane_producer_attach(&l->tx, l->memfd, layout, l->wake, l->room), 0);
}

void fix_reattach_tx(struct fix *f)
{
    retake(&f->to_gtt, MMIO_GTT_LAYOUT);
    retake(&f->to_sched, MMIO_SCHED_LAYOUT);
}

void fix_start(struct fix *f)
{
    struct mmio_setup s = {
        .ops = &f->ops,
        .vmm = f->vmm,
        .vreg = &f->s->vreg,
        .vggtt = &f->s->vggtt,
        .timing = &f->s->timing,
        .to_gtt = &f->to_gtt.tx,
        .to_sched = &f->to_sched.tx,
        .from_gtt = &f->from_gtt.rx,
        .from_sched = &f->from_sched.rx,
        .quarantine = &f->quarantine,
        .now_ns = now,
        .vgpu =
            {
                .gen = f->gen,
                .device = f->gen == 7 ? 0x0412 : 0x1616,
                .revision = f->gen == 7 ? 6 : 9,
                .vgt_id = 1,
                .aperture = 256u << 20,
                .low_base = FIX_LOW,
                .low_size = FIX_LOW_SIZE,
                .high_base = FIX_HIGH,
                .high_size = FIX_HIGH_SIZE,
                .fences = 4,
                .caps = PVINFO_CAP_FULL_PPGTT | (f->gen == 7 ? 0 : PVINFO_CAP_HWSP),
                .monitor = true,
                .engines = GEN8_M_ALL & ~GEN8_M(GEN8_VCS2),
            },
    };

    quarantine_attach(&f->quarantine, &f->s->bad);
    assert_int_equal(edid_build(s.vgpu.edid, 1024, 768, 60, "test", 1), 0);
    assert_int_equal(mmio_init(&f->mmio, &s), 0);
}

struct fix *fix_new(uint32_t slots)
{
    return fix_new_gen(slots, 8);
}

struct fix *fix_new_gen(uint32_t slots, uint32_t gen)
{
    struct fix *f = calloc(1, sizeof *f);
    int fd = memfd_create("fix", MFD_CLOEXEC);

    assert_non_null(f);
    assert_int_equal(ftruncate(fd, sizeof *f->s), 0);
    f->s = mmap(NULL, sizeof *f->s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(f->s != MAP_FAILED);
    close(fd);
    clock_of = f->s;
    f->gen = gen;
    f->guest = fake_guest_new(FIX_DOMID, FIX_RAM_PAGES, 2);
    assert_non_null(f->guest);
    f->ops = vmm_fake_ops;
    assert_int_equal(f->ops.open_device(FIX_DOMID, 2, &f->s->vreg.resume, &f->vmm), 0);
    lane_new(&f->to_gtt, "to-gtt", slots, MMIO_GTT_LAYOUT);
    lane_new(&f->to_sched, "to-sched", slots, MMIO_SCHED_LAYOUT);
    lane_new(&f->from_gtt, "from-gtt", 16, MMIO_GTT_LAYOUT);
    lane_new(&f->from_sched, "from-sched", 16, MMIO_SCHED_LAYOUT);
    fix_start(f);
    fix_cfg_w(f, 0x10, 4, FIX_BAR0);
    fix_cfg_w(f, 0x18, 4, FIX_BAR2);
    fix_cfg_w(f, 0x04, 2, 0x0006);
    fix_cfg_w(f, 0x94, 4, 0xfee00000);
    fix_cfg_w(f, 0x98, 2, 0x4041);
    fix_cfg_w(f, 0x92, 2, 1);
    return f;
}

void fix_free(struct fix *f)
{
    lane_free(&f->to_gtt);
    lane_free(&f->to_sched);
    lane_free(&f->from_gtt);
    lane_free(&f->from_sched);
    f->ops.close(f->vmm);
    fake_guest_free(f->guest);
    munmap(f->s, sizeof *f->s);
    free(f);
}

void fix_restart(struct fix *f)
{
    f->ops = vmm_fake_ops;
    f->ops.close(f->vmm);
    assert_int_equal(f->ops.open_device(FIX_DOMID, 2, &f->s->vreg.resume, &f->vmm), 0);
    fix_reattach_tx(f);
    fix_start(f);
}

struct vmm_access fix_access(uint64_t addr, unsigned size, bool write, uint64_t data)
{
    return (struct vmm_access){
        .addr = addr, .size = size, .write = write, .data = data, .count = 1};
}

void fix_begin(struct fix *f, const struct vmm_access *a)
{
    assert_int_equal(fake_start(f->guest, a, NULL), 1);
}

static uint64_t run(struct fix *f, const struct vmm_access *a)
{
    uint64_t data = 0;

    fix_begin(f, a);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, a->vcpu, &data), 1);
    return data;
}

uint64_t fix_read(struct fix *f, uint64_t addr, unsigned size)
{
    struct vmm_access a = fix_access(addr, size, false, 0);

    return run(f, &a);
}

void fix_write(struct fix *f, uint64_t addr, unsigned size, uint64_t data)
{
    struct vmm_access a = fix_access(addr, size, true, data);

    run(f, &a);
}

uint32_t fix_r(struct fix *f, uint32_t offset)
{
    return fix_read(f, FIX_BAR0 + offset, 4);
}

void fix_w(struct fix *f, uint32_t offset, uint32_t value)
{
    fix_write(f, FIX_BAR0 + offset, 4, value);
}

uint64_t fix_cfg_r(struct fix *f, uint32_t at, unsigned size)
{
    struct vmm_access a = fix_access(at, size, false, 0);

    a.space = VMM_CONFIG;
    return run(f, &a);
}

void fix_cfg_w(struct fix *f, uint32_t at, unsigned size, uint64_t value)
{
    struct vmm_access a = fix_access(at, size, true, value);

    a.space = VMM_CONFIG;
    run(f, &a);
}

void fix_dropped(struct fix *f, uint64_t addr, unsigned size)
{
    struct vmm_access a = fix_access(addr, size, true, ~0ull);
    uint64_t told = f->s->vreg.gtt_epoch;

    assert_int_equal(fake_start(f->guest, &a, NULL), -ENXIO);
    a.write = false;
    assert_int_equal(fake_start(f->guest, &a, NULL), -ENXIO);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_int_equal(f->s->vreg.gtt_epoch, told);
}

static void range_traps(struct fix *f, uint64_t first, uint64_t beyond, bool on)
{
    assert_false(fake_trapped(f->guest, first - 1));
    assert_int_equal(fake_trapped(f->guest, first), on);
    assert_int_equal(fake_trapped(f->guest, beyond - 1), on);
    assert_false(fake_trapped(f->guest, beyond));
}

void fix_bar0_traps(struct fix *f, uint64_t base, bool on)
{
    uint64_t each = f->gen == 7 ? 4 : 8, size = f->gen == 7 ? 4u << 20 : 16u << 20;
    uint64_t gtt = base + size / 2;

    range_traps(f, base, gtt, on);
    range_traps(f, gtt + each * FIX_FIRST, gtt + each * FIX_BEYOND, on);
    range_traps(f, gtt + each * FIX_FIRST_HI, gtt + each * FIX_BEYOND_HI, on);
    assert_false(fake_trapped(f->guest, gtt + each * (FIX_BEYOND + 1000)));
    assert_false(fake_trapped(f->guest, base + size - 1));
}

static bool take(struct fix_lane *l, void *msg)
{
    struct lane_slot slot;

    if (lane_rx_next(&l->rx, &slot, NULL) != 0)
        return false;
    memcpy(msg, &slot, LANE_SLOT);
    assert_int_equal(lane_rx_advance(&l->rx), 0);
    return true;
}

bool fix_gtt(struct fix *f, struct mmio_gtt *msg)
{
    return take(&f->to_gtt, msg);
}

bool fix_sched(struct fix *f, struct mmio_sched *msg)
{
    return take(&f->to_sched, msg);
}

void fix_forget(struct fix *f)
{
    struct lane_slot slot;

    while (take(&f->to_gtt, &slot) || take(&f->to_sched, &slot))
        ;
    fake_forget_msis(f->guest);
}

size_t fix_msis(struct fix *f)
{
    const struct fake_msi *m;

    return fake_msis(f->guest, &m);
}
