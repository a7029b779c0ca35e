/* SPDX-License-Identifier: MIT */
/*
 * vmm.c: what every hypervisor back end shares: the arithmetic of REP accesses and copies through
 * a short-lived mapping. Called by every service that has a guest
 * handle; no state, so any thread may call it.
 */
#include "vmm/vmm.h"

#include <errno.h>
#include <string.h>

#define PAGE 4096u

static uint64_t step(uint64_t base, const struct vmm_access *a, uint32_t i)
{
    uint64_t off = (uint64_t)i * a->size;

    return a->backwards ? base - off : base + off;
}

uint64_t vmm_element_addr(const struct vmm_access *a, uint32_t i)
{
    return step(a->addr, a, i);
}

uint64_t vmm_operand_addr(const struct vmm_access *a, uint32_t i)
{
    return step(a->data, a, i);
}

static int copy_in_page(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, void *buf,
                        size_t len, bool to_guest)
{
    uint64_t gfn = gpa / PAGE;
    uint8_t *page = ops->map(v, &gfn, 1, to_guest);

    if (!page)
        return -EFAULT;
    if (to_guest)
        memcpy(page + gpa % PAGE, buf, len);
    else
        memcpy(buf, page + gpa % PAGE, len);
    ops->unmap(v, page, 1);
    return 0;
}

static int copy(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, void *buf, size_t len,
                bool to_guest)
{
    uint8_t *at = buf;

    while (len) {
        size_t n = PAGE - gpa % PAGE;
        int rc;

        if (n > len)
            n = len;
        rc = copy_in_page(ops, v, gpa, at, n, to_guest);
        if (rc)
            return rc;
        gpa += n;
        at += n;
        len -= n;
    }
    return 0;
}

int vmm_copy_from(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, void *buf, size_t len)
{
    return copy(ops, v, gpa, buf, len, false);
}

int vmm_copy_to(const struct vmm_ops *ops, struct vmm *v, uint64_t gpa, const void *buf, size_t len)
{
    return copy(ops, v, gpa, (void *)(uintptr_t)buf, len, true);
}
