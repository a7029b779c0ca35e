/* SPDX-License-Identifier: MIT */
/* vm.c: a guest of vmm/shm as a machine; see machine.h. */
#include "tests/rig/machine.h"
#include "tests/rig/vcpu.h"

static int vm_read(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t *data)
{
    return vcpu_read(m->self, vcpu, gpa, size, data);
}

static int vm_write(struct machine *m, uint16_t vcpu, uint64_t gpa, unsigned size, uint64_t data)
{
    return vcpu_write(m->self, vcpu, gpa, size, data);
}

static int vm_config_read(struct machine *m, uint32_t at, unsigned size, uint64_t *data)
{
    return vcpu_config_read(m->self, 0, at, size, data);
}

static int vm_config_write(struct machine *m, uint32_t at, unsigned size, uint64_t data)
{
    return vcpu_config_write(m->self, 0, at, size, data);
}

static int vm_msi(struct machine *m, unsigned most_ms, struct shm_msi *msi)
{
    return rig_msi(m->self, most_ms, msi);
}

void machine_vm(struct machine *m, struct rig_guest *g)
{
    static const struct machine_ops ops = {vm_read, vm_write, vm_config_read, vm_config_write,
                                           vm_msi};

    *m = (struct machine){
        .ops = &ops, .self = g, .ram = g->ram, .pages = g->pages, .domid = g->domid};
}
