/* SPDX-License-Identifier: MIT */
/*
 * vmm_ioreq_test.c: decoding of ioreqs and the state machine of the shared page, against an event
 * channel device of the test's own (the xenevtchn_* functions below replace the library's).
 */
#include "vmm/xen/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BAR 0xf0000000u

/* ---- the event channel device: ports 100+n locally for remote port n */
static struct {
    int fd;
    bool pending[256], masked[256];
    unsigned notified[256];
} ev;

int xenevtchn_fd(xenevtchn_handle *h)
{
    (void)h;
    return ev.fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h, uint32_t domid,
                                                     evtchn_port_t remote)
{
    (void)h;
    if (domid != 7 || remote > 100) {
        errno = EINVAL;
        return -1;
    }
    return 100 + remote;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
    (void)h;
    for (int i = 0; i < 256; i++)
        if (ev.pending[i] && !ev.masked[i]) {
            ev.pending[i] = false;
            ev.masked[i] = true;
            return i;
        }
    errno = EAGAIN;
    return -1;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
    (void)h;
    ev.masked[port] = false;
    return 0;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
    (void)h;
    ev.notified[port]++;
    return 0;
}

/* ---- what protect.c would hear */
static struct {
    unsigned n, inherited;
    uint64_t addr;
} met;

void xen_met(struct vmm *v, const struct vmm_access *a, bool inherited)
{
    (void)v;
    met.n++;
    met.inherited += inherited;
    met.addr = a->addr;
}

/* ---- fixture */
static union {
    struct shared_iopage page;
    uint8_t bytes[4096];
} shared;
static struct vmm_resume keep;
static struct vmm vm;

static int setup(void **state)
{
    (void)state;
    memset(&ev, 0, sizeof ev);
    memset(&met, 0, sizeof met);
    memset(&shared, 0, sizeof shared);
    memset(&keep, 0, sizeof keep);
    memset(&vm, 0, sizeof vm);
    ev.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(ev.fd >= 0);
    vm.domid = 7;
    vm.nr_vcpus = 3;
    vm.page = &shared.page;
    vm.keep = &keep;
    keep.range[2].start = BAR;
    keep.range[2].len = 0x1000;
    for (int i = 0; i < 3; i++)
        shared.page.vcpu_ioreq[i].vp_eport = 10 + i;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(ev.fd);
    return 0;
}

static struct ioreq *ask(int vcpu, uint8_t dir, uint64_t addr, uint32_t size, uint64_t data)
{
    struct ioreq *r = &shared.page.vcpu_ioreq[vcpu];

    r->addr = addr;
    r->data = data;
    r->count = 1;
    r->size = size;
    r->dir = dir;
    r->type = IOREQ_TYPE_COPY;
    r->state = STATE_IOREQ_READY;
    return r;
}

static void event(int vcpu)
{
    ev.pending[110 + vcpu] = true;
}

static void read_and_answer(void **state)
{
    struct ioreq *r;
    struct vmm_access a;

    (void)state;
    assert_int_equal(xen_bind_vcpus(&vm, false), 0);
    assert_int_equal(xen_next(&vm, &a), 0);
    r = ask(1, IOREQ_READ, BAR + 0x10, 4, 0);
    assert_int_equal(xen_next(&vm, &a), 0); /* no event yet */
    event(1);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_int_equal(a.vcpu, 1);
    assert_int_equal(a.space, VMM_MMIO);
    assert_int_equal(r->state, STATE_IOREQ_INPROCESS);
    event(1); /* a spurious one gives nothing twice */
    assert_int_equal(xen_next(&vm, &a), 0);
    assert_int_equal(xen_complete(&vm, 0, 1), -EINVAL);
    assert_int_equal(xen_complete(&vm, 1, 0xabcd), 0);
    assert_int_equal(r->state, STATE_IORESP_READY);
    assert_int_equal(r->data, 0xabcd);
    assert_int_equal(r->dir, IOREQ_READ);
    assert_int_equal(r->type, IOREQ_TYPE_COPY);
    assert_int_equal(ev.notified[111], 1);
    assert_int_equal(xen_complete(&vm, 1, 1), -EINVAL);
}

static void each_vcpu_once(void **state)
{
    struct vmm_access a;
    unsigned seen = 0;

    (void)state;
    assert_int_equal(xen_bind_vcpus(&vm, false), 0);
    for (int i = 0; i < 3; i++) {
        ask(i, IOREQ_WRITE, BAR, 8, i);
        event(i);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(xen_next(&vm, &a), 1);
        seen |= 1u << a.vcpu;
    }
    assert_int_equal(seen, 7);
    assert_int_equal(xen_next(&vm, &a), 0);
    assert_int_equal(xen_complete(&vm, 2, 0), 0); /* any order */
    assert_int_equal(xen_complete(&vm, 0, 0), 0);
    assert_int_equal(xen_complete(&vm, 1, 0), 0);
}

static void takes_over(void **state)
{
    struct vmm_access a;

    (void)state;
    ask(0, IOREQ_READ, BAR, 4, 0)->state = STATE_IOREQ_INPROCESS;
    ask(1, IOREQ_WRITE, BAR, 4, 5);
    ask(2, IOREQ_READ, BAR, 4, 0)->state = STATE_IORESP_READY;
    assert_int_equal(xen_bind_vcpus(&vm, true), 0);
    assert_int_equal(ev.notified[112], 1); /* answered, perhaps never announced */
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_true(a.replay);
    assert_int_equal(a.vcpu, 0);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_false(a.replay); /* never taken */
    assert_int_equal(a.data, 5);
    event(0); /* binding raises one */
    assert_int_equal(xen_next(&vm, &a), 0);
    assert_int_equal(xen_complete(&vm, 0, 1), 0);
    ask(0, IOREQ_READ, BAR, 4, 0);
    event(0);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_false(a.replay);
}

/* A slot is busy with the frames it writes to until Xen has taken the answer. */
static void busy_frames(void **state)
{
    struct vmm_access a;
    struct ioreq *r;

    (void)state;
    assert_int_equal(xen_bind_vcpus(&vm, false), 0);
    assert_false(xen_busy(&vm, 0x1234));
    r = ask(1, IOREQ_WRITE, 0x1234ff8, 8, 5);
    r->count = 2; /* into the next page */
    event(1);
    assert_true(xen_busy(&vm, 0x1234));
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_int_equal(a.space, VMM_GUEST);
    assert_int_equal(met.n, 1);
    assert_int_equal(met.inherited, 0);
    assert_int_equal(met.addr, 0x1234ff8);
    assert_true(xen_busy(&vm, 0x1235));
    assert_int_equal(xen_complete(&vm, 1, 0), 0);
    assert_true(xen_busy(&vm, 0x1234));
    assert_false(xen_busy(&vm, 0x1236));
    r->state = STATE_IOREQ_NONE;
    assert_false(xen_busy(&vm, 0x1234));
}

static void inherited_frames(void **state)
{
    struct vmm_access a;

    (void)state;
    ask(0, IOREQ_WRITE, 0x5000, 4, 0)->state = STATE_IOREQ_INPROCESS;
    ask(1, IOREQ_WRITE, 0x6000, 4, 5);
    assert_int_equal(xen_bind_vcpus(&vm, true), 0);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_int_equal(met.inherited, 2);
    assert_int_equal(xen_complete(&vm, 1, 0), 0);
    ask(1, IOREQ_WRITE, 0x6000, 4, 5);
    event(1);
    assert_int_equal(xen_next(&vm, &a), 1);
    assert_int_equal(met.n, 3);
    assert_int_equal(met.inherited, 2);
}

static void unmapped_port_refused(void **state)
{
    (void)state;
    shared.page.vcpu_ioreq[1].vp_eport = 0;
    assert_int_equal(xen_bind_vcpus(&vm, false), -EPROTO);
}

static void nonsense_is_answered_here(void **state)
{
    static const struct {
        uint8_t type, dir;
        uint32_t size, count;
        uint64_t addr;
    } bad[] = {
        {IOREQ_TYPE_COPY, IOREQ_READ, 3, 1, BAR},
        {IOREQ_TYPE_COPY, IOREQ_READ, 0, 1, BAR},
        {IOREQ_TYPE_COPY, IOREQ_READ, 16, 1, BAR},
        {IOREQ_TYPE_COPY, IOREQ_READ, 4, 0, BAR},
        {IOREQ_TYPE_COPY, IOREQ_READ, 4, VMM_MAX_REP + 1, BAR},
        {IOREQ_TYPE_COPY, IOREQ_READ, 8, 1, UINT64_MAX - 3},
        {IOREQ_TYPE_PIO, IOREQ_READ, 4, 1, 0xcf8},
        {IOREQ_TYPE_PCI_CONFIG, IOREQ_READ, 4, 1, 0x1800000000},
        {IOREQ_TYPE_PCI_CONFIG, IOREQ_READ, 4, 1, 0x1000000100},
        {IOREQ_TYPE_PCI_CONFIG, IOREQ_READ, 4, 1, 0x10000000fe},
        {IOREQ_TYPE_PCI_CONFIG, IOREQ_READ, 8, 1, 0x1000000000},
        {IOREQ_TYPE_INVALIDATE, IOREQ_WRITE, 4, 0, 0},
    };
    struct vmm_access a;

    (void)state;
    assert_int_equal(xen_bind_vcpus(&vm, false), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ioreq *r = ask(0, bad[i].dir, bad[i].addr, bad[i].size, 0);

        r->type = bad[i].type;
        r->count = bad[i].count;
        event(0);
        assert_int_equal(xen_next(&vm, &a), 0);
        assert_int_equal(r->state, STATE_IORESP_READY);
        assert_int_equal(r->data, ~0ull);
        assert_int_equal(ev.notified[110], i + 1);
    }
    assert_int_equal(vm.refused, sizeof bad / sizeof bad[0] - 1);
}

static void spaces(void **state)
{
    struct ioreq r = {.addr = BAR + 0xffc, .size = 4, .count = 1, .type = IOREQ_TYPE_COPY};
    struct vmm_access a;

    (void)state;
    r.data = 0xffffffff12345678;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_MMIO);
    assert_true(a.write);
    assert_int_equal(a.data, 0x12345678);
    r.addr = BAR + 0xffd; /* runs out of the range */
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_GUEST);
    r.type = IOREQ_TYPE_PCI_CONFIG;
    r.addr = 0x10000000fcull;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_CONFIG);
    assert_int_equal(a.addr, 0xfc);
}

static void rep_extent(void **state)
{
    struct ioreq r = {.addr = BAR, .size = 4, .count = 1024, .type = IOREQ_TYPE_COPY};
    struct vmm_access a;

    (void)state;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_MMIO);
    r.df = 1; /* downward from the first dword: below the range */
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_GUEST);
    r.addr = BAR + 0xffc;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_int_equal(a.space, VMM_MMIO);
    assert_true(a.backwards);
    r.addr = 4;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_REFUSED);
    r.addr = BAR;
    r.df = 0;
    r.data_is_ptr = 1;
    r.data = 0x123456789abcull;
    assert_int_equal(xen_decode(&keep, &r, &a), XEN_IOREQ_ACCESS);
    assert_true(a.indirect);
    assert_int_equal(a.data, 0x123456789abcull);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(read_and_answer),           T(each_vcpu_once), T(takes_over), T(unmapped_port_refused),
        T(nonsense_is_answered_here), T(spaces),         T(rep_extent), T(busy_frames),
        T(inherited_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
