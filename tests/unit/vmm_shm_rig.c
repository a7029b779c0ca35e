/* SPDX-License-Identifier: MIT */
/* vmm_shm_rig.c: see vmm_shm_rig.h. */
#include "tests/unit/vmm_shm_rig.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int shm_setup(void **state)
{
    static struct fix f;

    memset(&f, 0, sizeof f);
    strcpy(f.dir, "/tmp/vgt-shm-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    assert_int_equal(shm_select(f.dir), 0);
    assert_int_equal(rig_guest_new(&f.g, f.dir, DOMID, PAGES, 2), 0);
    f.keep = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f.keep != MAP_FAILED);
    assert_int_equal(OPS.open_device(DOMID, 0, f.keep, &f.v), 0);
    *state = &f;
    return 0;
}

int shm_teardown(void **state)
{
    struct fix *f = *state;

    if (f->v)
        OPS.close(f->v);
    rig_guest_free(&f->g);
    munmap(f->keep, PAGE);
    rmdir(f->dir);
    return 0;
}

void *perform(void *arg)
{
    struct access *x = arg;
    struct rig_guest *g = &x->f->g;
    const struct vmm_access *a = &x->a;

    if (x->raw)
        x->rc = vcpu_trap(g, a, &x->data);
    else if (a->space == VMM_CONFIG && a->write)
        x->rc = vcpu_config_write(g, a->vcpu, (uint32_t)a->addr, a->size, a->data);
    else if (a->space == VMM_CONFIG)
        x->rc = vcpu_config_read(g, a->vcpu, (uint32_t)a->addr, a->size, &x->data);
    else if (a->write)
        x->rc = vcpu_write(g, a->vcpu, a->addr, a->size, a->data);
    else
        x->rc = vcpu_read(g, a->vcpu, a->addr, a->size, &x->data);
    return NULL;
}

void start(struct fix *f, struct access *x, struct vmm_access a)
{
    if (!a.count)
        a.count = 1;
    *x = (struct access){.f = f, .a = a, .rc = 1};
    assert_int_equal(pthread_create(&x->thread, NULL, perform, x), 0);
}

int finish(struct access *x)
{
    assert_int_equal(pthread_join(x->thread, NULL), 0);
    return x->rc;
}

bool readable(struct fix *f, int ms)
{
    struct pollfd p = {.fd = OPS.fd(f->v), .events = POLLIN};

    return poll(&p, 1, ms) == 1;
}

struct vmm_access taken(struct fix *f)
{
    struct vmm_access got;
    int rc;

    while (!(rc = OPS.next(f->v, &got)))
        assert_true(readable(f, 10000));
    assert_int_equal(rc, 1);
    return got;
}

void wait_ready(struct fix *f, uint16_t vcpu)
{
    while (__atomic_load_n(&f->g.s->slot[vcpu].state, __ATOMIC_ACQUIRE) != SHM_READY)
        usleep(100);
}
