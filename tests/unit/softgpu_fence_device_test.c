/* SPDX-License-Identifier: MIT */
/*
 * Fences and swizzling from outside: a whole device of either family, programmed and used through
 * its BARs, and the registers by which drivers turn swizzling on.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/device.h"
#include "softgpu/engine_priv.h"
#include "softgpu/model.h"
#include "softgpu/vfu.h"

#define APERTURE 0x400000u /* GGTT address of the first page */
#define MEMORY   0x10000u  /* bus address */
#define PAGES    4u
#define REG(n)   (0x100000u + 8 * (n))
#define VALID    1u
#define Y_TILES  2u

static int setup(void **state)
{
    static struct rig r;

    rig_setup(&r);
    *state = &r;
    return 0;
}

static int teardown(void **state)
{
    rig_teardown(*state);
    return 0;
}

/* Each family has a register of its own for the engines. */
static void which_register_the_engines_look_at(void **state)
{
    static const char *const names[] = {"hsw", "bdw"};
    static const uint32_t reg[] = {0x4030, 0x4a08}, bit[] = {1u << 5, 1u << 1};
    struct rig *r = *state;

    for (int i = 0; i < 2; i++) {
        struct engines *es = engines_new(model_find(names[i]), r->dma, r->judge, &r->engines->ops);

        engines_mmio_write(es, reg[!i], bit[!i] << 16 | bit[!i]);
        assert_int_equal(engine_swizzle(&es->engine[ENGINE_BCS]), TILE_SWIZZLE_NONE);
        engines_mmio_write(es, reg[i], bit[i] << 16 | bit[i]);
        assert_int_equal(engine_swizzle(&es->engine[ENGINE_BCS]), TILE_SWIZZLE_9_10);
        engines_mmio_write(es, reg[i], 1); /* bits that are not named stay */
        assert_int_equal(engine_swizzle(&es->engine[ENGINE_BCS]), TILE_SWIZZLE_9_10);
        engines_mmio_write(es, reg[i], bit[i] << 16);
        assert_int_equal(engine_swizzle(&es->engine[ENGINE_BCS]), TILE_SWIZZLE_NONE);
        engines_free(es);
    }
}

struct whole {
    const struct model *m;
    struct device *d;
    const struct vfu_ops *ops;
    uint8_t *memory;
};

static void put(struct whole *w, unsigned bar, uint64_t offset, uint64_t v, uint32_t len)
{
    assert_int_equal(w->ops->region_write(w->d, bar, offset, &v, len), 0);
}

static uint64_t get(struct whole *w, unsigned bar, uint64_t offset, uint32_t len)
{
    uint64_t v = 0;

    assert_int_equal(w->ops->region_read(w->d, bar, offset, &v, len), 0);
    return v;
}

static void map(struct whole *w)
{
    for (uint32_t i = 0; i < PAGES; i++)
        put(w, 0, w->m->gtt_start + (APERTURE / 4096 + i) * w->m->pte_bytes,
            (MEMORY + i * 4096) | VALID, w->m->pte_bytes);
}

static void begin(struct whole *w, const char *name)
{
    int fd = memfd_create("fence", 0);

    w->m = model_find(name);
    w->d = device_new(w->m);
    assert_non_null(w->d);
    w->ops = device_vfu_ops(w->d);
    assert_int_equal(ftruncate(fd, PAGES * 4096), 0);
    w->memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(w->memory, MAP_FAILED);
    device_attach(w->d);
    assert_int_equal(w->ops->dma_map(w->d, MEMORY, PAGES * 4096, fd, 0, 3), 0);
    map(w);
}

static void end(struct whole *w)
{
    device_free(w->d);
    munmap(w->memory, PAGES * 4096);
}

static void tiles_through_the_bars(struct whole *w)
{
    uint64_t fence = (uint64_t)(APERTURE + 0x3000 + 3) << 32 | APERTURE | VALID;

    put(w, 0, REG(31), fence, 8);
    put(w, 2, APERTURE + 512 + 3, 0x1122, 2); /* second row, 512 bytes further */
    assert_int_equal(w->memory[512 + 3], 0x22);
    put(w, 2, APERTURE + 8 * 512, 0x1122, 2); /* ninth row: next tile */
    assert_int_equal(w->memory[4096], 0x22);
    put(w, 0, REG(31), fence | Y_TILES, 4);
    put(w, 2, APERTURE + 512 + 15, 0x1122, 2); /* across two columns */
    assert_int_equal(w->memory[16 + 15], 0x22);
    assert_int_equal(w->memory[512 + 16], 0x11);
    assert_int_equal(get(w, 2, APERTURE + 512 + 15, 2), 0x1122);
    /* Swizzled: bit 9 of the address is set in the second column. */
    put(w, 0, 0x101000, 1, 4);
    put(w, 2, APERTURE + 16, 0x33, 1);
    assert_int_equal(w->memory[512 + 64], 0x33);
    put(w, 0, 0x101000, 0, 4);
}

static void of(const char *name)
{
    struct whole w;

    begin(&w, name);
    tiles_through_the_bars(&w);
    device_set_swizzle(w.d, TILE_SWIZZLE_9_10);
    assert_int_equal(get(&w, 0, 0x145004, 4), get(&w, 0, 0x145008, 4));
    w.ops->reset(w.d);
    assert_int_equal(get(&w, 0, REG(31), 8), 0);
    assert_int_equal(get(&w, 0, 0x145004, 4), get(&w, 0, 0x145008, 4)); /* soldered on */
    map(&w);
    put(&w, 2, APERTURE + 600, 0x44, 1);
    assert_int_equal(w.memory[600], 0x44);
    end(&w);
}

static void broadwell(void **state)
{
    (void)state;
    of("bdw");
}

static void haswell(void **state)
{
    (void)state;
    of("hsw");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(which_register_the_engines_look_at, setup, teardown),
        cmocka_unit_test(broadwell),
        cmocka_unit_test(haswell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
