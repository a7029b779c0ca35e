/* SPDX-License-Identifier: MIT */
/*
 * memory.c: mapping a guest's frames (XEN privcmd, foreign maps). gtt's workers call map and unmap
 * from several threads: libxenforeignmemory keeps no state between the calls but its descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "vmm/xen/priv.h"

/* Only this handle is confined: one process may hold the memory of several guests. */
static int open_confined(struct vmm *v)
{
    v->fm = xenforeignmemory_open(NULL, 0);
    if (!v->fm || xenforeignmemory_restrict(v->fm, v->domid) < 0)
        return -errno;
    return 0;
}

int xen_open_memory(uint32_t domid, struct vmm **out)
{
    struct vmm *v = calloc(1, sizeof *v);
    int rc;

    if (!v)
        return -ENOMEM;
    v->domid = domid;
    rc = open_confined(v);
    if (rc) {
        xen_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

static bool all_mapped(const int *err, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (err[i])
            return false;
    return true;
}

void *xen_map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable)
{
    int prot = PROT_READ | (writable ? PROT_WRITE : 0);
    int one, *err = nr == 1 ? &one : calloc(nr, sizeof *err);
    void *at = NULL;

    static_assert(sizeof(xen_pfn_t) == sizeof *gfns, "gfn width");
    if (!err || !v->fm) {
        errno = err ? EPERM : ENOMEM;
    } else {
        at = xenforeignmemory_map(v->fm, v->domid, prot, nr, (const xen_pfn_t *)gfns, err);
        if (at && !all_mapped(err, nr)) {
            xenforeignmemory_unmap(v->fm, at, nr);
            at = NULL;
            errno = EFAULT;
        }
    }
    if (err != &one) {
        int saved = errno;

        free(err);
        errno = saved;
    }
    return at;
}

void xen_unmap(struct vmm *v, void *addr, size_t nr)
{
    xenforeignmemory_unmap(v->fm, addr, nr);
}
