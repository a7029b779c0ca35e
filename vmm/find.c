/* SPDX-License-Identifier: MIT */
/*
 * find.c: the list of hypervisor back ends. Apart from vmm.c so that a test of one back end needs
 * not the libraries of all. Called once at start by every service.
 */
#include <string.h>

#include "vmm/fake/fake.h"
#include "vmm/shm/shm.h"
#include "vmm/vmm.h"
#include "vmm/xen/xen.h"

const struct vmm_ops *vmm_find(const char *name)
{
    static const struct vmm_ops *const all[] = {&vmm_xen_ops, &vmm_fake_ops};

    if (!strncmp(name, "shm:", 4))
        return shm_select(name + 4) ? NULL : &vmm_shm_ops;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}
