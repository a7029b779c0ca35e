/* SPDX-License-Identifier: MIT */
/*
 * vgt_stub.ko on a (software) Broadwell, from user space: run as root where the module is loaded,
 * in plain QEMU by tests/native/stub-run or in dom0.
 *   stub_test                     everything that needs no guest
 *   stub_test pin DOMID GFN...    pins of a running guest (PV dom0)
 * One line per check; status 0 when all hold. One thread, no state.
 */
#include "gpu/stub/stub.h"
#include "kmod-stub/access.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAMES     "/sys/bus/pci/devices/0000:00:02.0/vgt_frames"
#define BCS        0x22000u
#define RUN_GGTT   0x100000u /* GGTT address the test maps its pages at */
#define ALL_MASKED UINT32_MAX

static int good, bad;

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        bool holds_ = (cond);                                                                      \
        good += holds_;                                                                            \
        bad += !holds_;                                                                            \
        printf("%s line %d: %s", holds_ ? "ok  " : "FAIL", __LINE__, #cond);                       \
        printf(" " __VA_ARGS__);                                                                   \
        printf("\n");                                                                              \
    } while (0)

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_node(enum gpu_row row)
{
    int fd = open(gpu_stub_path(row), O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        printf("FAIL %s: %s\n", gpu_stub_path(row), strerror(errno));
        exit(1);
    }
    return fd;
}

static struct gpu *open_row(enum gpu_row row, int *fd)
{
    struct gpu *g = NULL;
    int r;

    *fd = open_node(row);
    r = gpu_stub_open_fd(*fd, &g);
    if (r != 0) {
        printf("FAIL open of %s: %s\n", gpu_stub_path(row), strerror(-r));
        exit(1);
    }
    return g;
}

/* 0 or -errno of mapping one page of a node. */
static int try_map(int fd, uint64_t at, int prot, int flags)
{
    void *p = mmap(NULL, GPU_PAGE_SIZE, prot, flags, fd, (off_t)at);

    if (p == MAP_FAILED)
        return -errno;
    munmap(p, GPU_PAGE_SIZE);
    return 0;
}

static void test_windows(void)
{
    int fd[GPU_ROWS], again;
    struct vgt_access_dev dev = {8, 0};
    unsigned wrong = 0, mapped = 0;

    for (unsigned row = 0; row < GPU_ROWS; row++)
        fd[row] = open_node(row);
    again = open(gpu_stub_path(GPU_ROW_GTT), O_RDWR);
    CHECK(again == -1 && errno == EBUSY);
    for (unsigned row = 0; row < GPU_ROWS; row++) {
        for (uint32_t at = 0; at < VGT_REGS_SIZE; at += GPU_PAGE_SIZE) {
            int r = try_map(fd[row], at, PROT_READ, MAP_SHARED);
            mapped += r == 0;
            wrong += r != (vgt_access_map(&dev, row, at) ? 0 : -EACCES);
        }
    }
    CHECK(wrong == 0, "(%u)", wrong);
    CHECK(mapped > 40, "(%u)", mapped);
    CHECK(try_map(fd[GPU_ROW_GTT], 0x800000, PROT_READ, MAP_SHARED) == 0);
    CHECK(try_map(fd[GPU_ROW_SCHED], 0x800000, PROT_READ, MAP_SHARED) == -EACCES);
    CHECK(try_map(fd[GPU_ROW_DISPLAY], 0x800000, PROT_READ, MAP_SHARED) == -EACCES);
    CHECK(try_map(fd[GPU_ROW_GTT], 0x1000000, PROT_READ, MAP_SHARED) == -EACCES);
    CHECK(try_map(fd[GPU_ROW_GTT], 0x400000, PROT_READ, MAP_SHARED) == -EACCES);
    CHECK(try_map(fd[GPU_ROW_SCHED], 0x2000, PROT_READ, MAP_PRIVATE) == -EINVAL);
    CHECK(try_map(fd[GPU_ROW_SCHED], 0x2000, PROT_READ | PROT_EXEC, MAP_SHARED) == -EINVAL);
    CHECK(try_map(fd[GPU_ROW_DISPLAY], VGT_MMAP_APERTURE, PROT_READ, MAP_SHARED) == -EACCES);
    CHECK(try_map(fd[GPU_ROW_SCHED], VGT_MMAP_DMA, PROT_READ, MAP_SHARED) == -ENOENT);
    CHECK(try_map(fd[GPU_ROW_SCHED], 1ull << 50, PROT_READ, MAP_SHARED) < 0);
    for (unsigned row = 0; row < GPU_ROWS; row++)
        close(fd[row]);
}

static int raw(int fd, unsigned long cmd, void *arg)
{
    return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static void test_registers(void)
{
    int fd, dfd;
    struct gpu *g = open_row(GPU_ROW_SCHED, &fd), *d = open_row(GPU_ROW_DISPLAY, &dfd);
    struct vgt_stub_reg reg = {.offset = 0xa188, .width = 4, .op = VGT_REG_WRITE};
    struct vgt_stub_pin pin = {.domid = 1, .count = 1};
    uint32_t v = 0;
    int64_t end = now_ms() + 2000;

    CHECK(gpu_write_masked(g, 0xa188, 1, 1) == 0);
    while (gpu_read32(g, 0x130044, &v) == 0 && !(v & 1) && now_ms() < end)
        ;
    CHECK(v & 1);
    CHECK(gpu_write32(g, BCS + 0x80, 0x5000) == 0 && gpu_read32(g, BCS + 0x80, &v) == 0);
    CHECK(v == 0x5000);
    CHECK(gpu_write32(g, 0x40e0, 0x1234567) == 0);
    CHECK(gpu_rmw32(g, 0x40e0, 0xff, 0x89, &v) == 0 && v == 0x1234567);
    CHECK(gpu_read32(g, 0x40e0, &v) == 0 && v == 0x1234589);
    CHECK(gpu_read32(g, 0x9120, &v) == 0 && v != 0);
    CHECK(gpu_write32(g, 0x9120, 0) == -EACCES);
    CHECK(gpu_write32(g, 0x130040, 0) == -EACCES);
    CHECK(gpu_write32(d, 0xa188, 0) == -EACCES);
    CHECK(gpu_write32(d, 0x941c, 1) == -EACCES);
    CHECK(gpu_write32(d, 0x43200, 0) == -EACCES);
    CHECK(gpu_write32(g, 0x4430c, 1) == -EACCES);
    CHECK(gpu_read32(d, 0x130040, &v) == 0 && v != 0);
    CHECK(gpu_read32(g, 0xfffffffc, &v) == -EINVAL);
    reg.reserved = 1;
    CHECK(raw(fd, VGT_IOC_REG, &reg) == -EINVAL);
    reg.reserved = 0;
    reg.width = 2;
    CHECK(raw(fd, VGT_IOC_REG, &reg) == -EINVAL);
    CHECK(raw(fd, VGT_IOC_REG, NULL) == -EFAULT);
    CHECK(raw(fd, VGT_IOC_PIN, &pin) == -ENOTTY);
    CHECK(raw(fd, VGT_IOC_ATTACH, &pin) == -ENOTTY);
    CHECK(raw(fd, _IO(VGT_IOC_MAGIC, 0x7f), NULL) == -ENOTTY);
    gpu_close(g);
    gpu_close(d);
    close(fd);
    close(dfd);
}

/* Is the frame of this bus address in the module's list? */
static bool listed(uint64_t dma)
{
    unsigned long long frame, count;
    FILE *f = fopen(FRAMES, "r");
    bool found = false;

    while (f != NULL && !found && fscanf(f, "%llx %llu", &frame, &count) == 2)
        found = dma >> 12 >= frame && dma >> 12 < frame + count;
    if (f != NULL)
        fclose(f);
    return found;
}

static unsigned bad_pages(const struct gpu_dma *b)
{
    static const uint8_t zero[GPU_PAGE_SIZE];
    unsigned wrong = 0;

    for (uint32_t i = 0; i < b->count; i++) {
        wrong += b->dma[i] == 0 || b->dma[i] % GPU_PAGE_SIZE != 0 || b->dma[i] >> 39 != 0;
        wrong += memcmp((uint8_t *)b->map + (size_t)i * GPU_PAGE_SIZE, zero, GPU_PAGE_SIZE) != 0;
        wrong += !listed(b->dma[i]);
    }
    return wrong;
}

static void test_dma(void)
{
    int fd, dfd;
    struct gpu *g = open_row(GPU_ROW_SCHED, &fd), *d = open_row(GPU_ROW_DISPLAY, &dfd);
    struct gpu_dma a, b, c;
    struct gpu_dma_entry list[4];
    uint64_t was;

    CHECK(gpu_dma_alloc(g, 600, 42, &a) == 0);
    CHECK(bad_pages(&a) == 0);
    CHECK(gpu_dma_alloc(g, 0, 0, &b) == -EINVAL);
    CHECK(gpu_dma_alloc(g, VGT_DMA_MAX_COUNT + 1, 0, &b) == -EINVAL);
    memset(a.map, 0xa5, GPU_PAGE_SIZE);
    CHECK(gpu_dma_list(g, list, 4) == 1 && list[0].tag == 42 && list[0].count == 600);
    CHECK(gpu_dma_list(d, list, 4) == 0);
    CHECK(gpu_dma_attach(d, a.handle, &b) == -ENOENT);
    CHECK(gpu_dma_attach(g, a.handle, &b) == 0);
    CHECK(b.count == 600 && *(uint8_t *)b.map == 0xa5 && b.dma[599] == a.dma[599]);
    gpu_dma_detach(g, &b);
    CHECK(gpu_dma_alloc(d, 2, 0, &c) == 0);
    CHECK(gpu_dma_free(d, &c) == -EACCES);
    was = a.dma[0];
    CHECK(gpu_dma_free(g, &a) == 0);
    CHECK(!listed(was));
    was = c.dma[0];
    gpu_dma_detach(d, &c);
    gpu_close(g);
    gpu_close(d);
    close(fd);
    close(dfd);
    CHECK(!listed(was)); /* row gtt is closed: nothing keeps a closed row's pages */
}

static void test_gtt(void)
{
    int fd;
    struct gpu *g = open_row(GPU_ROW_GTT, &fd);
    uint32_t last = g->info.ggtt_entries - 1;
    uint64_t e = 0;

    CHECK(g->info.gen == 8 && g->info.pte_size == 8, "(device %04x)", g->info.device);
    CHECK(gpu_gtt_read(g, last, &e) == 0 && e == (g->info.scratch_dma | 1));
    CHECK(listed(g->info.scratch_dma));
    CHECK(gpu_gtt_write(g, last, 0x12345001) == 0 && gpu_gtt_flush(g) == 0);
    CHECK(gpu_gtt_read(g, last, &e) == 0 && e == 0x12345001);
    CHECK(gpu_gtt_write(g, last + 1, 1) == -EINVAL);
    CHECK(gpu_write(g, 0x100000, 8, 0x0000200000001003) == 0);
    gpu_close(g);
    close(fd);
    g = open_row(GPU_ROW_GTT, &fd);
    CHECK(gpu_gtt_read(g, last, &e) == 0 && e == (g->info.scratch_dma | 1));
    gpu_close(g);
    close(fd);
}

/* A process dies with the row open; whoever holds a copy of the fd finds everything. */
static void test_lifetime(void)
{
    int fd = open_node(GPU_ROW_SCHED), status;
    struct gpu_dma_entry list[2];
    struct gpu_dma b;
    struct gpu *g;
    pid_t pid = fork();

    if (pid == 0) {
        if (gpu_stub_open_fd(fd, &g) == 0 && gpu_dma_alloc(g, 5, 99, &b) == 0)
            *(uint32_t *)b.map = 0xfeed;
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    CHECK(gpu_stub_open_fd(fd, &g) == 0);
    CHECK(gpu_dma_list(g, list, 2) == 1 && list[0].tag == 99);
    CHECK(gpu_dma_attach(g, list[0].handle, &b) == 0 && *(uint32_t *)b.map == 0xfeed);
    gpu_dma_detach(g, &b);
    gpu_close(g);
    close(fd);
    g = open_row(GPU_ROW_SCHED, &fd);
    CHECK(gpu_dma_list(g, list, 2) == 0);
    gpu_close(g);
    close(fd);
}

/* Waits for the eventfd and a pending bit of the bank; returns the bits. */
static uint32_t await_irq(struct gpu *g, int ev, enum gpu_irq_bank bank, int ms)
{
    struct pollfd p = {ev, POLLIN, 0};
    int64_t end = now_ms() + ms;
    uint32_t pending[GPU_IRQ_BANKS];
    uint64_t n;

    while (now_ms() < end) {
        if (poll(&p, 1, (int)(end - now_ms())) <= 0 || read(ev, &n, sizeof(n)) != sizeof(n))
            continue;
        if (gpu_irq_pending(g, pending) == 1 && pending[bank])
            return pending[bank];
    }
    return 0;
}

static void pipe_on(struct gpu *g, bool on)
{
    gpu_write32(g, 0x60000, 799u << 16 | 639);
    gpu_write32(g, 0x6000c, 524u << 16 | 479);
    gpu_write32(g, 0x60010, 524u << 16 | 479);
    gpu_write32(g, 0x70008, on ? 1u << 31 : 0);
}

static void test_vblank(void)
{
    int fd, sfd, ev = eventfd(0, EFD_NONBLOCK), sev = eventfd(0, EFD_NONBLOCK);
    struct gpu *g = open_row(GPU_ROW_DISPLAY, &fd), *s = open_row(GPU_ROW_SCHED, &sfd);
    uint32_t imr, ier, pending[GPU_IRQ_BANKS];
    int frames;

    CHECK(gpu_irq_eventfd(g, ev) == 0 && gpu_irq_eventfd(s, sev) == 0);
    CHECK(gpu_irq_eventfd(g, fd) < 0);
    CHECK(gpu_irq_get(g, GPU_IRQ_PIPE_A, &imr, &ier) == 0 && imr == ALL_MASKED && ier == 0);
    CHECK(gpu_irq_set(s, GPU_IRQ_PIPE_A, 0, 1) == -EACCES);
    CHECK(gpu_irq_set(g, GPU_IRQ_DE, 0, 1) == -EACCES);
    CHECK(gpu_irq_set(g, 1000, 0, 1) == -EACCES);
    pipe_on(g, true);
    CHECK(await_irq(g, ev, GPU_IRQ_PIPE_A, 200) == 0);
    CHECK(gpu_irq_set(g, GPU_IRQ_PIPE_A, ~1u, 1) == 0);
    for (frames = 0; frames < 20; frames++) {
        if (await_irq(g, ev, GPU_IRQ_PIPE_A, 3000) != 1)
            break;
    }
    CHECK(frames == 20, "(%d)", frames);
    CHECK(gpu_irq_pending(s, pending) == 0);
    CHECK(gpu_irq_set(g, GPU_IRQ_PIPE_A, ALL_MASKED, 0) == 0);
    pipe_on(g, false);
    gpu_close(g);
    gpu_close(s);
    close(fd);
    close(sfd);
    close(ev);
    close(sev);
}

enum { PPHWSP, IMAGE, RING, DATA, HWSP, RUN_PAGES };

static uint32_t ggtt_of(unsigned page)
{
    return RUN_GGTT + page * GPU_PAGE_SIZE;
}

/* A blitter context whose ring stores a word through the GGTT and raises a user interrupt. */
static void build_context(uint8_t *mem)
{
    static const uint32_t regs[] = {0x244, 0x34,  0x30,  0x38,  0x3c, 0x168,
                                    0x140, 0x110, 0x11c, 0x114, 0x118};
    uint32_t *image = (uint32_t *)(mem + IMAGE * GPU_PAGE_SIZE);
    uint32_t *ring = (uint32_t *)(mem + RING * GPU_PAGE_SIZE);
    const uint32_t commands[] = {
        0x20u << 23 | 1u << 22 | 2, ggtt_of(DATA), 0, 0xc0ffee, 0x02u << 23, 0, 0, 0};

    image[1] = 0x22u << 23 | 1u << 12 | (2 * 11 - 1);
    for (unsigned i = 0; i < 11; i++)
        image[2 + 2 * i] = BCS + regs[i];
    image[3] = 0x00090009;
    image[7] = sizeof(commands);
    image[9] = ggtt_of(RING);
    image[11] = 1;
    memcpy(ring, commands, sizeof(commands));
}

static void submit(struct gpu *s)
{
    uint64_t desc = 0x1234ull << 32 | ggtt_of(PPHWSP) | 0x101 | 1u << 3;

    gpu_write_masked(s, BCS + 0x29c, 1u << 15, 1u << 15);
    gpu_write32(s, BCS + 0x80, ggtt_of(HWSP));
    gpu_write32(s, BCS + 0xa8, ~(0x101u << 16)); /* as in the bank it shares */
    gpu_write32(s, BCS + 0x230, 0);
    gpu_write32(s, BCS + 0x230, 0);
    gpu_write32(s, BCS + 0x230, (uint32_t)(desc >> 32));
    gpu_write32(s, BCS + 0x230, (uint32_t)desc);
}

/* The addresses the module gives are the ones the GPU needs: it reads its context and writes. */
static void test_gpu_reaches_pages(void)
{
    int fd, gfd, ev = eventfd(0, EFD_NONBLOCK);
    struct gpu *s = open_row(GPU_ROW_SCHED, &fd), *g = open_row(GPU_ROW_GTT, &gfd);
    struct gpu_dma b;
    volatile uint32_t *data;
    int64_t end = now_ms() + 5000;

    CHECK(gpu_dma_alloc(s, RUN_PAGES, 0, &b) == 0);
    for (unsigned i = 0; i < RUN_PAGES; i++)
        gpu_gtt_write(g, ggtt_of(i) / GPU_PAGE_SIZE, b.dma[i] | 1);
    gpu_gtt_flush(g);
    build_context(b.map);
    data = (volatile uint32_t *)((uint8_t *)b.map + DATA * GPU_PAGE_SIZE);
    CHECK(gpu_write_masked(s, 0xa188, 1, 1) == 0);
    CHECK(gpu_irq_eventfd(s, ev) == 0);
    CHECK(gpu_irq_set(s, GPU_IRQ_GT0, ~(0x101u << 16), 0x101u << 16) == 0);
    submit(s);
    CHECK(await_irq(s, ev, GPU_IRQ_GT0, 5000) != 0);
    while (*data != 0xc0ffee && now_ms() < end)
        ;
    CHECK(*data == 0xc0ffee, "(%08x)", *data);
    gpu_dma_detach(s, &b);
    gpu_close(s);
    gpu_close(g);
    close(fd);
    close(gfd);
    close(ev);
}

static void test_aperture(void)
{
    int fd;
    struct gpu *g = open_row(GPU_ROW_DISPLAY, &fd);
    uint64_t at = g->info.aperture_slice_at;
    void *p;

    CHECK(g->info.aperture_slice != 0);
    CHECK(gpu_aperture_map(g, at, g->info.aperture_slice, &p) == 0);
    gpu_aperture_unmap(g, p, g->info.aperture_slice);
    CHECK(gpu_aperture_map(g, at - 4096, 4096, &p) == -EACCES);
    CHECK(gpu_aperture_map(g, at + 4096, g->info.aperture_slice, &p) == -EACCES);
    gpu_close(g);
    close(fd);
}

/* In a kernel that is no PV dom0 pins are refused, not faked; attachment rules hold anyway. */
static void test_no_pins(void)
{
    int fd, broker = open("/dev/vgt/broker", O_RDWR);
    struct gpu *g = open_row(GPU_ROW_GTT, &fd);
    struct vgt_stub_info info;
    uint64_t gfn = 1, dma;

    CHECK(broker >= 0);
    CHECK(gpu_stub_attach(broker, 0) == -EINVAL);
    CHECK(gpu_stub_attach(broker, 0x7ff0) == -EINVAL);
    CHECK(gpu_stub_attach(broker, 7) == 0);
    CHECK(raw(fd, VGT_IOC_INFO, &info) == 0);
    CHECK(gpu_pin(g, 8, &gfn, 1, &dma) == (info.pv ? -EACCES : -EOPNOTSUPP));
    CHECK(gpu_pin(g, 7, &gfn, 1, &dma) == (info.pv ? -ENXIO : -EOPNOTSUPP));
    CHECK(gpu_stub_detach(broker, 7) == 0);
    CHECK(gpu_stub_detach(broker, 7) == -ENOENT);
    gpu_close(g);
    close(fd);
    close(broker);
}

static void pin_again(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t n,
                      const uint64_t *dma)
{
    uint64_t again[64];
    struct gpu_pin list[64];

    CHECK(gpu_pin(g, domid, gfns, n, again) == 0 && memcmp(dma, again, n * 8) == 0);
    CHECK(gpu_pin_list(g, domid, UINT64_MAX, list, 64) == (int)n);
    CHECK(gpu_unpin(g, domid, gfns, 1) == 1 && gpu_unpin(g, domid, gfns, 1) == 0);
    CHECK(gpu_pin_list(g, domid, UINT64_MAX, list, 64) == (int)n - 1);
    CHECK(gpu_pin(g, domid, gfns, n, again) == 0 && memcmp(dma, again, n * 8) == 0);
}

/* A process pins and is killed; the fd is the parent's too. */
static void pin_and_die(int fd, uint16_t domid, const uint64_t *gfns, uint32_t n)
{
    uint64_t dma[64];
    struct gpu *g;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (gpu_stub_open_fd(fd, &g) != 0 || gpu_pin(g, domid, gfns, n, dma) != 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

/* Prints "pin GFN MFN" lines, says "pins held", and lets go when a line comes on stdin. */
static void test_pins(uint16_t domid, const uint64_t *gfns, uint32_t n)
{
    int fd, broker = open("/dev/vgt/broker", O_RDWR);
    struct gpu *g = open_row(GPU_ROW_GTT, &fd);
    uint64_t dma[64], hole = (1ull << 40) - 1;
    struct gpu_pin list[64];
    char line[16];

    CHECK(broker >= 0);
    CHECK(gpu_pin(g, domid, gfns, n, dma) == -EACCES);
    CHECK(gpu_stub_attach(broker, domid) == 0);
    CHECK(gpu_pin(g, domid, &hole, 1, dma) == -ENXIO);
    pin_and_die(fd, domid, gfns, n);
    CHECK(gpu_pin_list(g, domid, UINT64_MAX, list, 64) == (int)n);
    CHECK(gpu_pin(g, domid, gfns, n, dma) == 0);
    for (uint32_t i = 0; i < n; i++)
        printf("pin %llx %llx\n", (unsigned long long)gfns[i], (unsigned long long)dma[i] >> 12);
    pin_again(g, domid, gfns, n, dma);
    CHECK(gpu_stub_detach(broker, domid) == -EBUSY);
    CHECK(gpu_stub_attach(broker, domid) == 0);
    printf("pins held\n");
    CHECK(fgets(line, sizeof(line), stdin) != NULL);
    CHECK(gpu_unpin_domain(g, domid) == (int)n);
    CHECK(gpu_pin(g, domid, gfns, n, dma) == -EACCES);
    printf("pins gone\n");
    gpu_close(g);
    close(fd);
    close(broker);
}

int main(int argc, char **argv)
{
    uint64_t gfns[64];
    uint32_t n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 3 && argc < 60 && !strcmp(argv[1], "pin")) {
        for (int i = 3; i < argc; i++)
            gfns[n++] = strtoull(argv[i], NULL, 16);
        test_pins((uint16_t)atoi(argv[2]), gfns, n);
    } else {
        test_windows();
        test_registers();
        test_dma();
        test_gtt();
        test_lifetime();
        test_vblank();
        test_gpu_reaches_pages();
        test_aperture();
        test_no_pins();
    }
    printf("stub_test: %d ok, %d failed\n", good, bad);
    return bad != 0;
}
