/* SPDX-License-Identifier: MIT */
/*
 * hostile_mmio.c: what makes vgt-mmio-hostile of vgt-mmio: the linker puts this before mmio_pump()
 * and wire_client_new(). The process serves its guest for two seconds, then somebody has taken it
 * over: it writes everywhere it may (lanes, registers, the image of the GGTT, its guest's memory),
 * rings without end and says anything to the broker over many connections; from the third second
 * of that on it ruins the lanes' indices, too, and at last it tries to make a wake that it shares
 * with its peers block them, which its list of system calls ends. It never returns.
 */
#include "gen/gen8_engine.h"
#include "services/mmio/service.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define CONNS  40u
#define FRAMES 64u /* of the guest's memory */

static struct mmio_service *service;
static const char *wire;
static int conn[CONNS];
static uint64_t *memory;

int __real_mmio_pump(struct mmio *m);
int __wrap_mmio_pump(struct mmio *m);
int __real_wire_client_new(struct loop *loop, struct store *store, const struct wire_config *config,
                           void *ctx, struct wire_client **client);
int __wrap_wire_client_new(struct loop *loop, struct store *store, const struct wire_config *config,
                           void *ctx, struct wire_client **client);

int __wrap_wire_client_new(struct loop *loop, struct store *store, const struct wire_config *config,
                           void *ctx, struct wire_client **client)
{
    service = ctx;
    wire = config->socket + strlen("unix:");
    return __real_wire_client_new(loop, store, config, ctx, client);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t any(void)
{
    static uint64_t x = 0x9e3779b97f4a7c15;

    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(any() % n);
}

/* ---- shared memory */

static void entries(void)
{
    const struct mmio_vgpu *g = &service->mmio.s.vgpu;
    struct mmio_gtt t = {.kind = below(8), .level = 3 + below(3)};
    struct mmio_sched s = {.kind = below(6), .engine = below(GEN8_ENGINES + 2)};

    t.epoch = below(8)
                  ? service->vreg.data ? ++((struct vreg_file *)service->vreg.data)->gtt_epoch : 0
                  : any();
    t.pte.index = (g->low_base + below(g->low_size)) / 4096;
    t.pte.value = any() & 0xffffff003;
    if (!below(4))
        memcpy(t.pdp, &(uint64_t[4]){any() % 0x10000000 & ~0xfffull, any(), any(), any()}, 32);
    s.seq = below(16) ? ++((struct vreg_file *)service->vreg.data)->submit.seq : 0;
    s.desc[0] =
        (uint64_t)below(4096) << 32 | (g->high_base + below(g->high_size)) << 12 >> 12 | 0x119;
    s.desc[1] = below(2) ? any() : 0;
    s.value = (uint32_t)any();
    lane_tx_put(&service->to_gtt, &t, sizeof(t));
    lane_tx_put(&service->to_sched, &s, sizeof(s));
}

static void slots(const struct lane_mem *mem)
{
    uint64_t word = any();

    memcpy(mem->slots[below(mem->config.slots)].bytes + 8 * below(8), &word, sizeof(word));
}

static void indices(struct lane_header *h)
{
    _Atomic uint32_t *words[4] = {&h->producer.tail, &h->producer.room_at, &h->consumer.head,
                                  &h->consumer.wake_at};

    atomic_store(words[below(4)], (uint32_t)any());
}

static void scribble(bool ruin)
{
    const struct lane_mem *mem[4] = {&service->to_gtt.mem, &service->to_sched.mem,
                                     &service->from_gtt.mem, &service->from_sched.mem};
    struct vreg_file *vreg = service->vreg.data;
    struct vggtt *vggtt = service->vggtt.data;

    slots(mem[below(4)]);
    if (ruin && !below(64))
        indices(mem[below(4)]->shared);
    vreg->mmio[(0x60000 + below(0x20000)) / 4] = (uint32_t)any();
    vggtt->pte[below(VGGTT_ENTRIES)] = any();
    if (memory)
        memory[below(FRAMES * 512)] = any() % 0x10000000 | 3;
}

/* Each wake it has, once, or as full as it gets. */
static void wakes(void)
{
    for (unsigned i = 0; i < service->fds.count; i++) {
        uint64_t n = below(16) ? 1 : UINT64_MAX - 1;
        const char *name = service->fds.item[i].name;

        if ((strchr(name, '.') || !strcmp(name, WIRE_BELL)) &&
            write(service->fds.item[i].fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
            abort();
    }
}

/* ---- the broker's socket */

static int call(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    memcpy(to.sun_path, wire, strlen(wire));
    if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
        return fd;
    close(fd);
    return -1;
}

static void say(int fd, uint32_t type, const ProtobufCMessage *body)
{
    static uint8_t frame[sizeof(struct chan_header) + CHAN_MAX_PAYLOAD];
    struct chan_header h = {.magic = CHAN_MAGIC, .id = below(1000), .type = type};

    h.length = (uint32_t)protobuf_c_message_get_packed_size(body);
    memcpy(frame, &h, sizeof(h));
    protobuf_c_message_pack(body, frame + sizeof(h));
    if (write(fd, frame, sizeof(h) + h.length) < 0)
        return; /* nobody reads what we say, or we are cut off */
}

/* As itself, since the kernel says who it is: and then what only others may say. */
static void talk(int fd)
{
    Vgt__Hello hello = VGT__HELLO__INIT;
    Vgt__Refused refused = VGT__REFUSED__INIT;
    Vgt__LaneBroken broken = VGT__LANE_BROKEN__INIT;
    Vgt__ApertureRequest aperture = VGT__APERTURE_REQUEST__INIT;

    hello.version = 1;
    hello.role = (char *)"vgt-mmio";
    hello.domid = service->domid;
    refused.text = broken.lane = (char *)"anything";
    say(fd, VGT__TYPE__TYPE_HELLO, &hello.base);
    for (unsigned i = 0; i < 20; i++) {
        broken.domid = service->domid + below(2);
        aperture.domid = service->domid + !below(32);
        aperture.at = any() & 0xfffff000;
        say(fd, VGT__TYPE__TYPE_LANE_BROKEN, &broken.base);
        say(fd, VGT__TYPE__TYPE_APERTURE, &aperture.base);
        say(fd, VGT__TYPE__TYPE_REFUSED, &refused.base);
    }
}

static void nonsense(int fd)
{
    uint64_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = any();
    if (below(2))
        memcpy(bytes, &(struct chan_header){.magic = CHAN_MAGIC, .length = below(1u << 18)},
               sizeof(struct chan_header));
    if (write(fd, bytes, 1 + below(sizeof(bytes))) < 0)
        return;
}

static void connections(void)
{
    int *c = &conn[below(CONNS)];

    if (*c > 0 && !below(4)) {
        close(*c);
        *c = 0;
    }
    if (*c <= 0)
        *c = call();
    if (*c > 0 && !below(8))
        talk(*c);
    else if (*c > 0 && below(2))
        nonsense(*c);
}

static void map_memory(void)
{
    uint64_t gfns[FRAMES];

    for (unsigned i = 0; i < FRAMES; i++)
        gfns[i] = 16 + i;
    memory = service->ops->map(service->vmm, gfns, FRAMES, true);
}

static void note(const char *what)
{
    if (write(2, what, strlen(what)) < 0)
        abort();
}

static void taken_over(uint64_t since)
{
    note("vgt-mmio-hostile: begins\n");
    map_memory();
    for (unsigned n = 0; now() < since + 6 * SECOND; n++) {
        entries();
        scribble(now() > since + 3 * SECOND);
        if (n % 64 == 0)
            wakes();
        if (n % 256 == 0)
            connections();
        if (n % 16 == 0) /* not to be a test of who has how many processors */
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
    note("vgt-mmio-hostile: ends\n");
    fcntl(wire_fd(&service->fds, WIRE_BELL), F_SETFL, 0);
    note("vgt-mmio-hostile: wakes may block\n");
    _exit(0);
}

int __wrap_mmio_pump(struct mmio *m)
{
    static uint64_t since;
    int rc = __real_mmio_pump(m);

    if (!since)
        since = now() + 2 * SECOND;
    if (now() > since)
        taken_over(since);
    return rc;
}
