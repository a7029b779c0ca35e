/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for a whole softgpu of either model: the input is a list of steps, what a client, a
 * driver and a user of the control socket may do in any order, each with any operands. Whatever
 * they were, world_check() then demands that the engines can be reset, nothing outside machine
 * memory was touched and fresh contexts run. The fuzzer's thread is the loop's; the engines work
 * against it. Begun with an empty directory, the target writes a corpus of its own into it.
 */
#include "tests/fuzz/softgpu_device_fuzz.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/engine_priv.h"
#include "softgpu/model.h"
#include "softgpu/vfu.h"
#include "tests/fuzz/softgpu_device_world.h"

#define MOST_STEPS    160u
#define MOST_COMMANDS 24u
#define LONGEST       9000u /* access to the aperture */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t left;
};

static uint32_t take(struct input *in, unsigned bytes)
{
    uint32_t v = 0;

    while (bytes-- && in->left) {
        v = v << 8 | *in->data++;
        in->left--;
    }
    return v;
}

/* Where registers are that do something; an engine's block stands for that of each. */
static const struct {
    uint32_t first, bytes;
} places[] = {
    {0x2000, 0x800},  {0x2020, 0x30},    {0x2080, 0x40},   {0x2180, 0x20},   {0x2220, 0x80},
    {0x4000, 0x400},  {0x5200, 0x100},   {0x9400, 0x40},   {0xa000, 0x200},  {0x44000, 0x80},
    {0x44200, 0x20},  {0x44300, 0x40},   {0x44400, 0x80},  {0x45000, 0x800}, {0x46000, 0x200},
    {0x60000, 0x80},  {0x60400, 0x40},   {0x64000, 0x400}, {0x68000, 0x300}, {0x70000, 0x100},
    {0x70180, 0x40},  {0x70280, 0x40},   {0xc2000, 0x20},  {0xc4000, 0x40},  {0xc5100, 0x24},
    {0xc6000, 0x20},  {0x100000, 0x100}, {0x101000, 0x10}, {0x130000, 0x80}, {0x138120, 0x20},
    {0x140000, 0x10}, {0x1300b0, 0x10},
};

static uint32_t a_register(struct world *w, struct input *in)
{
    uint32_t i = take(in, 1), at = take(in, 1) * 4, r;

    r = places[i % (sizeof(places) / sizeof(places[0]))].first +
        at % places[i % (sizeof(places) / sizeof(places[0]))].bytes;
    if (r >= 0x2000 && r < 0x2800)
        r += world_engine(w, i >> 6)->base - 0x2000;
    else if (r >= 0x60000 && r < 0x80000)
        r += (i >> 6) % 3 * 0x1000;
    return r;
}

static uint32_t a_word(struct world *w, struct input *in)
{
    uint32_t kind = take(in, 1), v;

    switch (kind & 7) {
    case WORD_BYTE:
        return take(in, 1);
    case WORD_PAGE:
        v = take(in, 1);
        return v << 12 | take(in, 1) << 3;
    case WORD_REGISTER:
        return a_register(w, in);
    case WORD_SPACE:
        v = take(in, 1);
        return v << 24 | take(in, 1) << 12 | (kind & 0xf8);
    case WORD_RAW:
        return take(in, 4);
    case WORD_POINT:
        v = take(in, 1);
        return v << 16 | take(in, 1);
    case WORD_SHORT:
        return take(in, 2) << (kind >> 3 & 16);
    default:
        return 0;
    }
}

static uint32_t a_header(struct input *in, uint32_t kind)
{
    uint32_t op = take(in, 1), flags;

    switch (kind & 3) {
    case COMMAND_MI:
        return (op & 63) << 23 | take(in, 2) << 8;
    case COMMAND_BLT:
        flags = take(in, 1);
        return 2u << 29 | (op & 127) << 22 | (flags & 0xfc) << 14 | (flags & 3) << 10 |
               (flags & 1) << 15;
    case COMMAND_3D:
        flags = take(in, 1);
        return 3u << 29 | (op & 31) << 24 | flags << 16;
    default:
        return op << 24 | take(in, 3);
    }
}

/* A command that exists and has a length that fits, mostly, for the engine stops at any other;
 * dwords, at most room. */
static uint32_t a_command(struct world *w, const struct engine *e, struct input *in, uint32_t *dw,
                          uint32_t room)
{
    uint32_t kind = take(in, 1), header = a_header(in, kind), len;
    const struct cs_command *c = cs_command(e, header);

    if (c && c->len_mask && !(kind & 0x80)) {
        uint32_t more = c->len_max > c->len_min ? kind >> 2 & 7 : 0;

        header = (header & ~c->len_mask) | ((c->len_min + more - 2) & c->len_mask);
    }
    len = cs_length(e, header);
    if ((!len && !(kind & 0x40) && (kind & 3) != COMMAND_RAW) || len > room)
        header = 0;
    if (!len || len > room)
        len = 1;
    dw[0] = header;
    for (uint32_t i = 1; i < len; i++)
        dw[i] = a_word(w, in);
    return len;
}

/* Commands from word `at` of a page on; where they end. */
static uint32_t commands(struct world *w, const struct engine *e, struct input *in, uint32_t page)
{
    uint32_t n = take(in, 1) % MOST_COMMANDS, at = 0;

    while (n-- && in->left && at < 1000)
        at += a_command(w, e, in, world_word(w, page, at), 1000 - at);
    return at;
}

static void step_register(struct world *w, struct input *in)
{
    uint32_t r = a_register(w, in);

    world_write32(w, r, a_word(w, in));
    world_read32(w, r);
}

static void step_any(struct world *w, struct input *in)
{
    static const uint8_t regions[] = {0, 0, 0, 0, 2, 4, 4, VFU_REGION_CFG};
    uint32_t how = take(in, 1), region = regions[how & 7], len = (how >> 4 & 15) + 1;
    uint64_t size = w->ops->region_size[region], at = take(in, 4) % (size - len + 1);
    uint8_t buf[16];

    for (uint32_t i = 0; i < len; i++)
        buf[i] = (uint8_t)take(in, 1);
    if (how & 8)
        w->ops->region_write(w->device, region, at, buf, len);
    else
        w->ops->region_read(w->device, region, at, buf, len);
}

static void step_gtt(struct world *w, struct input *in)
{
    uint32_t i = take(in, 2), kind = take(in, 1), bytes = kind & 1 ? 4 : 8;
    uint64_t entry = (uint64_t)take(in, 1) << 12 | take(in, 1);

    if (kind & 2)
        entry = (uint64_t)take(in, 4) << 32 | take(in, 4);
    if (kind & 4)
        i += WORLD_DIRECTORY;
    w->ops->region_write(w->device, 0, w->model->gtt_start + (uint64_t)i * w->model->pte_bytes,
                         &entry, bytes);
    if (kind & 8)
        world_write32(w, 0x101008, 1);
}

static void step_aperture(struct world *w, struct input *in)
{
    static uint8_t buf[LONGEST];
    uint32_t how = take(in, 1), len = take(in, 2) % LONGEST + 1;
    uint64_t at = (how & 2 ? take(in, 4) : take(in, 3)) % (w->ops->region_size[2] - len + 1);

    memset(buf, (int)how, len);
    if (how & 1)
        w->ops->region_write(w->device, 2, at, buf, len);
    else
        w->ops->region_read(w->device, 2, at, buf, len);
}

static void step_config(struct world *w, struct input *in)
{
    uint8_t buf[256];
    uint32_t at = take(in, 1), v = take(in, 4), len = take(in, 1) % 8 + 1;

    len = len > 4 ? 4 : len;
    w->ops->region_write(w->device, VFU_REGION_CFG, at % 253, &v, len);
    w->ops->region_read(w->device, VFU_REGION_CFG, 0, buf, sizeof(buf));
}

static void step_ring(struct world *w, struct input *in)
{
    uint32_t which = take(in, 1), ring = which >> 2 & 1;
    struct engine *e = world_engine(w, which);
    uint32_t n = commands(w, e, in, WORLD_OF(e->id) + (ring ? AT_RING_2 : AT_RING));

    world_submit(w, which, ring, (n + 1) / 2 * 8);
}

static void step_batch(struct world *w, struct input *in)
{
    struct engine *e = world_engine(w, take(in, 1));
    uint32_t page = WORLD_OF(e->id) + AT_BATCH, n = commands(w, e, in, page);

    *world_word(w, page, n) = 0x05000000;
}

static void step_table(struct world *w, struct input *in)
{
    uint32_t page = PAGE_PML4 + take(in, 1) % 5, i = take(in, 2);

    *world_word(w, page, i % 1024) = a_word(w, in);
}

static void step_image(struct world *w, struct input *in)
{
    uint32_t which = take(in, 1), i = take(in, 2);
    uint32_t page = WORLD_OF(which % w->engines->count) + (which & 4 ? AT_IMAGE_2 : AT_IMAGE);

    if (which & 8)
        i %= 0x40; /* what is looked at first */
    *world_word(w, page, i % 1024) = a_word(w, in);
}

static void step_elsp(struct world *w, struct input *in)
{
    static const uint16_t ring[] = {R_CTL, R_HEAD, R_TAIL, R_START};
    uint32_t which = take(in, 1), base = world_engine(w, which)->base;

    for (unsigned i = 0; i < 4; i++)
        world_write32(w, base + (w->gen8 ? R_ELSP : ring[i]), a_word(w, in));
}

static void step_fault(struct world *w, struct input *in)
{
    struct fault_spec f = {.kind = (enum fault_kind)(take(in, 1) % FAULT_KINDS),
                           .engine = take(in, 1) % (FAULT_ANY + 1),
                           .count = take(in, 1)};

    if (f.count == 255)
        f.count = FAULT_FOREVER;
    faults_arm(device_faults(w->device), &f);
}

static void step_reset(struct world *w, struct input *in)
{
    uint32_t kind = take(in, 1);

    switch (kind & 7) {
    case 0:
        w->ops->reset(w->device);
        break;
    case 1:
        device_attach(w->device);
        world_map(w);
        break;
    case 2:
        engines_set_strict(w->engines, kind & 8);
        break;
    case 3:
        world_write32(w, world_engine(w, kind >> 3)->base + R_RESET_CTL, 0x00010001);
        break;
    case 4:
        world_lay(w);
        break;
    case 5:
        device_set_swizzle(w->device, (enum tile_swizzle)(kind >> 3 & 1));
        break;
    default:
        world_write32(w, 0x941c, kind >> 3);
    }
}

/* Clocks, timings, a plane and a cursor, with values from the input here and there. */
static void step_pipe(struct world *w, struct input *in)
{
    uint32_t pipe = take(in, 1) % 3, at = pipe * 0x1000, port = pipe + 1, what = take(in, 1);
    const uint32_t steps[][2] = {{0x45404, 1u << 31},
                                 {0x46040, 0xb0200e13},
                                 {0x46100 + port * 4, 4u << 29},
                                 {0x46140 + pipe * 4, (port + 1) << 29},
                                 {0x60400 + at, 0x81000000 | port << 28},
                                 {0x60000 + at, 1343 << 16},
                                 {0x6000c + at, 805 << 16},
                                 {0x60010 + at, 767},
                                 {0x6001c + at, take(in, 1) << 16 | take(in, 1)},
                                 {0x70188 + at, take(in, 1) << 6},
                                 {0x701a4 + at, what & 2 ? take(in, 4) : 0},
                                 {0x70180 + at, 1u << 31 | take(in, 1) << 24 | (what & 4) << 8},
                                 {0x7019c + at, take(in, 1) << 12},
                                 {0x70080 + at, what & 8 ? take(in, 1) : 0},
                                 {0x70088 + at, take(in, 4)},
                                 {0x70084 + at, take(in, 1) << 12},
                                 {0x60050 + at, what & 16 ? 1u << 31 : 0},
                                 {0x44404 + pipe * 0x10, 0},
                                 {0x44004, 0},
                                 {0x70008 + at, 1u << 31}};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (i != (what >> 5))
            world_write32(w, steps[i][0], steps[i][1]);
}

/* Time is the machine's; what is due is done. */
static void step_tick(struct world *w, struct input *in)
{
    (void)in;
    device_deadline(w->device);
    device_tick(w->device);
}

/* Nothing that writes files or ends the program. */
static void step_control(struct world *w, struct input *in)
{
    static const char *const lines[] = {
        "status",
        "violations",
        "owners begin",
        "owners add 0 40 1",
        "owners add 40 10 0x7ff1",
        "owners add 60 30 2",
        "owners commit",
        "frames 1",
        "monitor B none",
        "monitor C 800x600",
        "monitor B 1920x1080@60",
        "monitor B default",
        "fault list",
        "fault clear",
        "status now",
        "fault stuck-engine rcs 1",
        "png 0 /dev/null/none", /* never a file that is there: root writes it */
    };
    uint32_t i = take(in, 1) % (sizeof(lines) / sizeof(lines[0]));
    char *answer = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&answer, &len);

    if (!out)
        abort();
    ctl_line(w->ctl, lines[i], false, out);
    fclose(out);
    if (!len || answer[len - 1] != '\n')
        abort();
    free(answer);
}

/* Memory at the pages that tables name and nobody has announced; its file loses its end while
 * engines may be looking. */
static void cut_short(struct world *w, uint32_t pages)
{
    int fd = memfd_create("cut", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, (WORLD_NAMED - WORLD_NONE) * 4096))
        abort();
    w->ops->dma_map(w->device, WORLD_NONE * 4096, (WORLD_NAMED - WORLD_NONE) * 4096, dup(fd), 0, 3);
    sched_yield();
    if (ftruncate(fd, pages * 4096))
        abort();
    close(fd);
}

/* Ranges come and go under the engines. */
static void step_dma(struct world *w, struct input *in)
{
    uint32_t kind = take(in, 1);
    uint64_t at = (uint64_t)take(in, 2) << (kind >> 4), size = (uint64_t)take(in, 2)
                                                               << (kind >> 2 & 12);

    switch (kind & 3) {
    case 0:
        if (kind & 0x80)
            cut_short(w, kind >> 2 & 3);
        else
            w->ops->dma_map(w->device, at, size, -1, 0, kind >> 2 & 3);
        break;
    case 1: /* the same file a second time: no page of it but ordinary ones */
        w->ops->dma_map(w->device, (1ull << 20) + at, size % (WORLD_RW * 4096 + 1), dup(w->fd),
                        (uint64_t)(w->memory - w->file), 3);
        break;
    case 2:
        w->ops->dma_unmap(w->device, at, size);
        break;
    default:
        if (kind & 4)
            w->ops->dma_unmap(w->device, 0, WORLD_RW * 4096);
        else
            w->ops->dma_unmap_all(w->device);
    }
}

static void step_irq(struct world *w, struct input *in)
{
    uint32_t kind = take(in, 1), index = kind & 1;

    switch (kind >> 1 & 3) {
    case 0:
        w->ops->irq_eventfd(w->device, index, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        break;
    case 1:
        w->ops->irq_eventfd(w->device, index, -1);
        break;
    case 2:
        w->ops->irq_mask(w->device, index, kind & 8);
        break;
    default:
        w->ops->irq_trigger(w->device, index);
    }
}

static void step_work(struct world *w, struct input *in)
{
    uint32_t base = world_engine(w, take(in, 1))->base;

    for (unsigned i = 0; i < 200 && !(world_read32(w, base + R_MI_MODE) & MI_MODE_IDLE); i++)
        sched_yield();
}

static void step_fill(struct world *w, struct input *in)
{
    uint32_t page = take(in, 1) % WORLD_RW, v = take(in, 4);

    for (uint32_t i = 0; i < 1024; i++)
        *world_word(w, page, i) = v + i * (v & 3);
}

static void (*const steps[FUZZ_STEPS])(struct world *w, struct input *in) = {
    [STEP_REGISTER] = step_register, [STEP_ANY] = step_any,       [STEP_GTT] = step_gtt,
    [STEP_APERTURE] = step_aperture, [STEP_CONFIG] = step_config, [STEP_RING] = step_ring,
    [STEP_BATCH] = step_batch,       [STEP_TABLE] = step_table,   [STEP_IMAGE] = step_image,
    [STEP_ELSP] = step_elsp,         [STEP_FAULT] = step_fault,   [STEP_RESET] = step_reset,
    [STEP_PIPE] = step_pipe,         [STEP_TICK] = step_tick,     [STEP_CONTROL] = step_control,
    [STEP_DMA] = step_dma,           [STEP_IRQ] = step_irq,       [STEP_WORK] = step_work,
    [STEP_FILL] = step_fill,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct world *w = world_get(take(&in, 1) & 1);

    world_lay_again(w);
    for (unsigned i = 0; i < MOST_STEPS && in.left; i++)
        steps[take(&in, 1) % FUZZ_STEPS](w, &in);
    world_check(w);
    return 0;
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    bool empty = true;

    if (!d)
        return false;
    while ((e = readdir(d)))
        empty = empty && e->d_name[0] == '.';
    closedir(d);
    return empty;
}

static void write_seed(const char *dir, unsigned n, const uint8_t *buf, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/seed-%03u", dir, n);
    f = fopen(path, "w");
    if (!f || fwrite(buf, 1, len, f) != len || fclose(f))
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static uint8_t buf[FUZZ_SEED_MAX];
    const char *dir = NULL;
    size_t len;

    for (int i = *argc - 1; i > 0; i--)
        if ((*argv)[i][0] != '-')
            dir = (*argv)[i];
    if (dir && is_empty(dir))
        for (unsigned n = 0; (len = fuzz_seed(n, buf)); n++)
            write_seed(dir, n, buf, len);
    return 0;
}
