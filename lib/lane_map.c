/* SPDX-License-Identifier: MIT */
/*
 * Making, sealing, mapping and checking the shared memory of a lane. Owns nothing once it has
 * returned. Called by the broker (create) and by both ends (map); no threads.
 */
#include "lib/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LANE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static uint64_t lane_size(uint32_t slots)
{
    uint64_t bytes = LANE_PAGE + (uint64_t)slots * LANE_SLOT;

    /* Two lines for a call lane's payloads also fit in the one page a single slot takes. */
    return (bytes + LANE_PAGE - 1) & ~(uint64_t)(LANE_PAGE - 1);
}

static bool slots_valid(uint32_t kind, uint32_t slots)
{
    if (kind == LANE_CALL)
        return slots == 1;
    return kind == LANE_STREAM && slots && slots <= LANE_MAX_SLOTS && !(slots & (slots - 1));
}

static int write_config(int fd, const struct lane_config *config)
{
    struct lane_header header = {.config = *config};
    ssize_t n;

    n = pwrite(fd, &header, sizeof(header), 0);
    if (n < 0)
        return -errno;
    return n == sizeof(header) ? 0 : -EIO;
}

int lane_create(const char *name, enum lane_kind kind, uint32_t slots, uint32_t layout, int *fd)
{
    struct lane_config config = {
        .magic = LANE_MAGIC,
        .version = LANE_VERSION,
        .kind = kind,
        .layout = layout,
        .slots = slots,
        .slot_size = LANE_SLOT,
        .slots_offset = LANE_PAGE,
        .size = lane_size(slots),
    };
    int memfd, err;

    if (!slots_valid(kind, slots) || strlen(name) >= sizeof(config.name))
        return -EINVAL;
    memcpy(config.name, name, strlen(name));
    memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0)
        return -errno;
    err = ftruncate(memfd, (off_t)config.size) ? -errno : write_config(memfd, &config);
    if (!err && fcntl(memfd, F_ADD_SEALS, LANE_SEALS))
        err = -errno;
    if (err) {
        close(memfd);
        return err;
    }
    *fd = memfd;
    return 0;
}

static int check_file(int fd, uint64_t *size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0)
        return errno == EINVAL ? -EPERM : -errno;
    if ((seals & LANE_SEALS) != LANE_SEALS)
        return -EPERM;
    if (fstat(fd, &st))
        return -errno;
    if (st.st_size < (off_t)(2 * LANE_PAGE))
        return -EBADMSG;
    *size = (uint64_t)st.st_size;
    return 0;
}

static int check_config(const struct lane_config *c, uint64_t size, enum lane_kind kind,
                        uint32_t layout)
{
    if (c->magic != LANE_MAGIC)
        return -EBADMSG;
    if (c->version != LANE_VERSION)
        return c->version > LANE_VERSION ? -EPROTONOSUPPORT : -EBADMSG;
    if (c->kind != (uint32_t)kind || !slots_valid(c->kind, c->slots))
        return -EBADMSG;
    if (c->slot_size != LANE_SLOT || c->slots_offset != LANE_PAGE)
        return -EBADMSG;
    if (c->size != size || size != lane_size(c->slots))
        return -EBADMSG;
    return c->layout == layout ? 0 : -EPROTONOSUPPORT;
}

int lane_map(int fd, enum lane_kind kind, uint32_t layout, struct lane_mem *mem)
{
    uint64_t size = 0;
    void *base;
    int err;

    memset(mem, 0, sizeof(*mem));
    err = check_file(fd, &size);
    if (err)
        return err;
    base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    memcpy(&mem->config, base, sizeof(mem->config));
    err = check_config(&mem->config, size, kind, layout);
    if (err) {
        munmap(base, size);
        return err;
    }
    mem->config.name[sizeof(mem->config.name) - 1] = 0;
    mem->shared = base;
    mem->slots = (struct lane_slot *)((char *)base + LANE_PAGE);
    return 0;
}

void lane_unmap(struct lane_mem *mem)
{
    if (mem->shared)
        munmap(mem->shared, mem->config.size);
    mem->shared = NULL;
    mem->slots = NULL;
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void lane_stats(const struct lane_mem *mem, struct lane_stats *out)
{
    const struct lane_producer_line *p = &mem->shared->producer;
    const struct lane_consumer_line *c = &mem->shared->consumer;

    *out = (struct lane_stats){
        .batches = load(&p->batches),
        .messages = load(&p->messages),
        .full = load(&p->full),
        .wakes_sent = load(&p->wakes_sent),
        .wakes_suppressed = load(&p->wakes_suppressed),
        .consumed = load(&c->messages),
        .sleeps = load(&c->sleeps),
        .rearm_lost = load(&c->rearm_lost),
        .room_sent = load(&c->wakes_sent),
        .room_suppressed = load(&c->wakes_suppressed),
        .depth = atomic_load_explicit(&p->tail, memory_order_relaxed) -
                 atomic_load_explicit(&c->head, memory_order_relaxed),
    };
}
