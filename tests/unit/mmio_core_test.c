/* SPDX-License-Identifier: MIT */
/* mmio_core_test.c: dispatch, config space, GGTT image, guest pages, waiting for room. */
#include "services/wire/input.h"
#include "tests/unit/mmio_entries.h"
#include "tests/unit/mmio_fixture.h"

#include <poll.h>
#include <string.h>

#define ENTRY(index) (FIX_GTT8 + 8ull * (index))
#define GTT(own)     ENTRY(FIX_FIRST + (own)) /* the guest's entries, from its first */
#define PLAIN        0x46040u                 /* WRPLL: storage */

static int setup(void **state)
{
    *state = fix_new(4);
    fix_forget(*state);
    return 0;
}

static int teardown(void **state)
{
    fix_free(*state);
    return 0;
}

static void widths_of_storage(void **state)
{
    struct fix *f = *state;

    fix_write(f, FIX_BAR0 + PLAIN, 8, 0x1122334455667788);
    assert_int_equal(fix_read(f, FIX_BAR0 + PLAIN, 8), 0x1122334455667788);
    assert_int_equal(fix_r(f, PLAIN + 4), 0x11223344);
    fix_write(f, FIX_BAR0 + PLAIN + 3, 2, 0xaabb); /* across two dwords */
    assert_int_equal(fix_read(f, FIX_BAR0 + PLAIN, 8), 0x112233aabb667788);
    assert_int_equal(fix_read(f, FIX_BAR0 + PLAIN + 3, 4), 0x2233aabb);
    assert_int_equal(fix_read(f, FIX_BAR0 + PLAIN + 1, 8) & 0xffffffffffffff, 0x112233aabb6677);
    fix_write(f, FIX_BAR0 + PLAIN + 7, 1, 0x99);
    assert_int_equal(fix_read(f, FIX_BAR0 + PLAIN + 7, 1), 0x99);
}

static void registers_of_the_table(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0x2088, 0x00f000ff); /* masked */
    assert_int_equal(fix_r(f, 0x2088), 0xf0);
    fix_w(f, 0x2074, 5); /* read only */
    assert_int_equal(fix_r(f, 0x2074), 0);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_READ_ONLY], 1);
    assert_int_equal(fix_r(f, 0x2098), 0xffffffff); /* reset value */
    assert_int_equal(f->mmio.fault[MMIO_FAULT_UNKNOWN], 0);
    fix_w(f, 0x1ffff0, 7); /* in no table: kept, and counted */
    assert_int_equal(fix_r(f, 0x1ffff0), 7);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_UNKNOWN], 2);
}

static void edges_of_bar0(void **state)
{
    struct fix *f = *state;

    fix_write(f, FIX_BAR0 + VREG_MMIO_BYTES - 4, 8, ~0ull); /* half register, half hole */
    assert_int_equal(fix_read(f, FIX_BAR0 + VREG_MMIO_BYTES - 4, 8), 0xffffffff);
    assert_int_equal(fix_read(f, FIX_BAR0 + VREG_MMIO_BYTES, 4), 0);
    assert_int_equal(fix_read(f, ENTRY(0) - 4, 4), 0);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_RANGE], 4);
}

static void rep_accesses(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + PLAIN, 4, true, 0x2000);
    const uint32_t words[4] = {1, 2, 3, 4};

    memcpy(fake_ram(f->guest, 0x2000), words, sizeof words);
    a.count = 4;
    a.indirect = true;
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_int_equal(fix_r(f, PLAIN + 12), 4);
    a.write = false;
    a.backwards = true;
    a.addr = FIX_BAR0 + PLAIN + 12;
    a.data = 0x300c;
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_memory_equal(fake_ram(f->guest, 0x3000), words, sizeof words);
    a.data = FIX_RAM_PAGES * 4096ull; /* operand is no RAM */
    a.backwards = false;
    a.addr = FIX_BAR0 + PLAIN;
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_OPERAND], 4);
}

static void bars_size_and_move(void **state)
{
    struct fix *f = *state;

    fix_cfg_w(f, 0x10, 4, ~0u); /* decoding is on: sizing must not trap all of memory */
    assert_int_equal(fix_cfg_r(f, 0x10, 4), 0xff000004);
    fix_bar0_traps(f, FIX_BAR0, false);
    assert_int_equal(f->s->vreg.bar0, 0);
    fix_cfg_w(f, 0x10, 4, 0xe0000000);
    fix_bar0_traps(f, 0xe0000000, true);
    fix_cfg_w(f, 0x14, 4, 1); /* above 4 GiB */
    fix_bar0_traps(f, 0xe0000000, false);
    fix_bar0_traps(f, 0x1e0000000, true);
    assert_int_equal(fix_read(f, 0x1e0078000, 8), PVINFO_MAGIC);
    fix_cfg_w(f, 0x04, 1, 0);
    fix_bar0_traps(f, 0x1e0000000, false);
    fix_cfg_w(f, 0x18, 4, ~0u);
    assert_int_equal(fix_cfg_r(f, 0x18, 4), 0xf000000c);
    fix_cfg_w(f, 0x20, 4, ~0u);
    assert_int_equal(fix_cfg_r(f, 0x20, 4), 0xffc1);
}

static void bars_collide(void **state)
{
    struct fix *f = *state;

    fix_cfg_w(f, 0x10, 4, FIX_BAR2); /* into a trapped part of the aperture */
    assert_true(f->mmio.fault[MMIO_FAULT_RANGE] > 0);
    fix_cfg_w(f, 0x10, 4, FIX_BAR0); /* and out again */
    fix_bar0_traps(f, FIX_BAR0, true);
    assert_int_equal(fix_read(f, FIX_BAR0 + 0x78000, 8), PVINFO_MAGIC);
    assert_true(fake_trapped(f->guest, FIX_BAR2));
}

static void aperture_outside_own_part(void **state)
{
    struct fix *f = *state;

    assert_true(fake_trapped(f->guest, FIX_BAR2));
    assert_true(fake_trapped(f->guest, FIX_BAR2 + (64u << 20) - 1));
    assert_false(fake_trapped(f->guest, FIX_BAR2 + (64u << 20)));
    assert_true(fake_trapped(f->guest, FIX_BAR2 + (128u << 20)));
    assert_int_equal(fix_read(f, FIX_BAR2 + 0x100, 4), 0);
    fix_write(f, FIX_BAR2 + 0x100, 8, 5);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_RANGE], 2 + 0);
}

static int aperture_answer;
static uint64_t aperture_asked;

static int aperture(void *ctx, uint64_t base)
{
    (void)ctx;
    aperture_asked = base;
    return aperture_answer;
}

static void bar2_waits_for_the_broker(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(0x18, 4, true, 0xa0000000);

    f->mmio.s.aperture = aperture;
    aperture_answer = MMIO_LATER;
    a.space = VMM_CONFIG;
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_int_equal(fake_done(f->guest, 0, NULL), 0);
    assert_int_equal(aperture_asked, 0xa0000000);
    assert_false(fake_trapped(f->guest, FIX_BAR2));
    aperture_answer = 0;
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_true(fake_trapped(f->guest, 0xa0000000));
}

static void config_widths(void **state)
{
    struct fix *f = *state;

    assert_int_equal(fix_cfg_r(f, 0, 4), 0x16168086);
    assert_int_equal(fix_cfg_r(f, 2, 2), 0x1616);
    assert_int_equal(fix_cfg_r(f, 0x0b, 1), 3);
    assert_int_equal(fix_cfg_r(f, 0x50, 2), 0xc0);
    assert_int_equal(fix_cfg_r(f, 0x5c, 4), 0);
    fix_cfg_w(f, 0, 4, 0xdeadbeef);
    assert_int_equal(fix_cfg_r(f, 0, 4), 0x16168086);
    fix_cfg_w(f, 0x3c, 1, 11);
    assert_int_equal(fix_cfg_r(f, 0x3c, 2), 0x10b);
    fix_cfg_w(f, 0x95, 1, 0x12);
    assert_int_equal(fix_cfg_r(f, 0x94, 4), 0xfee01200);
    fix_cfg_w(f, 0xfc, 4, 0xfc000000);
    assert_int_equal(fix_cfg_r(f, 0xfc, 4), 0xfc000000);
    assert_true(fake_trapped(f->guest, 0xfc001fff));
    assert_int_equal(fix_read(f, 0xfc000000, 4), 0);
}

/* What it trapped is served, and goes with the BAR. */
static void an_older_build_trapped_it_all(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    fix_cfg_w(f, 0x04, 2, 0);
    assert_int_equal(f->ops.trap(f->vmm, FIX_BAR0, 16u << 20, true), 0);
    f->s->vreg.bar0 = FIX_BAR0;
    f->s->vreg.cfg[0x04] = 6;
    fix_restart(f);
    assert_true(fake_trapped(f->guest, ENTRY(0)));
    fix_write(f, ENTRY(3), 8, 0x1003);
    assert_true(fix_gtt(f, &msg)); /* who counts it */
    assert_int_equal(msg.pte.index, 3);
    fix_write(f, ENTRY(0) - 4, 8, 0x0000555500000000); /* half hole, half entry */
    assert_int_equal(fix_read(f, ENTRY(0), 8), 0x5555);
    fix_cfg_w(f, 0x10, 4, 0xe0000000);
    fix_bar0_traps(f, FIX_BAR0, false);
    fix_bar0_traps(f, 0xe0000000, true);
}

static void ggtt_entries_of_any_width(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    fix_write(f, GTT(5), 8, 0x1234567003);
    entries_expect(f, 5, 0x1234567003, 1);
    fix_write(f, GTT(5) + 4, 4, 0x77);
    entries_expect(f, 5, 0x7734567003, 2);
    fix_write(f, GTT(5) + 1, 1, 0xaa);
    entries_expect(f, 5, 0x773456aa03, 3);
    fix_write(f, GTT(5) + 4, 8, 0x0000000900000008); /* two entries at once */
    entries_expect(f, 5, 0x83456aa03, 4);
    entries_expect(f, 6, 9, 5);
    assert_int_equal(fix_read(f, GTT(5), 8), 0x83456aa03);
    assert_int_equal(fix_read(f, GTT(5) + 2, 2), 0x3456);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 6], 9);
    assert_false(fix_gtt(f, &msg));
}

static void guest_page_writes(void **state)
{
    struct fix *f = *state;
    struct gtt_mmio ask = {.kind = GTT_MMIO_PROTECT, .gfn = 9};
    struct mmio_gtt msg;
    uint64_t across = 0x1122334455667788;

    assert_int_equal(lane_tx_put(&f->from_gtt.tx, &ask, sizeof ask), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_true(fake_protected(f->guest, 9));
    assert_true(fix_gtt(f, &msg)); /* what was written before the protection is in no message */
    assert_int_equal(msg.kind, MMIO_GTT_TABLE_WRITE);
    assert_int_equal(msg.write.gfn, 9);
    assert_int_equal(msg.write.offset, 0);
    assert_int_equal(msg.write.len, 4096);
    fix_write(f, 9 * 4096 + 16, 8, 0xabcdef);
    assert_int_equal(*(uint64_t *)fake_ram(f->guest, 9 * 4096 + 16), 0xabcdef);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_TABLE_WRITE);
    assert_int_equal(msg.write.gfn, 9);
    assert_int_equal(msg.write.offset, 16);
    assert_int_equal(msg.write.len, 8);
    fix_write(f, 10 * 4096 - 3, 8, across); /* into the next page */
    assert_memory_equal(fake_ram(f->guest, 10 * 4096 - 3), &across, 8);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.write.len, 3);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.write.gfn, 10);
    assert_int_equal(msg.write.offset, 0);
    assert_int_equal(msg.write.len, 5);
    assert_int_equal(f->mmio.table_writes, 3);
    ask.kind = GTT_MMIO_UNPROTECT;
    assert_int_equal(lane_tx_put(&f->from_gtt.tx, &ask, sizeof ask), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_false(fake_protected(f->guest, 9));
}

static struct fix *looked_at; /* map() has no argument to carry it */

/* Nothing may be in gtt's lane while the guest's page is still as it was. */
static void *map_before_message(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable)
{
    struct mmio_gtt msg;

    assert_false(fix_gtt(looked_at, &msg));
    return vmm_fake_ops.map(v, gfns, nr, writable);
}

static void page_changes_before_its_message(void **state)
{
    struct fix *f = *state;
    struct gtt_mmio ask = {.kind = GTT_MMIO_PROTECT, .gfn = 9};

    assert_int_equal(lane_tx_put(&f->from_gtt.tx, &ask, sizeof ask), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    fix_forget(f);
    looked_at = f;
    f->ops.map = map_before_message;
    fix_write(f, 9 * 4096, 8, 0x1003);
    assert_int_equal(*(uint64_t *)fake_ram(f->guest, 9 * 4096), 0x1003);
}

/* Protection is told even if gtt's lane is full at first, and the request is not carried out twice
 * or lost meanwhile. */
static void notice_of_protection_waits_for_room(void **state)
{
    struct fix *f = *state;
    struct gtt_mmio ask = {.kind = GTT_MMIO_PROTECT, .gfn = 9};
    struct mmio_gtt msg;

    for (uint64_t i = 0; i < 4; i++)
        fix_write(f, GTT(i), 8, i + 1);
    assert_int_equal(lane_tx_put(&f->from_gtt.tx, &ask, sizeof ask), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    for (uint64_t i = 0; i < 4; i++)
        entries_expect(f, i, i + 1, i + 1);
    assert_false(fix_gtt(f, &msg));
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.write.gfn, 9);
    assert_int_equal(msg.write.len, 4096);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_false(fix_gtt(f, &msg));
}

static bool gtt_is_woken(struct fix *f)
{
    struct pollfd p = {.fd = f->to_gtt.wake, .events = POLLIN};
    bool yes = poll(&p, 1, 0) == 1;

    lane_drain(p.fd);
    return yes;
}

/* What the guest does after it does not trap: the access that ends it waits for gtt. */
static void entries_stand_after_a_flush(void **state)
{
    struct fix *f = *state;
    struct vmm_access flush = fix_access(FIX_BAR0 + 0x101008, 4, true, 1);
    struct vmm_access late = fix_access(GTT(3), 8, true, 4);

    late.vcpu = 1;
    assert_int_equal(lane_rx_sleep(&f->to_gtt.rx, 1), 0);
    gtt_is_woken(f);
    for (uint64_t i = 0; i < 3; i++)
        fix_write(f, GTT(i), 8, i + 1);
    assert_false(gtt_is_woken(f));
    fix_begin(f, &flush);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_true(gtt_is_woken(f));
    fix_begin(f, &late); /* what others write meanwhile does not prolong the wait */
    assert_int_equal(mmio_pump(&f->mmio), 1);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(mmio_pump(&f->mmio), 0);
        entries_expect(f, i, i + 1, i + 1);
    }
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_true(f->mmio.unflushed);
    entries_expect(f, 3, 4, 4);
    fix_w(f, 0x101008, 1);
    assert_false(f->mmio.unflushed);
    assert_int_equal(fix_r(f, 0x101008), 1);
    fix_w(f, 0x101008, 0); /* nothing new: no wait */
    fix_write(f, GTT(0), 8, 9);
    assert_true(f->mmio.unflushed);
    fix_restart(f); /* who knows */
    fix_begin(f, &flush);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    entries_expect(f, 0, 9, 5);
    assert_int_equal(mmio_pump(&f->mmio), 1);
}

/* A submission needs what was written before it. */
static void submission_wakes_gtt(void **state)
{
    struct fix *f = *state;

    assert_int_equal(lane_rx_sleep(&f->to_gtt.rx, 1), 0);
    gtt_is_woken(f);
    fix_write(f, GTT(1), 8, 2);
    for (uint32_t i = 0; i < 3; i++)
        fix_w(f, 0x2230, i);
    assert_false(gtt_is_woken(f));
    fix_w(f, 0x2230, 3);
    assert_true(gtt_is_woken(f));
}

static void full_lane_holds_the_vcpu(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(GTT(4), 8, true, 0x4003);
    struct mmio_gtt msg;

    for (uint64_t i = 0; i < 4; i++)
        fix_write(f, GTT(i), 8, i + 1);
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_int_equal(fake_done(f->guest, 0, NULL), 0);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 4], 0); /* not in part either */
    a = fix_access(FIX_BAR0 + PLAIN, 4, true, 7);
    a.vcpu = 1; /* the other vCPU is served meanwhile */
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 1, NULL), 1);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 4], 0x4003);
    for (uint64_t i = 1; i < 5; i++)
        entries_expect(f, i, i < 4 ? i + 1 : 0x4003, i + 1);
}

/* A long string of entries through a lane of four: nothing lost, doubled or out of order. */
static void full_lane_in_the_middle(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(GTT(100), 8, true, 0x5003);
    struct mmio_gtt msg;
    uint64_t seen = 0;
    int passes = 0;

    a.count = 37;
    fix_begin(f, &a);
    while (mmio_pump(&f->mmio) == 0 && passes++ < 100)
        while (fix_gtt(f, &msg)) {
            assert_int_equal(msg.pte.index, FIX_FIRST + 100 + seen);
            assert_int_equal(msg.epoch, ++seen);
        }
    while (fix_gtt(f, &msg))
        assert_int_equal(msg.epoch, ++seen);
    assert_int_equal(seen, 37);
    assert_true(passes >= 9);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 136], 0x5003);
}

static void a_parked_access_survives_a_restart(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(GTT(50), 8, true, 0x6003);
    struct mmio_gtt msg;
    uint64_t seen = 0;

    a.count = 6;
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 0);
    fix_restart(f);
    while (fix_gtt(f, &msg))
        assert_int_equal(msg.epoch, ++seen);
    assert_int_equal(seen, 4);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    while (fix_gtt(f, &msg))
        assert_int_equal(msg.epoch, ++seen);
    assert_int_equal(seen, 6);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 0);
}

/* A former process had begun with the pending access, as one before it had if crashes is 1, and
 * died in it. */
static void died_in(struct fix *f, const struct vmm_access *a, uint32_t crashes)
{
    fix_begin(f, a);
    f->s->vreg.inflight[0] = (struct vreg_inflight){.addr = a->addr,
                                                    .data = a->data,
                                                    .count = a->count,
                                                    .size = a->size,
                                                    .write = a->write,
                                                    .progress = VREG_STARTED,
                                                    .crashes = crashes};
    fake_take(f->guest, 0);
    fix_restart(f);
}

static void one_death_is_forgiven(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + PLAIN, 4, true, 5);

    for (int i = 0; i < 4; i++) {
        died_in(f, &a, 0);
        assert_int_equal(mmio_pump(&f->mmio), 1);
        assert_int_equal(fake_done(f->guest, 0, NULL), 1);
        assert_int_equal(*(f->s->vreg.mmio + PLAIN / 4), 5);
    }
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 0);
    assert_int_equal(f->quarantine.known, 0);
}

static void poison_is_quarantined(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + PLAIN, 4, false, 0);
    struct quarantine_item item;
    uint64_t data;

    died_in(f, &a, 1);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, &data), 1);
    assert_int_equal(data, ~0ull);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 1);
    fix_restart(f); /* whoever meets it again, nobody serves it */
    assert_int_equal(fix_read(f, a.addr, 4), ~0ull);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 1);
    assert_true(quarantine_get(&f->quarantine, 0, &item));
    assert_int_equal(item.input.word[WIRE_ACCESS_ADDR], a.addr);
    assert_int_equal(item.input.word[WIRE_ACCESS_HOW], WIRE_ACCESS_PACK(1, VMM_MMIO, 4, false, 0));
    assert_int_equal(item.skipped, 1);
    assert_int_equal(quarantine_deaths(&item), 2);
    fix_w(f, PLAIN, 7); /* what is near it is served */
    assert_int_equal(fix_read(f, a.addr, 8), 7);
    assert_int_equal(fix_r(f, PLAIN + 4), 0);
}

/* A write is its value: another one is another input. */
static void poison_is_one_value(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + PLAIN, 4, true, 0xbad);

    died_in(f, &a, 1);
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    fix_w(f, PLAIN, 3);
    fix_w(f, PLAIN, 0xbad);
    assert_int_equal(fix_r(f, PLAIN), 3);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(widths_of_storage),
        T(registers_of_the_table),
        T(edges_of_bar0),
        T(rep_accesses),
        T(bars_size_and_move),
        T(bars_collide),
        T(aperture_outside_own_part),
        T(bar2_waits_for_the_broker),
        T(config_widths),
        T(entries_edges),
        T(entries_of_nobody),
        T(an_older_build_trapped_it_all),
        T(ggtt_entries_of_any_width),
        T(guest_page_writes),
        T(page_changes_before_its_message),
        T(notice_of_protection_waits_for_room),
        T(entries_stand_after_a_flush),
        T(submission_wakes_gtt),
        T(full_lane_holds_the_vcpu),
        T(full_lane_in_the_middle),
        T(a_parked_access_survives_a_restart),
        T(one_death_is_forgiven),
        T(poison_is_quarantined),
        T(poison_is_one_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
