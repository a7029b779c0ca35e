/* SPDX-License-Identifier: MIT */
/*
 * dispatch_bench.c: what vgt-mmio does between taking a trapped access from the hypervisor and
 * answering it, for each kind of register: look-up, journal, emulation, message. Driven through
 * mmio_pump() like the service's loop; the seam here has an access ready whenever it is asked and
 * compares each answer. Beside it the least there could be: a read of the same word of memory.
 */
#include <string.h>

#include "services/mmio/priv.h"
#include "tests/bench/bench.h"
#include "tests/unit/mmio_fixture.h"

#define SLOTS      4096u
#define PER_PUMP   64u /* accesses that wait when the loop comes round */
#define MORE_READS 32u /* of memory, for an access: else too few to time */
#define AT_MOST    60  /* instructions for a plain register */
#define VALUE      0x12345678u

/* Accesses in turn; a write's data grows by `step` with each turn, 256 times, and begins again. */
struct kind {
    const char *name;
    unsigned gen;
    const char
        *handler; /* of the register in its place: the first that has it; NULL: addr is set */
    struct vmm_access turn[4];
    unsigned turns; /* a power of two */
    uint64_t step;
    bool (*right)(struct fix *f, const struct kind *k, uint64_t n); /* after n accesses; NULL */
    double max_instructions;
};

static struct source {
    const struct kind *kind;
    uint64_t given, left, batch, wrong;
    uint64_t expected; /* of reads */
} source;

static int next(struct vmm *v, struct vmm_access *a)
{
    const struct kind *k = source.kind;
    uint64_t n = source.given;

    (void)v;
    if (!source.batch)
        return 0;
    source.batch--;
    source.given++;
    *a = k->turn[n & (k->turns - 1)];
    a->data += k->step * (n & 0xff);
    return 1;
}

static int complete(struct vmm *v, uint16_t vcpu, uint64_t data)
{
    (void)v;
    (void)vcpu;
    source.wrong += data != source.expected;
    return 0;
}

/* What the other services would have taken by now. */
static void empty(struct fix_lane *l)
{
    struct lane_slot slot;

    if (lane_rx_next(&l->rx, &slot, NULL) == 0) {
        l->rx.cursor = l->rx.tail_cache;
        bench_check(lane_rx_advance(&l->rx) == 0);
    }
}

static uint32_t offset_of(const struct kind *k)
{
    return (uint32_t)(k->turn[0].addr - FIX_BAR0);
}

static bool stored(struct fix *f, const struct kind *k, uint64_t n)
{
    return *mmio_reg(&f->mmio, offset_of(k)) ==
           (uint32_t)(k->turn[0].data + k->step * ((n - 1) & 0xff));
}

static bool unchanged(struct fix *f, const struct kind *k, uint64_t n)
{
    (void)n;
    return *mmio_reg(&f->mmio, offset_of(k)) == VALUE;
}

static bool mode_set(struct fix *f, const struct kind *k, uint64_t n)
{
    (void)n;
    return *mmio_reg(&f->mmio, offset_of(k)) == 0x20;
}

static bool entry_written(struct fix *f, const struct kind *k, uint64_t n)
{
    return f->s->vggtt.pte[FIX_FIRST] == k->turn[0].data + k->step * ((n - 1) & 0xff) &&
           f->s->vreg.gtt_epoch == n;
}

static bool table_written(struct fix *f, const struct kind *k, uint64_t n)
{
    uint64_t value;

    memcpy(&value, fake_ram(f->guest, k->turn[0].addr), 8);
    return value == k->turn[0].data + k->step * ((n - 1) & 0xff) && f->s->vreg.gtt_epoch == n;
}

static bool submitted(struct fix *f, const struct kind *k, uint64_t n)
{
    (void)k;
    return f->s->vreg.submit.seq == n / 4;
}

static bool tail_told(struct fix *f, const struct kind *k, uint64_t n)
{
    (void)k;
    return f->s->vreg.submit.seq == n;
}

/* Stands for the case without vgt-mmio, whose instructions run-bench subtracts. */
static bool the_seam(struct fix *f, const struct kind *k, uint64_t n)
{
    (void)f;
    (void)k;
    return n != 0;
}

#define READ(at)     .turn = {{.addr = FIX_BAR0 + (at), .size = 4, .count = 1}}, .turns = 1
#define WRITE_OF(v)  .size = 4, .count = 1, .write = true, .data = (v)
#define WRITE(at, v) .turn = {{.addr = FIX_BAR0 + (at), WRITE_OF(v)}}, .turns = 1
#define FOUR_WRITES(at)                                                                            \
    .turn = {{.addr = FIX_BAR0 + (at), WRITE_OF(1)},                                               \
             {.addr = FIX_BAR0 + (at), WRITE_OF(2)},                                               \
             {.addr = FIX_BAR0 + (at), WRITE_OF(3)},                                               \
             {.addr = FIX_BAR0 + (at), WRITE_OF(4)}},                                              \
    .turns = 4

static const struct kind kinds[] = {
    {"the seam alone", 8, "storage", READ(0), .right = the_seam},
    {"plain read", 8, "storage", READ(0), .max_instructions = AT_MOST},
    {"plain write", 8, "storage", WRITE(0, VALUE), .step = 1, .right = stored,
     .max_instructions = AT_MOST},
    {"read-only write", 8, "read only", WRITE(0, 1), .right = unchanged},
    {"masked write", 8, NULL, WRITE(0x7300, 0xffff0020), .right = mode_set},
    {"unknown read", 8, "untracked", READ(0)},
    {"PVINFO read", 8, NULL, READ(PVINFO_BASE + 0x40)},
    {"interrupt mask write", 8, NULL, WRITE(0x44304, 0xfffffffe)},
    {"GTT entry write", 8, NULL,
     .turn =
         {{.addr = FIX_GTT8 + 8 * FIX_FIRST, .size = 8, .count = 1, .write = true, .data = 0x1003}},
     .turns = 1, .step = 4096, .right = entry_written},
    {"table entry write", 8, NULL,
     .turn = {{.addr = 5 * 4096 + 64,
               .size = 8,
               .count = 1,
               .write = true,
               .space = VMM_GUEST,
               .data = 0x1003}},
     .turns = 1, .step = 4096, .right = table_written},
    {"submission, of four writes", 8, NULL, FOUR_WRITES(0x2230), .right = submitted},
    {"Haswell: plain read", 7, "storage", READ(0), .max_instructions = AT_MOST},
    {"Haswell: GTT entry write", 7, NULL,
     .turn = {{.addr = FIX_GTT7 + 4 * FIX_FIRST, WRITE_OF(0x1001)}}, .turns = 1, .step = 4096,
     .right = entry_written},
    {"Haswell: tail write", 7, NULL, WRITE(0x22030, 0x40), .step = 8, .right = tail_told},
};

static void find_register(struct fix *f, struct kind *k)
{
    uint32_t at = 0x2000;

    while (at < VREG_MMIO_BYTES &&
           strcmp(f->mmio.kinds[f->mmio.handler[at / 4]]->name, k->handler) != 0)
        at += 4;
    if (at >= VREG_MMIO_BYTES)
        bench_fail("dispatch: no register is '%s' any more", k->handler);
    k->turn[0].addr = FIX_BAR0 + at;
    *mmio_reg(&f->mmio, at) = VALUE;
}

static struct fix *set_up(struct kind *k)
{
    struct fix *f = fix_new_gen(SLOTS, k->gen);

    if (k->handler)
        find_register(f, k);
    source = (struct source){.kind = k};
    if (k->turn[0].space == VMM_MMIO && !k->turn[0].write)
        source.expected = *mmio_reg(&f->mmio, offset_of(k));
    f->ops.next = next;
    f->ops.complete = complete;
    return f;
}

static double emulate(void *ctx, uint64_t n)
{
    struct kind k = *(const struct kind *)ctx;
    struct fix *f = set_up(&k);
    uint64_t left;
    double ns;

    ns = bench_cpu_ns();
    for (left = n; left; left -= left < PER_PUMP ? left : PER_PUMP) {
        source.batch = left < PER_PUMP ? left : PER_PUMP;
        if (mmio_pump(&f->mmio) != (int)(left < PER_PUMP ? left : PER_PUMP))
            bench_fail("dispatch: %s: not all were answered", k.name);
        empty(&f->to_gtt);
        empty(&f->to_sched);
    }
    ns = bench_cpu_ns() - ns;
    if (source.wrong || (k.right && !k.right(f, &k, n)))
        bench_fail("dispatch: %s: a wrong answer, or a write without its effect", k.name);
    f->ops = vmm_fake_ops;
    fix_free(f);
    return ns;
}

/* What the seam here costs by itself: not vgt-mmio's. */
static double ask_only(void *ctx, uint64_t n)
{
    struct kind k = *(const struct kind *)ctx;
    struct fix *f = set_up(&k);
    const struct vmm_ops *volatile ops = &f->ops;
    struct vmm_access a;
    double ns;

    ns = bench_cpu_ns();
    source.batch = n;
    source.expected = k.turn[0].addr;
    while (ops->next(f->vmm, &a) == 1)
        ops->complete(f->vmm, a.vcpu, a.addr);
    ns = bench_cpu_ns() - ns;
    bench_check(source.given == n && !source.wrong);
    f->ops = vmm_fake_ops;
    fix_free(f);
    return ns;
}

static double read_memory(void *ctx, uint64_t n)
{
    struct kind k = *(const struct kind *)ctx;
    struct fix *f = set_up(&k);
    const volatile uint32_t *word = mmio_reg(&f->mmio, offset_of(&k) % VREG_MMIO_BYTES);
    uint32_t value = *word;
    uint64_t wrong = 0;
    double ns = bench_cpu_ns();

    for (uint64_t i = 0; i < n * MORE_READS; i++)
        wrong |= *word ^ value;
    ns = (bench_cpu_ns() - ns) / MORE_READS;
    bench_check(!wrong);
    f->ops = vmm_fake_ops;
    fix_free(f);
    return ns;
}

int main(int argc, char **argv)
{
    struct bench b;

    bench_init(&b, "dispatch", argc, argv);
    bench_pin(b.cpu[0]);
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct kind k = kinds[i];
        const struct bench_way way[] = {{"vgt-mmio", k.right == the_seam ? ask_only : emulate, &k},
                                        {"memory read", read_memory, &k}};
        const struct bench_case c = {
            .name = k.name, .piece = "access", .n = 400000, .max_instructions = k.max_instructions};

        bench_case(&b, &c, way, 2);
    }
    return 0;
}
