/* SPDX-License-Identifier: MIT */
/*
 * bare.c: no machine but memory and softgpu; see machine.h. Frame n of the memory is at bus address
 * n * 4096; accesses at BAR0 go to the GPU, all others to memory. One thread.
 */
#include "tests/rig/machine.h"
#include "tests/rig/vfu_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REGION_BAR0 = 0, REGION_CONFIG = 7 };

struct bare {
    struct vfu_client *gpu;
    int memory, event;
};

static bool in_ram(const struct machine *m, uint64_t gpa, unsigned size)
{
    return gpa < m->pages * SHM_PAGE && size <= m->pages * SHM_PAGE - gpa;
}

static int bare_read(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t *data)
{
    struct bare *b = m->self;

    (void)vcpu;
    *data = 0;
    if (gpa >= MACHINE_BAR0)
        return vfu_client_read(b->gpu, REGION_BAR0, gpa - MACHINE_BAR0, data, size);
    if (!in_ram(m, gpa, size))
        return -ENXIO;
    memcpy(data, m->ram + gpa, size);
    return 0;
}

static int bare_write(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t data)
{
    struct bare *b = m->self;

    (void)vcpu;
    if (gpa >= MACHINE_BAR0)
        return vfu_client_post(b->gpu, REGION_BAR0, gpa - MACHINE_BAR0, &data, size);
    if (!in_ram(m, gpa, size))
        return -ENXIO;
    memcpy(m->ram + gpa, &data, size);
    return 0;
}

static int bare_config_read(struct machine *m, uint32_t at, unsigned size, uint64_t *data)
{
    struct bare *b = m->self;

    *data = 0;
    return vfu_client_read(b->gpu, REGION_CONFIG, at, data, size);
}

static int bare_config_write(struct machine *m, uint32_t at, unsigned size, uint64_t data)
{
    struct bare *b = m->self;

    return vfu_client_write(b->gpu, REGION_CONFIG, at, &data, size);
}

/* softgpu signals the event whatever address and data it was given. */
static int bare_msi(struct machine *m, unsigned most_ms, struct shm_msi *msi)
{
    struct bare *b = m->self;
    struct pollfd p = {b->event, POLLIN, 0};
    uint64_t n;

    if (poll(&p, 1, (int)most_ms) != 1 || read(b->event, &n, sizeof(n)) != sizeof(n))
        return 0;
    *msi = (struct shm_msi){MACHINE_MSI, 0};
    return 1;
}

static int make_memory(struct machine *m, struct bare *b)
{
    uint64_t bytes = m->pages * SHM_PAGE;
    void *ram;

    b->memory = memfd_create("bare", MFD_CLOEXEC);
    if (b->memory < 0 || ftruncate(b->memory, (off_t)bytes))
        return -errno;
    ram = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->memory, 0);
    if (ram == MAP_FAILED)
        return -ENOMEM;
    m->ram = ram;
    return 0;
}

static int attach(struct machine *m, struct bare *b, const char *path)
{
    int rc = vfu_client_new(path, &b->gpu);

    b->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!rc)
        rc = b->event < 0 ? -errno : vfu_client_reset(b->gpu);
    if (!rc)
        rc = vfu_client_map(b->gpu, 0, m->pages * SHM_PAGE, b->memory, 0);
    return rc ? rc : vfu_client_msi(b->gpu, b->event);
}

int machine_bare(struct machine *m, const char *path, uint64_t pages)
{
    static const struct machine_ops ops = {bare_read, bare_write, bare_config_read,
                                           bare_config_write, bare_msi};
    struct bare *b = calloc(1, sizeof(*b));
    int rc;

    if (!b)
        return -ENOMEM;
    *b = (struct bare){.memory = -1, .event = -1};
    *m = (struct machine){.ops = &ops, .self = b, .pages = pages, .bare = true};
    rc = make_memory(m, b);
    if (!rc)
        rc = attach(m, b, path);
    if (rc)
        machine_bare_end(m);
    return rc;
}

void machine_bare_end(struct machine *m)
{
    struct bare *b = m->self;

    vfu_client_free(b->gpu);
    if (m->ram)
        munmap(m->ram, m->pages * SHM_PAGE);
    if (b->memory >= 0)
        close(b->memory);
    if (b->event >= 0)
        close(b->event);
    free(b);
}
