/* SPDX-License-Identifier: MIT */
/* bare_guest.c: as in bare_guest.h. Generation by the PCI id; its BAR0 has 4 MiB or 16. */
#include "tests/guest/bare_guest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define DEV "/sys/bus/pci/devices/0000:00:02.0"

struct bare_guest {
    volatile uint8_t *bar0;
    uint8_t *page[BARE_PAGES];
};

static volatile uint8_t *bar0_at(const struct bare *b, uint32_t at)
{
    return ((const struct bare_guest *)b->machine)->bar0 + at;
}

/* One access each: what the device sees is the point of it. */
uint64_t bare_load(const struct bare *b, uint32_t at, unsigned size)
{
    volatile uint8_t *p = bar0_at(b, at);

    switch (size) {
    case 1:
        return *p;
    case 2:
        return *(volatile uint16_t *)p;
    case 4:
        return *(volatile uint32_t *)p;
    default:
        return *(volatile uint64_t *)p;
    }
}

void bare_store(const struct bare *b, uint32_t at, unsigned size, uint64_t value)
{
    volatile uint8_t *p = bar0_at(b, at);

    switch (size) {
    case 1:
        *p = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)p = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)p = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)p = value;
    }
}

/* No larger accesses than entries': a page that is watched is emulated. */
void bare_put(const struct bare *b, unsigned page, unsigned offset, const void *data,
              unsigned bytes)
{
    volatile uint8_t *to = ((const struct bare_guest *)b->machine)->page[page] + offset;
    const uint8_t *from = data;

    for (; bytes >= 8 && !((uintptr_t)to & 7); bytes -= 8, to += 8, from += 8) {
        uint64_t v;
        memcpy(&v, from, 8);
        *(volatile uint64_t *)to = v;
    }
    for (; bytes >= 4; bytes -= 4, to += 4, from += 4) {
        uint32_t v;
        memcpy(&v, from, 4);
        *(volatile uint32_t *)to = v;
    }
    while (bytes--)
        *to++ = *from++;
}

uint32_t bare_get(const struct bare *b, unsigned page, unsigned offset)
{
    return *(volatile uint32_t *)(((const struct bare_guest *)b->machine)->page[page] + offset);
}

void bare_relax(const struct bare *b)
{
    (void)b; /* memory and time are all it waits for */
}

static uint64_t gfn_of(const void *page)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry = 0;
    ssize_t n = pread(fd, &entry, 8, (off_t)((uintptr_t)page / BARE_PAGE * 8));

    close(fd);
    return n == 8 && entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

static bool is_gen8(void)
{
    unsigned id = 0;
    FILE *f = fopen(DEV "/device", "r");

    if (f && fscanf(f, "%x", &id) != 1)
        id = 0;
    if (f)
        fclose(f);
    return (id & 0xff00) == 0x1600;
}

static int map(struct bare_guest *m, size_t size)
{
    int fd = open(DEV "/enable", O_WRONLY);

    if (fd < 0 || write(fd, "1", 1) != 1)
        return -1;
    close(fd);
    fd = open(DEV "/resource0", O_RDWR);
    if (fd < 0)
        return -1;
    m->bar0 = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return m->bar0 == MAP_FAILED ? -1 : 0;
}

int bare_set_up(struct bare *b)
{
    static struct bare_guest machine;

    b->machine = &machine;
    b->gen8 = is_gen8();
    if (map(&machine, b->gen8 ? 16u << 20 : 4u << 20))
        return -1;
    for (unsigned i = 0; i < BARE_PAGES; i++) {
        void *page = mmap(NULL, BARE_PAGE, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);

        if (page == MAP_FAILED)
            return -1;
        memset(page, 0, BARE_PAGE);
        machine.page[i] = page;
        b->gfn[i] = gfn_of(page);
        if (!b->gfn[i])
            return -1;
    }
    errno = 0;
    return bare_partition(b);
}

void bare_keep_pages(void)
{
    if (fork() == 0)
        for (;;)
            pause();
}
