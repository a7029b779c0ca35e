/* SPDX-License-Identifier: MIT */
/*
 * The arena: its place in the graphics address space, what gtt is to write, allocation and
 * eviction, a restart. Guest memory by GGTT address: the partition's edges, page crossing, absent
 * entries, more frames than the cache holds. One thread.
 */
#include "gpu/fake/fake.h"
#include "services/sched/arena.h"
#include "services/sched/gmem.h"
#include "services/wire/names.h"
#include "vmm/fake/fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1u << 20)

struct emitted {
    uint32_t next, calls, stop;
    uint64_t dma[2 * ARENA_BLOCK_PAGES];
};

static int emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    struct emitted *e = ctx;

    if (e->calls == e->stop)
        return -EAGAIN;
    assert_int_equal(first, e->next);
    assert_true(count >= 1 && count <= 5);
    memcpy(e->dma + first, dma, count * sizeof(*dma));
    e->next += count;
    e->calls++;
    return 0;
}

static void arena_restart(void **state)
{
    struct gpu_fake *fake = gpu_fake_new(GPU_GEN8, 128 * MIB / 4096);
    struct emitted first = {.stop = UINT32_MAX}, second = {.stop = 7};
    struct arena_range range;
    struct arena *a;
    struct gpu *gpu;

    (void)state;
    assert_int_equal(gpu_fake_open(fake, GPU_ROW_SCHED, &gpu), 0);
    assert_int_equal(arena_new(gpu, 100, &a), -EINVAL);
    assert_int_equal(arena_new(gpu, WIRE_HOST_HIGH / 4096 + ARENA_BLOCK_PAGES, &a), -EINVAL);
    assert_int_equal(arena_new(gpu, 2 * ARENA_BLOCK_PAGES, &a), 0);
    assert_int_equal(arena_map(a, 0, 5, emit, &first), 0);
    assert_int_equal(first.next, 2 * ARENA_BLOCK_PAGES);
    assert_int_equal(arena_alloc(a, 3, &range), 0);
    memset(range.cpu, 0xab, 3 * 4096);
    arena_forget(a);
    gpu_close(gpu);

    assert_int_equal(gpu_fake_open(fake, GPU_ROW_SCHED, &gpu), 0);
    assert_int_equal(arena_new(gpu, 2 * ARENA_BLOCK_PAGES, &a), 0);
    assert_int_equal(gpu_dma_list(gpu, NULL, 0), 2);
    assert_int_equal(arena_map(a, 0, 5, emit, &second), -EAGAIN);
    second.stop = UINT32_MAX;
    assert_int_equal(arena_map(a, second.next, 5, emit, &second), 0);
    assert_memory_equal(first.dma, second.dma, sizeof(first.dma));
    assert_int_equal(arena_alloc(a, 3, &range), 0);
    assert_int_equal(range.cpu[5000], 0);
    arena_free_all(a);
    assert_int_equal(gpu_dma_list(gpu, NULL, 0), 0);
    gpu_close(gpu);
    gpu_fake_free(fake);
}

struct thing {
    struct arena_user user;
    struct arena *arena;
    struct arena_range range;
};

static void evict(struct arena_user *user)
{
    struct thing *t = (struct thing *)user;

    arena_free(t->arena, &t->range);
    arena_busy(t->arena, user);
}

static void arena_pieces(void **state)
{
    struct gpu_fake *fake = gpu_fake_new(GPU_GEN8, 128 * MIB / 4096);
    struct thing t[4] = {0};
    uint32_t start, size;
    struct arena *a;
    struct gpu *gpu;

    (void)state;
    assert_int_equal(gpu_fake_open(fake, GPU_ROW_SCHED, &gpu), 0);
    assert_int_equal(arena_new(gpu, 2 * ARENA_BLOCK_PAGES, &a), 0);
    arena_bounds(a, &start, &size);
    assert_int_equal(start, 64 * MIB);
    assert_int_equal(size, 4 * MIB);
    for (unsigned i = 0; i < 4; i++) {
        t[i] = (struct thing){.user.evict = evict, .arena = a};
        assert_int_equal(arena_alloc(a, 256, &t[i].range), 0);
        assert_int_equal(t[i].range.gma, start + i * MIB);
        arena_idle(a, &t[i].user);
    }
    assert_int_equal(arena_alloc(a, 1, &t[0].range), -ENOSPC);
    arena_idle(a, &t[0].user); /* used again: the last to go */
    arena_busy(a, &t[1].user);
    assert_int_equal(arena_alloc_evict(a, 300, &t[1].range), 0); /* 2 and 3 make room */
    assert_int_equal(t[1].range.gma, start + 2 * MIB);
    assert_int_equal(t[2].range.pages, 0);
    assert_int_equal(t[3].range.pages, 0);
    assert_int_equal(t[0].range.pages, 256);
    assert_int_equal(arena_free_pages(a), 512 - 300);
    assert_int_equal(arena_alloc_evict(a, 512, &t[3].range), -ENOSPC);
    arena_free_all(a);
    gpu_close(gpu);
    gpu_fake_free(fake);
}

static void guest_memory(void **state)
{
    struct fake_guest *ram = fake_guest_new(3, 1024, 1);
    struct vggtt *vggtt = calloc(1, sizeof(*vggtt));
    struct gmem_config c = {.ops = &vmm_fake_ops,
                            .vggtt = vggtt,
                            .low_base = MIB,
                            .low_size = MIB,
                            .high_base = 64 * MIB,
                            .high_size = 3 * MIB};
    uint8_t out[9000], in[9000];
    struct gmem *m;

    (void)state;
    assert_int_equal(vmm_fake_ops.open_memory(3, &c.vmm), 0);
    assert_int_equal(gmem_new(&c, &m), 0);
    assert_true(gmem_inside(m, MIB, MIB));
    assert_false(gmem_inside(m, MIB, MIB + 1));
    assert_false(gmem_inside(m, MIB - 1, 2));
    assert_false(gmem_inside(m, MIB, 0));
    assert_false(gmem_inside(m, 64 * MIB + 1, UINT64_MAX));
    assert_true(gmem_inside(m, 67 * MIB - 1, 1));
    for (uint64_t i = 0; i < 768; i++)
        vggtt->pte[64 * 256 + i] = (767 - i) * 4096 | 1;
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (uint8_t)(i * 7 / 3);
    assert_int_equal(gmem_write(m, 64 * MIB + 100, out, sizeof(out)), 0);
    assert_int_equal(gmem_read(m, 64 * MIB + 100, in, sizeof(in)), 0);
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(gmem_copied(m, true), sizeof(out));
    assert_int_equal(gmem_copied(m, false), sizeof(in));
    assert_memory_equal((uint8_t *)fake_ram(ram, 767 * 4096) + 100, out, 4096 - 100);
    for (unsigned turn = 0; turn < 2; turn++) { /* more frames than are cached */
        for (uint32_t i = 0; i < 768; i++)
            assert_int_equal(gmem_store32(m, (64 * MIB) + i * 4096 + 8, i + turn), 0);
    }
    assert_int_equal(*(uint32_t *)((uint8_t *)fake_ram(ram, 5 * 4096) + 8), 762 + 1);
    assert_int_equal(gmem_store64(m, 64 * MIB + 16, UINT64_C(0x123456789abcdef)), 0);
    assert_int_equal(gmem_read(m, 67 * MIB - 2, in, 3), -EFAULT);
    assert_int_equal(gmem_read(m, MIB, in, 1), -EFAULT); /* no entry */
    vggtt->pte[256] = UINT64_C(5000) * 4096 | 1;         /* no RAM there */
    assert_int_equal(gmem_read(m, MIB, in, 1), -EFAULT);
    vggtt->pte[256] = UINT64_C(1) << 45 | 1;
    assert_int_equal(gmem_read(m, MIB, in, 1), -EFAULT);
    vggtt->pte[256] = 4096 | 1;
    gmem_flush(m);
    assert_int_equal(gmem_read(m, MIB, in, 1), 0);
    gmem_free(m);
    vmm_fake_ops.close(c.vmm);
    fake_guest_free(ram);
    free(vggtt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_restart),
        cmocka_unit_test(arena_pieces),
        cmocka_unit_test(guest_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
