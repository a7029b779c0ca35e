/* SPDX-License-Identifier: MIT */
/* vcpu.c: see vcpu.h; the protocol is in vmm/shm/layout.h. */
#include "tests/rig/vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- the files */

static int make_file(struct rig_guest *g, const char *name, uint64_t bytes, void **map)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/%s", g->dir, name);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (!ftruncate(fd, (off_t)bytes))
        *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (*map && *map != MAP_FAILED)
        return fd;
    close(fd);
    return -ENOMEM;
}

static int make_fifo(struct rig_guest *g)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/wake", g->dir);
    if (mkfifo(path, 0600))
        return -errno;
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The magic comes last: a reader sees a whole header or none. */
static int make_files(struct rig_guest *g)
{
    struct flock life = {.l_type = F_WRLCK, .l_start = SHM_LOCK_LIFE, .l_len = 1};
    void *ram = NULL, *state = NULL;

    g->ram_fd = make_file(g, "ram", g->pages * SHM_PAGE, &ram);
    if (g->ram_fd < 0)
        return g->ram_fd;
    g->ram = ram;
    g->wake_fd = make_fifo(g);
    if (g->wake_fd < 0)
        return g->wake_fd;
    g->state_fd = make_file(g, "state", shm_state_bytes(g->pages), &state);
    if (g->state_fd < 0)
        return g->state_fd;
    g->s = state;
    g->frame = (uint8_t *)state + SHM_FRAMES_AT;
    if (fcntl(g->state_fd, F_OFD_SETLK, &life))
        return -errno;
    g->s->version = SHM_VERSION;
    g->s->domid = g->domid;
    g->s->pages = g->pages;
    g->s->nr_vcpus = g->nr_vcpus;
    __atomic_store_n(&g->s->magic, SHM_MAGIC, __ATOMIC_RELEASE);
    return 0;
}

int rig_guest_new(struct rig_guest *g, const char *dir, uint32_t domid, uint64_t pages,
                  uint16_t nr_vcpus)
{
    int rc;

    if (!pages || pages > SHM_MAX_PAGES || !nr_vcpus || nr_vcpus > VMM_MAX_VCPUS)
        return -EINVAL;
    *g = (struct rig_guest){.domid = domid,
                            .pages = pages,
                            .nr_vcpus = nr_vcpus,
                            .state_fd = -1,
                            .ram_fd = -1,
                            .wake_fd = -1};
    if ((size_t)snprintf(g->dir, sizeof g->dir, "%s/%u", dir, domid) >= sizeof g->dir)
        return -ENAMETOOLONG;
    if (mkdir(g->dir, 0700))
        return -errno;
    rc = make_files(g);
    if (rc)
        rig_guest_free(g);
    return rc;
}

void rig_guest_end(struct rig_guest *g)
{
    if (g->s)
        munmap(g->s, shm_state_bytes(g->pages));
    if (g->ram)
        munmap(g->ram, g->pages * SHM_PAGE);
    if (g->state_fd >= 0)
        close(g->state_fd);
    if (g->ram_fd >= 0)
        close(g->ram_fd);
    if (g->wake_fd >= 0)
        close(g->wake_fd);
    g->s = NULL;
    g->ram = NULL;
    g->state_fd = g->ram_fd = g->wake_fd = -1;
}

void rig_guest_free(struct rig_guest *g)
{
    static const char *const names[] = {"state", "ram", "wake"};
    char path[300];

    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", g->dir, names[i]);
        unlink(path);
    }
    rmdir(g->dir);
    rig_guest_end(g);
}

/* ---- sleeping */

/* Returns when *word may have changed. Killing changes no word that is slept on, so a sleeper looks
 * ten times a second. */
static void sleep_on(const uint32_t *word, uint32_t value, unsigned most_ms)
{
    unsigned ms = most_ms && most_ms < 100 ? most_ms : 100;
    struct timespec limit = {0, ms * 1000000l};

    syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

static bool killed(const struct rig_guest *g)
{
    return __atomic_load_n(&g->s->killed, __ATOMIC_ACQUIRE);
}

const char *rig_killed(const struct rig_guest *g)
{
    return killed(g) ? g->s->why : NULL;
}

static void crash(struct rig_guest *g, const char *why)
{
    snprintf(g->s->why, sizeof g->s->why, "%s", why);
    __atomic_store_n(&g->s->killed, 1, __ATOMIC_SEQ_CST);
}

/* ---- the beginning and the end of an access */

static void step(struct shm_slot *s)
{
    __atomic_store_n(&s->inside, s->inside + 1, __ATOMIC_SEQ_CST);
}

/* Inside first, then the look: pausing is the same the other way round. */
static int enter(struct rig_guest *g, struct shm_slot *s)
{
    uint32_t paused;

    for (;;) {
        step(s);
        paused = __atomic_load_n(&g->s->paused, __ATOMIC_SEQ_CST);
        if (!paused && !killed(g))
            return 0;
        step(s);
        if (killed(g))
            return -ESHUTDOWN;
        sleep_on(&g->s->paused, paused, 0);
    }
}

/* As Xen has it: all of an access lies in one range, or nobody is asked. */
static bool traps(const struct rig_guest *g, uint64_t gpa, unsigned size)
{
    for (unsigned i = 0; i < VMM_MAX_RANGES; i++) {
        uint64_t len = __atomic_load_n(&g->s->range[i].len, __ATOMIC_SEQ_CST);
        uint64_t start = __atomic_load_n(&g->s->range[i].start, __ATOMIC_SEQ_CST);

        if (len >= size && gpa - start <= len - size)
            return true;
    }
    return false;
}

static uint8_t frame_of(const struct rig_guest *g, uint64_t gpa)
{
    if (gpa / SHM_PAGE >= g->pages)
        return SHM_FRAME_ABSENT;
    return __atomic_load_n(&g->frame[gpa / SHM_PAGE], __ATOMIC_SEQ_CST);
}

static void wake_emulator(struct rig_guest *g)
{
    ssize_t n;

    do {
        n = write(g->wake_fd, "", 1);
    } while (n < 0 && errno == EINTR);
}

static int await(struct rig_guest *g, struct shm_slot *s, uint64_t *data)
{
    uint32_t state;

    while ((state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE)) != SHM_RESP) {
        if (killed(g))
            return -ESHUTDOWN;
        sleep_on(&s->state, state, 0);
    }
    if (data)
        *data = s->data;
    __atomic_store_n(&s->state, SHM_FREE, __ATOMIC_SEQ_CST);
    return 0;
}

static int hand_over(struct rig_guest *g, const struct vmm_access *a, uint64_t *data)
{
    struct shm_slot *s = &g->s->slot[a->vcpu];

    s->addr = a->addr;
    s->data = a->data;
    s->count = a->count;
    s->size = a->size;
    s->kind = a->space == VMM_CONFIG ? SHM_CONFIG : SHM_COPY;
    s->write = a->write;
    s->backwards = a->backwards;
    s->indirect = a->indirect;
    __atomic_store_n(&s->state, SHM_READY, __ATOMIC_SEQ_CST);
    wake_emulator(g);
    return await(g, s, data);
}

/* The second emulation takes the answer only if the frame traps still. */
static int protected_write(struct rig_guest *g, const struct vmm_access *a)
{
    int rc = hand_over(g, a, NULL);

    if (rc || frame_of(g, a->addr) & SHM_FRAME_PROTECTED)
        return rc;
    crash(g, "a page stopped trapping under an access");
    return -EPROTO;
}

static int ram_access(struct rig_guest *g, const struct vmm_access *a, uint64_t *data)
{
    uint8_t frame = frame_of(g, a->addr);

    if (frame & SHM_FRAME_ABSENT) {
        if (data)
            *data = ~0ull;
        return -ENXIO;
    }
    if (a->write && frame & SHM_FRAME_PROTECTED)
        return protected_write(g, a);
    if (a->write) {
        memcpy(g->ram + a->addr, &a->data, a->size);
    } else {
        *data = 0;
        memcpy(data, g->ram + a->addr, a->size);
    }
    return 0;
}

static int perform(struct rig_guest *g, const struct vmm_access *a, uint64_t *data)
{
    struct shm_slot *s = &g->s->slot[a->vcpu];
    int rc = enter(g, s);

    if (rc)
        return rc;
    if (a->space == VMM_CONFIG || traps(g, a->addr, a->size))
        rc = hand_over(g, a, data);
    else
        rc = ram_access(g, a, data);
    step(s);
    return rc;
}

int vcpu_read(struct rig_guest *g, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t *data)
{
    struct vmm_access a = {.addr = gpa, .count = 1, .vcpu = vcpu, .size = (uint8_t)size};

    return perform(g, &a, data);
}

int vcpu_write(struct rig_guest *g, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t data)
{
    struct vmm_access a = {
        .addr = gpa, .data = data, .count = 1, .vcpu = vcpu, .size = (uint8_t)size, .write = true};

    return perform(g, &a, NULL);
}

int vcpu_config_read(struct rig_guest *g, uint16_t vcpu, uint32_t at, unsigned size, uint64_t *data)
{
    struct vmm_access a = {
        .addr = at, .count = 1, .vcpu = vcpu, .space = VMM_CONFIG, .size = (uint8_t)size};

    return perform(g, &a, data);
}

int vcpu_config_write(struct rig_guest *g, uint16_t vcpu, uint32_t at, unsigned size, uint64_t data)
{
    struct vmm_access a = {.addr = at,
                           .data = data,
                           .count = 1,
                           .vcpu = vcpu,
                           .space = VMM_CONFIG,
                           .size = (uint8_t)size,
                           .write = true};

    return perform(g, &a, NULL);
}

int vcpu_trap(struct rig_guest *g, const struct vmm_access *a, uint64_t *data)
{
    struct shm_slot *s = &g->s->slot[a->vcpu];
    int rc = enter(g, s);

    if (rc)
        return rc;
    rc = hand_over(g, a, data);
    step(s);
    return rc;
}

/* ---- the rest of the machine */

int rig_msi(struct rig_guest *g, unsigned most_ms, struct shm_msi *msi)
{
    uint32_t head = g->s->msi_head, tail = __atomic_load_n(&g->s->msi_tail, __ATOMIC_ACQUIRE);

    if (head == tail && most_ms && !killed(g)) {
        sleep_on(&g->s->msi_tail, tail, most_ms);
        tail = __atomic_load_n(&g->s->msi_tail, __ATOMIC_ACQUIRE);
    }
    if (head == tail)
        return 0;
    *msi = g->s->msi[head % SHM_MSIS];
    __atomic_store_n(&g->s->msi_head, head + 1, __ATOMIC_RELEASE);
    return 1;
}

void rig_balloon(struct rig_guest *g, uint64_t gfn, bool out)
{
    if (!out) {
        memset(g->ram + gfn * SHM_PAGE, 0, SHM_PAGE);
        __atomic_store_n(&g->frame[gfn], 0, __ATOMIC_SEQ_CST);
        return;
    }
    __atomic_store_n(&g->frame[gfn], SHM_FRAME_ABSENT, __ATOMIC_SEQ_CST);
    fallocate(g->ram_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(gfn * SHM_PAGE),
              SHM_PAGE);
}
