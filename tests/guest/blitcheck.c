/* SPDX-License-Identifier: MIT */
/*
 * blitcheck.c: copies random rectangles between buffers with the GPU's blitter (XY_SRC_COPY_BLT,
 * PRM "Blitter Engine", gen7.5 and gen8 forms), does the same copies with the processor on plain
 * memory, and compares every byte of every buffer written. Runs in test guests, on i915's ioctls
 * alone. One thread.
 *
 * Prints "VGT: copies_verified=N copies_wrong=M batches=K ...". Status 0 when none was wrong.
 * SIGTERM ends it as if enough had been done; --report S says every S seconds how far it is, and
 * how long the longest batch since took: what a stop of the virtual GPU looks like from here.
 * --rate N makes at most N batches a second, as a program does that draws frames.
 */
#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <i915_drm.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS     8
#define BATCH_BYTES 4096
#define MAX_COPIES  16 /* per batch */
#define PITCH       1024
#define ROWS        256
#define BUF_BYTES   (PITCH * ROWS)

#define XY_SRC_COPY       (2u << 29 | 0x53u << 22)
#define BLT_WRITE_ARGB    (3u << 20) /* for 32 bits per pixel */
#define ROP_COPY          (0xccu << 16)
#define MI_BATCH_END      (0x0au << 23)
#define RELOCS_PER_COPY   2
#define GEN8_48BIT_OBJECT EXEC_OBJECT_SUPPORTS_48B_ADDRESS

struct buffer {
    uint32_t handle;
    uint8_t *map;    /* the GPU's bytes */
    uint8_t *expect; /* what they must be */
    uint8_t *before; /* what they were when the batch was made */
};

struct copy {
    unsigned src, dst, bytes_pp;
    unsigned sx, sy, dx, dy, w, h; /* pixels of bytes_pp */
    bool wrong;
};

struct check {
    int fd;
    bool gen8;
    uint64_t rng;
    struct buffer buf[BUFFERS];
    struct buffer batch;
    struct copy copy[MAX_COPIES];
    unsigned copies;
    struct drm_i915_gem_relocation_entry reloc[MAX_COPIES * RELOCS_PER_COPY];
    unsigned relocs;
    unsigned long verified, wrong, batches, stray;
    double pause, longest_pause; /* s: the longest batch since the last report, and of all */
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
    (void)sig;
    stop = 1;
}

static uint32_t rnd(struct check *c, uint32_t below)
{
    c->rng ^= c->rng << 13;
    c->rng ^= c->rng >> 7;
    c->rng ^= c->rng << 17;
    return (uint32_t)((c->rng >> 16) % below);
}

static int gem(int fd, unsigned long request, void *arg)
{
    int rc;

    do {
        rc = ioctl(fd, request, arg);
    } while (rc < 0 && (errno == EINTR || errno == EAGAIN));
    return rc < 0 ? -errno : 0;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A buffer object mapped write-back; both GPUs share the processor's cache. */
static int buffer_new(struct check *c, struct buffer *b, uint64_t size)
{
    struct drm_i915_gem_create create = {.size = size};
    int rc = gem(c->fd, DRM_IOCTL_I915_GEM_CREATE, &create);

    if (rc)
        return rc;
    struct drm_i915_gem_mmap_offset map = {.handle = create.handle, .flags = I915_MMAP_OFFSET_WB};
    rc = gem(c->fd, DRM_IOCTL_I915_GEM_MMAP_OFFSET, &map);
    if (rc)
        return rc;
    b->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, (off_t)map.offset);
    if (b->map == MAP_FAILED)
        return -errno;
    b->handle = create.handle;
    b->expect = malloc(size);
    b->before = malloc(size);
    return b->expect && b->before ? 0 : -ENOMEM;
}

/* Wait until the GPU is done with b and make its bytes the processor's. */
static int buffer_wait(struct check *c, struct buffer *b, bool write)
{
    struct drm_i915_gem_set_domain d = {.handle = b->handle,
                                        .read_domains = I915_GEM_DOMAIN_CPU,
                                        .write_domain = write ? I915_GEM_DOMAIN_CPU : 0};

    return gem(c->fd, DRM_IOCTL_I915_GEM_SET_DOMAIN, &d);
}

static int fill_buffers(struct check *c)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct buffer *b = &c->buf[i];
        int rc = buffer_new(c, b, BUF_BYTES);
        if (!rc)
            rc = buffer_wait(c, b, true);
        if (rc)
            return rc;
        for (unsigned j = 0; j < BUF_BYTES; j += 4) {
            uint32_t v = rnd(c, UINT32_MAX);
            memcpy(b->expect + j, &v, 4);
        }
        memcpy(b->map, b->expect, BUF_BYTES);
    }
    return buffer_new(c, &c->batch, BATCH_BYTES);
}

static void random_copy(struct check *c, struct copy *k)
{
    unsigned width;

    k->bytes_pp = 1u << rnd(c, 3);
    width = PITCH / k->bytes_pp;
    k->src = rnd(c, BUFFERS);
    k->dst = (k->src + 1 + rnd(c, BUFFERS - 1)) % BUFFERS;
    k->w = 1 + rnd(c, width);
    k->h = 1 + rnd(c, ROWS);
    k->sx = rnd(c, width - k->w + 1);
    k->dx = rnd(c, width - k->w + 1);
    k->sy = rnd(c, ROWS - k->h + 1);
    k->dy = rnd(c, ROWS - k->h + 1);
    k->wrong = false;
}

/* An address in the batch, for the kernel to fill in: 1 dword before gen8, 2 from there on. */
static uint32_t *put_address(struct check *c, uint32_t *p, unsigned target, bool write)
{
    c->reloc[c->relocs++] = (struct drm_i915_gem_relocation_entry){
        .target_handle = c->buf[target].handle,
        .offset = (uint64_t)((uint8_t *)p - c->batch.expect),
        .presumed_offset = UINT64_MAX,
        .read_domains = I915_GEM_DOMAIN_RENDER,
        .write_domain = write ? I915_GEM_DOMAIN_RENDER : 0,
    };
    *p++ = 0;
    if (c->gen8)
        *p++ = 0;
    return p;
}

static uint32_t *put_copy(struct check *c, uint32_t *p, const struct copy *k)
{
    /* BR13 bits 25:24: 0 = 8, 1 = 16 (565), 3 = 32 bits per pixel */
    uint32_t depth = k->bytes_pp == 4 ? 3u << 24 : k->bytes_pp == 2 ? 1u << 24 : 0;

    *p++ = XY_SRC_COPY | (k->bytes_pp == 4 ? BLT_WRITE_ARGB : 0) | (c->gen8 ? 8 : 6);
    *p++ = depth | ROP_COPY | PITCH;
    *p++ = k->dy << 16 | k->dx;
    *p++ = (k->dy + k->h) << 16 | (k->dx + k->w);
    p = put_address(c, p, k->dst, true);
    *p++ = k->sy << 16 | k->sx;
    *p++ = PITCH;
    return put_address(c, p, k->src, false);
}

static void expect_copy(struct check *c, const struct copy *k)
{
    for (unsigned y = 0; y < k->h; y++)
        memcpy(c->buf[k->dst].expect + (k->dy + y) * PITCH + k->dx * k->bytes_pp,
               c->buf[k->src].expect + (k->sy + y) * PITCH + k->sx * k->bytes_pp,
               k->w * k->bytes_pp);
}

static int submit(struct check *c, uint32_t len)
{
    struct drm_i915_gem_exec_object2 obj[BUFFERS + 1] = {0};
    struct drm_i915_gem_execbuffer2 eb = {.buffers_ptr = (uintptr_t)obj,
                                          .buffer_count = BUFFERS + 1,
                                          .batch_len = len,
                                          .flags = I915_EXEC_BLT};

    for (unsigned i = 0; i < BUFFERS; i++) {
        obj[i].handle = c->buf[i].handle;
        /* Half of them above 4 GiB, when the address space is that large. */
        if (c->gen8 && (i & 1))
            obj[i].flags = GEN8_48BIT_OBJECT;
    }
    obj[BUFFERS].handle = c->batch.handle;
    obj[BUFFERS].relocation_count = c->relocs;
    obj[BUFFERS].relocs_ptr = (uintptr_t)c->reloc;
    return gem(c->fd, DRM_IOCTL_I915_GEM_EXECBUFFER2, &eb);
}

static int build_and_submit(struct check *c, unsigned copies)
{
    uint32_t *start = (uint32_t *)(void *)c->batch.expect, *p = start;

    c->relocs = 0;
    c->copies = copies;
    for (unsigned i = 0; i < BUFFERS; i++)
        memcpy(c->buf[i].before, c->buf[i].expect, BUF_BYTES);
    for (unsigned i = 0; i < copies; i++) {
        random_copy(c, &c->copy[i]);
        p = put_copy(c, p, &c->copy[i]);
        expect_copy(c, &c->copy[i]);
    }
    *p++ = MI_BATCH_END;
    if ((p - start) & 1)
        *p++ = 0;
    uint32_t len = (uint32_t)((p - start) * 4);
    int rc = buffer_wait(c, &c->batch, true);
    if (rc)
        return rc;
    memcpy(c->batch.map, start, len);
    return submit(c, len);
}

/* How often the driver has reset the GPU, or lost work of ours, since it was loaded. */
static struct drm_i915_reset_stats resets(const struct check *c)
{
    struct drm_i915_reset_stats r = {0};

    gem(c->fd, DRM_IOCTL_I915_GET_RESET_STATS, &r);
    return r;
}

/* Where the bytes of a buffer are wrong, and whether they are what they were before this batch: a
 * copy that was not made looks otherwise than one from or to the wrong place. */
static void tell_wrong(const struct check *c, unsigned buffer)
{
    const struct buffer *b = &c->buf[buffer];
    struct drm_i915_reset_stats r;
    unsigned first = BUF_BYTES, last = 0, bytes = 0, stale = 0, zero = 0;

    for (unsigned at = 0; at < BUF_BYTES; at++) {
        if (b->map[at] == b->expect[at])
            continue;
        first = at < first ? at : first;
        last = at;
        bytes++;
        stale += b->map[at] == b->before[at];
        zero += !b->map[at];
    }
    r = resets(c);
    printf("VGT: wrong_at=%.2f batch=%lu copies=%u buffer=%u first=%u last=%u bytes=%u stale=%u "
           "zero=%u got=%02x want=%02x resets=%u lost=%u\n",
           now(), c->batches, c->copies, buffer, first, last, bytes, stale, zero, b->map[first],
           b->expect[first], r.reset_count, r.batch_active + r.batch_pending);
}

/* Blame the last copy of this batch that should have written the byte; stray when none. */
static void blame(struct check *c, unsigned buffer, unsigned at)
{
    for (unsigned i = c->copies; i-- > 0;) {
        struct copy *k = &c->copy[i];
        unsigned x = at % PITCH / k->bytes_pp, y = at / PITCH;
        if (k->dst == buffer && x >= k->dx && x < k->dx + k->w && y >= k->dy && y < k->dy + k->h) {
            k->wrong = true;
            return;
        }
    }
    c->stray++;
}

static int verify(struct check *c)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        struct buffer *b = &c->buf[i];
        int rc = buffer_wait(c, b, false);
        if (rc)
            return rc;
        /* Sources too: a copy must not write anywhere else. */
        if (!memcmp(b->map, b->expect, BUF_BYTES))
            continue;
        tell_wrong(c, i);
        for (unsigned at = 0; at < BUF_BYTES; at++)
            if (b->map[at] != b->expect[at])
                blame(c, i, at);
        memcpy(b->expect, b->map, BUF_BYTES);
    }
    for (unsigned i = 0; i < c->copies; i++) {
        if (c->copy[i].wrong)
            c->wrong++;
        else
            c->verified++;
    }
    c->batches++;
    return 0;
}

static int open_gpu(struct check *c, const char *device)
{
    int id = 0, blt = 0;
    struct drm_i915_getparam chip = {.param = I915_PARAM_CHIPSET_ID, .value = &id};
    struct drm_i915_getparam has_blt = {.param = I915_PARAM_HAS_BLT, .value = &blt};

    c->fd = open(device, O_RDWR | O_CLOEXEC);
    if (c->fd < 0)
        return -errno;
    int rc = gem(c->fd, DRM_IOCTL_I915_GETPARAM, &chip);
    if (!rc)
        rc = gem(c->fd, DRM_IOCTL_I915_GETPARAM, &has_blt);
    if (rc)
        return rc;
    c->gen8 = (id & 0xff00) == 0x1600; /* Broadwell's ids; the others served here are gen7.5 */
    printf("VGT: chip=%04x blt=%d\n", (unsigned)id, blt);
    return blt ? 0 : -ENODEV;
}

static void note_pause(struct check *c, double took)
{
    if (took > c->pause)
        c->pause = took;
    if (took > c->longest_pause)
        c->longest_pause = took;
}

/* A signal may shorten it: nobody minds. */
static void sleep_until(double when)
{
    double left = when - now();

    if (left > 0)
        nanosleep(&(struct timespec){.tv_sec = (time_t)left,
                                     .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)},
                  NULL);
}

static int run(struct check *c, unsigned long count, double seconds, double report, double rate)
{
    double end = now() + seconds, next = now() + report;

    while (!stop && (c->verified + c->wrong < count || now() < end)) {
        if (report > 0 && now() >= next) {
            printf("VGT: blit_so_far=%lu pause_ms=%.0f\n", c->verified, c->pause * 1e3);
            c->pause = 0;
            next = now() + report;
        }
        double begin = now();
        int rc = build_and_submit(c, 1 + rnd(c, MAX_COPIES));
        if (!rc)
            rc = verify(c);
        if (rc)
            return rc;
        note_pause(c, now() - begin);
        if (rate > 0)
            sleep_until(begin + 1 / rate);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"count", 1, NULL, 'c'},
                                            {"seconds", 1, NULL, 's'},
                                            {"seed", 1, NULL, 'r'},
                                            {"device", 1, NULL, 'd'},
                                            {"report", 1, NULL, 'p'},
                                            {"rate", 1, NULL, 'f'},
                                            {0}};
    const char *device = "/dev/dri/renderD128";
    unsigned long count = 1000;
    uint64_t seed = 1;
    double seconds = 0, report = 0, rate = 0;
    static struct check c;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'c')
            count = strtoul(optarg, NULL, 0);
        else if (opt == 's')
            seconds = strtod(optarg, NULL);
        else if (opt == 'r')
            seed = strtoull(optarg, NULL, 0);
        else if (opt == 'p')
            report = strtod(optarg, NULL);
        else if (opt == 'f')
            rate = strtod(optarg, NULL);
        else if (opt == 'd')
            device = optarg;
        else
            return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_term);
    c.rng = seed * 0x9e3779b97f4a7c15ull | 1;
    int rc = open_gpu(&c, device);
    if (!rc)
        rc = fill_buffers(&c);
    uint32_t resets_before = rc ? 0 : resets(&c).reset_count;
    double t0 = now();
    if (!rc)
        rc = run(&c, count, seconds, report, rate);
    if (rc)
        printf("VGT: blit_error=%s\n", strerror(-rc));
    if (c.fd >= 0)
        printf("VGT: gpu_resets=%u\n", resets(&c).reset_count - resets_before);
    printf("VGT: copies_verified=%lu copies_wrong=%lu batches=%lu stray_bytes=%lu seconds=%.2f "
           "longest_pause_ms=%.0f\n",
           c.verified, c.wrong, c.batches, c.stray, now() - t0, c.longest_pause * 1e3);
    return rc || c.wrong || c.stray ? 1 : 0;
}
