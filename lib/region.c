/* SPDX-License-Identifier: MIT */
/*
 * Making, mapping and checking shared regions; see region.h. Called at attach, no threads.
 */
#include "lib/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGION_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static uint64_t file_size(uint64_t payload)
{
    return (REGION_HEADER + payload + 4095) & ~4095ull;
}

static int fill(int fd, uint32_t type, uint32_t version, uint64_t size)
{
    struct region_header header = {
        .magic = REGION_MAGIC, .type = type, .version = version, .size = size, .generation = 1};
    ssize_t n;

    if (ftruncate(fd, (off_t)file_size(size)))
        return -errno;
    n = pwrite(fd, &header, sizeof(header), 0);
    if (n != sizeof(header))
        return n < 0 ? -errno : -EIO;
    return fcntl(fd, F_ADD_SEALS, REGION_SEALS) ? -errno : 0;
}

int region_create(const char *name, uint32_t type, uint32_t version, uint64_t size, int *fd)
{
    int memfd, err;

    if (!size || size > REGION_MAX || !version)
        return -EINVAL;
    memfd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0)
        return -errno;
    err = fill(memfd, type, version, size);
    if (err) {
        close(memfd);
        return err;
    }
    *fd = memfd;
    return 0;
}

int region_reopen_readonly(int fd)
{
    char path[32];
    int ro;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ro = open(path, O_RDONLY | O_CLOEXEC);
    return ro < 0 ? -errno : ro;
}

static int check_file(int fd, uint64_t *size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);

    if (seals < 0)
        return errno == EINVAL ? -EPERM : -errno;
    if ((seals & REGION_SEALS) != REGION_SEALS)
        return -EPERM;
    if (fstat(fd, &st))
        return -errno;
    if (st.st_size <= (off_t)REGION_HEADER)
        return -EBADMSG;
    *size = (uint64_t)st.st_size;
    return 0;
}

static int check_header(const struct region_header *h, uint64_t size, uint32_t type,
                        uint32_t version)
{
    if (h->magic != REGION_MAGIC || h->type != type || !h->version)
        return -EBADMSG;
    if (h->version > version)
        return -EPROTONOSUPPORT;
    if (!h->size || h->size > REGION_MAX || file_size(h->size) != size)
        return -EBADMSG;
    return 0;
}

int region_map(int fd, uint32_t type, uint32_t version, uint64_t min_size, bool writable,
               struct region *region)
{
    struct region_header header;
    uint64_t size = 0;
    char *base;
    int err;

    memset(region, 0, sizeof(*region));
    err = check_file(fd, &size);
    if (err)
        return err;
    base = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    memcpy(&header, base, sizeof(header));
    err = check_header(&header, size, type, version);
    if (!err && header.size < min_size)
        err = -EBADMSG;
    if (err) {
        munmap(base, size);
        region->version = err == -EPROTONOSUPPORT ? header.version : 0;
        return err;
    }
    *region = (struct region){.data = base + REGION_HEADER,
                              .size = header.size,
                              .version = header.version,
                              .header = (struct region_header *)base,
                              .writable = writable};
    return 0;
}

void region_unmap(struct region *region)
{
    if (region->header)
        munmap(region->header, file_size(region->size));
    memset(region, 0, sizeof(*region));
}

uint64_t region_generation(const struct region *region)
{
    return atomic_load(&region->header->generation);
}

uint64_t region_bump(struct region *region)
{
    assert(region->writable);
    return atomic_fetch_add(&region->header->generation, 1) + 1;
}
