/* SPDX-License-Identifier: MIT */
/*
 * gpu/soft when somebody dies: a service in the middle of its calls, a peer that talks nonsense,
 * vgt-softstub, softgpu. Real processes; the threads of one test call at the same time.
 */
#include "gpu/node/node.h"
#include "gpu/soft/link.h"
#include "gpu/soft/soft.h"
#include "tests/unit/gpu_soft_rig.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FRAMES 256u
#define KILLS  60
#define TAG    0x5a5a

static int setup(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "bdw", NULL);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig_stop(*state);
    free(*state);
    return 0;
}

/* A guest with FRAMES frames that the broker attached; returns the broker's node. */
static int make_guest(struct soft_rig *r, uint16_t domid)
{
    int memory = memfd_create("guest", MFD_CLOEXEC), broker = rig_node(r, GPU_ROWS);
    char answer[256];

    assert_int_equal(ftruncate(memory, FRAMES * GPU_PAGE_SIZE), 0);
    rig_ctl(r, memory, answer, sizeof(answer), "memory %u", domid);
    rig_number(answer, "base");
    close(memory);
    assert_int_equal(gpu_node_attach(broker, domid), 0);
    return broker;
}

/* Holders of row gtt's node, when everything that ended was heard of. */
static unsigned holders(struct soft_rig *r)
{
    char status[1024];

    rig_ctl(r, -1, status, sizeof(status), "status");
    return (unsigned)rig_number(strstr(status, "\"gtt\""), "holders");
}

/* ---- a service dies */

/* Says on the pipe after each round what it is about to do next, and never ends. A page of its
 * block counts rounds; entries go to the GTT in order, so that the last one read back tells how far
 * it got. */
static void work(int node, int progress)
{
    const uint64_t tag = TAG;
    struct gpu_dma b, more;
    struct gpu *g;
    uint64_t gfns[8], dma[8];
    volatile uint32_t *count;

    if (gpu_node_open_fd(node, &g) != 0 || gpu_dma_alloc(g, 2, tag, &b) != 0)
        _exit(1);
    count = b.map;
    for (uint32_t round = 1;; round++) {
        for (uint64_t i = 0; i < 8; i++)
            gfns[i] = (round * 8 + i) % FRAMES;
        if (gpu_pin(g, 5, gfns, 8, dma) != 0 || gpu_unpin(g, 5, gfns + 4, 4) != 4)
            _exit(2);
        for (uint32_t i = 0; i < 16; i++)
            if (gpu_gtt_write(g, 1000 + i, (uint64_t)round << 12 | 1) != 0)
                _exit(3);
        if (gpu_dma_alloc(g, 3, round, &more) != 0 || gpu_dma_free(g, &more) != 0)
            _exit(4);
        if (gpu_unpin(g, 5, gfns, 4) != 4)
            _exit(5);
        *count = round;
        if (write(progress, &round, sizeof(round)) != sizeof(round))
            _exit(6);
    }
}

/* Of the entries, what is later in the list is never newer; and no write of a round is lost before
 * one that came after it. */
static void check_entries(struct gpu *g)
{
    uint64_t last = UINT64_MAX, e;

    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(gpu_gtt_read(g, 1000 + i, &e), 0);
        assert_true(e <= last);
        last = e;
    }
}

/* Everything the dead one had is found again, and let go of. */
static void recover(int node, uint32_t rounds, bool *had_more)
{
    struct gpu *g = rig_gpu(node);
    struct gpu_dma_entry list[4];
    struct gpu_pin pins[16];
    struct gpu_dma b;
    int n = gpu_dma_list(g, list, 4), held = gpu_pin_list(g, 5, UINT64_MAX, pins, 16);

    assert_true(n == 1 || n == 2);
    assert_true(held == 0 || held == 4 || held == 8);
    *had_more = n == 2 || held != 0;
    for (int i = 0; i < n; i++) {
        assert_int_equal(gpu_dma_attach(g, list[i].handle, &b), 0);
        if (list[i].tag == TAG) {
            assert_int_equal(b.count, 2);
            assert_in_range(*(uint32_t *)b.map, rounds, rounds + 1);
        }
        assert_int_equal(gpu_dma_free(g, &b), 0);
    }
    for (int i = 0; i < held; i++)
        assert_int_equal(gpu_unpin(g, 5, &pins[i].gfn, 1), 1);
    check_entries(g);
    gpu_close(g);
}

/* Lets it make some rounds, kills it a little later; the rounds it reported. */
static uint32_t run_and_kill(int node, int k)
{
    uint32_t round = 0, got;
    int progress[2], status;
    struct pollfd p;
    pid_t pid;

    assert_int_equal(pipe(progress), 0);
    pid = fork();
    if (pid == 0) {
        close(progress[0]);
        work(node, progress[1]);
    }
    close(progress[1]);
    while (round < 1 + (uint32_t)k % 3) {
        assert_int_equal(read(progress[0], &got, sizeof(got)), sizeof(got));
        round = got;
    }
    /* From 0 to about one round: wherever it is. */
    for (volatile int spin = rand() % 200000; spin > 0; spin--)
        ;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    p = (struct pollfd){progress[0], POLLIN, 0};
    while (poll(&p, 1, 0) == 1 && read(progress[0], &got, sizeof(got)) == sizeof(got))
        round = got;
    close(progress[0]);
    return round;
}

static void a_service_is_killed_in_the_middle(void **state)
{
    struct soft_rig *r = *state;
    int node = rig_node(r, GPU_ROW_GTT), broker = make_guest(r, 5), middle = 0;
    int64_t limit;
    char status[1024];

    srand(1);
    for (int k = 0; k < KILLS; k++) {
        uint32_t rounds = run_and_kill(node, k);
        bool had_more;

        recover(node, rounds, &had_more);
        middle += had_more;
    }
    assert_true(middle > 0); /* else no kill hit anything */
    limit = rig_now_ms() + RIG_DEADLINE_MS;
    while (holders(r) != 1)
        assert_true(rig_now_ms() < limit);
    rig_ctl(r, -1, status, sizeof(status), "status");
    assert_int_equal(rig_number(status, "pins"), 0);
    assert_int_equal(rig_number(strstr(status, "\"gtt\""), "blocks"), 0);
    close(node);
    close(broker);
}

/* The other rows go on meanwhile, and one that stands still in a call is only a pause. */
static void others_go_on(void **state)
{
    struct soft_rig *r = *state;
    int gtt = rig_node(r, GPU_ROW_GTT), sched = rig_node(r, GPU_ROW_SCHED);
    struct gpu *s = rig_gpu(sched), *g;
    int broker = make_guest(r, 6), status;
    uint32_t v;
    pid_t pid = fork();

    if (pid == 0) {
        if (gpu_node_open_fd(gtt, &g) != 0)
            _exit(1);
        for (;;)
            gpu_gtt_write(g, 7, 1);
    }
    for (uint32_t i = 0; i < 200; i++) {
        assert_int_equal(gpu_write32(s, 0x40e0, i), 0);
        assert_int_equal(gpu_read32(s, 0x40e0, &v), 0);
        assert_int_equal(v, i);
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    gpu_close(s);
    close(gtt);
    close(sched);
    close(broker);
}

/* An answer that the broker before did not read is not taken for one's own. */
static void a_broker_is_killed_in_a_call(void **state)
{
    struct soft_rig *r = *state;
    int broker = rig_node(r, GPU_ROWS), status;
    struct soft_message m = {.command = VGT_IOC_DETACH, .seq = 1};

    m.arg.domain.domid = 77; /* unknown: -ENOENT is on its way */
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            soft_send(broker, &m, -1);
            kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(gpu_node_attach(broker, 78), 0);
        assert_int_equal(gpu_node_detach(broker, 78), 0);
        assert_int_equal(gpu_node_detach(broker, 78), -ENOENT);
    }
    close(broker);
}

/* ---- threads */

#define THREADS_DOMID 8

struct pinner {
    struct gpu *g;
    uint64_t first;
    int bad;
};

static void *pin_a_lot(void *data)
{
    struct pinner *p = data;
    uint64_t gfns[16], dma[16];
    uint64_t e;

    for (uint64_t i = 0; i < 16; i++)
        gfns[i] = p->first + i;
    for (int i = 0; i < 200; i++) {
        p->bad += gpu_pin(p->g, THREADS_DOMID, gfns, 16, dma) != 0;
        for (uint64_t k = 1; k < 16; k++)
            p->bad += dma[k] != dma[0] + k * GPU_PAGE_SIZE;
        p->bad += gpu_gtt_write(p->g, (uint32_t)p->first, dma[0] | 1) != 0;
        p->bad += gpu_gtt_read(p->g, (uint32_t)p->first, &e) != 0 || e != (dma[0] | 1);
        p->bad += gpu_unpin(p->g, THREADS_DOMID, gfns, 16) != 16;
    }
    return NULL;
}

static void threads_share_a_row(void **state)
{
    struct soft_rig *r = *state;
    int node = rig_node(r, GPU_ROW_GTT), broker = make_guest(r, THREADS_DOMID);
    struct gpu *g = rig_gpu(node);
    struct pinner p[4];
    pthread_t t[4];

    for (unsigned i = 0; i < 4; i++) {
        p[i] = (struct pinner){g, i * 16, 0};
        assert_int_equal(pthread_create(&t[i], NULL, pin_a_lot, &p[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(p[i].bad, 0);
    }
    gpu_close(g);
    close(node);
    close(broker);
}

/* ---- peers that break the protocol */

static int raw_session(int node)
{
    struct soft_message m = {.command = SOFT_SESSION};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(soft_send(node, &m, pair[1]), 0);
    close(pair[1]);
    return pair[0];
}

/* The other end closes. */
static void expect_end(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    char byte;

    assert_int_equal(poll(&p, 1, RIG_DEADLINE_MS), 1);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

static int ask(int fd, struct soft_message *m)
{
    int got;

    assert_int_equal(soft_send(fd, m, -1), 0);
    assert_int_equal(soft_receive(fd, m, &got), 0);
    return m->result;
}

static void nonsense(void **state)
{
    struct soft_rig *r = *state;
    int node = rig_node(r, GPU_ROW_SCHED), fd = raw_session(node), broker = rig_node(r, GPU_ROWS);
    struct gpu *g = rig_gpu(node);
    struct soft_message m = {.command = 0xdead};
    uint32_t v;

    assert_int_equal(ask(fd, &m), -ENOTTY);
    m = (struct soft_message){.command = VGT_IOC_PIN, .words = 1};
    assert_int_equal(ask(fd, &m), -ENOTTY);
    m = (struct soft_message){.command = VGT_IOC_ATTACH};
    m.arg.domain.domid = 4;
    assert_int_equal(ask(fd, &m), -ENOTTY);
    m = (struct soft_message){.command = VGT_IOC_REG};
    m.arg.reg = (struct vgt_stub_reg){.offset = 0x2080, .width = 4, .reserved = 1};
    assert_int_equal(ask(fd, &m), -EINVAL);
    m.arg.reg = (struct vgt_stub_reg){.offset = 0x2080, .width = 4, .op = 9};
    assert_int_equal(ask(fd, &m), -EINVAL);
    m = (struct soft_message){.command = VGT_IOC_IRQ_EVENTFD};
    assert_int_equal(ask(fd, &m), -EINVAL); /* says there is one, sends none */
    m = (struct soft_message){.command = SOFT_APERTURE};
    assert_int_equal(ask(fd, &m), -EACCES);
    m = (struct soft_message){.command = SOFT_GTT_WRITE}; /* not its row's: no answer, no effect */
    assert_int_equal(soft_send(fd, &m, -1), 0);
    m = (struct soft_message){.command = VGT_IOC_INFO};
    assert_int_equal(ask(fd, &m), 0);
    assert_int_equal(m.command, VGT_IOC_INFO);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    expect_end(fd);
    fd = raw_session(broker);
    m = (struct soft_message){.command = VGT_IOC_INFO};
    assert_int_equal(ask(fd, &m), -ENOTTY);
    close(fd);
    assert_int_equal(gpu_read32(g, 0x2080, &v), 0); /* nobody else minds */
    gpu_close(g);
    close(node);
    close(broker);
}

/* A node's connection that says something else than SESSION ends; a stream is no session. */
static void nonsense_on_a_node(void **state)
{
    struct soft_rig *r = *state;
    int node = rig_node(r, GPU_ROW_DISPLAY), pair[2];
    struct soft_message m = {.command = SOFT_SESSION};

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(soft_send(node, &m, pair[1]), 0);
    close(pair[0]);
    close(pair[1]);
    expect_end(node);
    node = rig_node(r, GPU_ROW_DISPLAY); /* it was let go of */
    close(node);
}

/* ---- the server dies */

static void expect_gone(struct gpu *g, int node, int broker)
{
    struct gpu_dma b;
    struct gpu *again;
    uint64_t gfn = 0, dma, e;
    uint32_t v, pending[GPU_IRQ_BANKS];
    bool gtt = g->info.row == GPU_ROW_GTT;

    assert_int_equal(gpu_read32(g, gtt ? 0x101008 : 0x2080, &v), -ENODEV);
    assert_int_equal(gpu_write32(g, gtt ? 0x101008 : 0x2080, 0), -ENODEV);
    assert_int_equal(gpu_dma_alloc(g, 1, 0, &b), -ENODEV);
    assert_int_equal(gpu_dma_list(g, NULL, 0), -ENODEV);
    if (gtt) {
        assert_int_equal(gpu_gtt_read(g, 0, &e), -ENODEV);
        assert_int_equal(gpu_gtt_write(g, 0, 1), -ENODEV);
        assert_int_equal(gpu_gtt_flush(g), -ENODEV);
        assert_int_equal(gpu_pin(g, 5, &gfn, 1, &dma), -ENODEV);
    } else {
        assert_int_equal(gpu_irq_pending(g, pending), -ENODEV);
    }
    assert_int_equal(gpu_node_open_fd(node, &again), -ENODEV);
    assert_int_equal(gpu_node_attach(broker, 5), -ENODEV);
}

/* kill says whom; everything afterwards is an error that is understood, nothing waits. */
static void server_dies(pid_t victim, pid_t *victim_of_rig, struct soft_rig *r)
{
    int gtt = rig_node(r, GPU_ROW_GTT), sched = rig_node(r, GPU_ROW_SCHED),
        broker = rig_node(r, GPU_ROWS), fd, status;
    struct gpu *g = rig_gpu(gtt), *s = rig_gpu(sched);
    struct gpu_dma b;

    assert_int_equal(gpu_dma_alloc(s, 1, 0, &b), 0);
    *(uint32_t *)b.map = 1;
    kill(victim, SIGKILL);
    status = rig_wait(victim);
    assert_true(WIFSIGNALED(status));
    *victim_of_rig = 0;
    if (r->softstub != 0) { /* it was softgpu: softstub says so and ends */
        status = rig_wait(r->softstub);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        r->softstub = 0;
    }
    expect_gone(g, gtt, broker);
    expect_gone(s, sched, broker);
    assert_int_equal(*(volatile uint32_t *)b.map, 1); /* memory stays memory */
    assert_true(gpu_soft_connect(r->socket, GPU_ROW_GTT, &fd) < 0);
    gpu_dma_detach(s, &b);
    gpu_close(g);
    gpu_close(s);
    close(gtt);
    close(sched);
    close(broker);
}

static void softstub_dies(void **state)
{
    struct soft_rig *r = *state;

    server_dies(r->softstub, &r->softstub, r);
}

static void softgpu_dies(void **state)
{
    struct soft_rig *r = *state;

    server_dies(r->softgpu, &r->softgpu, r);
}

static void softstub_without_softgpu(void **state)
{
    struct soft_rig *r = *state;
    int status = rig_wait(rig_spawn(
        r, "tests/rig/vgt-softstub",
        (const char *[]){"--gpu", "/nonexistent/gpu", "--socket", "/nonexistent/stub", NULL},
        NULL));

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
    const struct CMUnitTest shared[] = {
        cmocka_unit_test(a_service_is_killed_in_the_middle),
        cmocka_unit_test(others_go_on),
        cmocka_unit_test(a_broker_is_killed_in_a_call),
        cmocka_unit_test(threads_share_a_row),
        cmocka_unit_test(nonsense),
        cmocka_unit_test(nonsense_on_a_node),
        cmocka_unit_test(softstub_without_softgpu),
    };
    const struct CMUnitTest ends[] = {
        cmocka_unit_test_setup_teardown(softstub_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(softgpu_dies, setup, teardown),
    };
    int failed = cmocka_run_group_tests(shared, setup, teardown);

    return failed + cmocka_run_group_tests(ends, NULL, NULL);
}
