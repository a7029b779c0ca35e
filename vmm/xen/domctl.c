/* SPDX-License-Identifier: MIT */
/*
 * domctl.c: the broker's calls, which need an unconfined process: machine frames in the guest's
 * physical map (the aperture) and pausing. libxenctrl, whose ABI changes with each Xen release;
 * nothing else in the tree uses it.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmm/xen/priv.h"

static int open_both(struct vmm *v)
{
    v->xc = xc_interface_open(NULL, NULL, 0);
    if (!v->xc)
        return -errno;
    v->dm = xendevicemodel_open(NULL, 0);
    return v->dm ? 0 : -errno;
}

int xen_open_control(uint32_t domid, struct vmm **out)
{
    struct vmm *v = calloc(1, sizeof *v);
    int rc;

    if (!v)
        return -ENOMEM;
    v->domid = domid;
    rc = open_both(v);
    if (rc) {
        xen_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

/* Dying, or gone already. The list call is the one that all Xen releases have. */
bool xen_dying(struct vmm *v)
{
    xc_domaininfo_t info;

    if (xc_domain_getinfolist(v->xc, v->domid, 1, &info) != 1 || info.domain != v->domid)
        return true;
    return (info.flags & XEN_DOMINF_dying) != 0;
}

/* The permission comes first and goes last, so no mapping is ever without it. */
int xen_map_machine(struct vmm *v, uint64_t gfn, uint64_t mfn, uint64_t nr, bool on)
{
    if (!v->xc)
        return -EPERM;
    if (on && xc_domain_iomem_permission(v->xc, v->domid, mfn, nr, 1) < 0)
        return -errno;
    if (xc_domain_memory_mapping(v->xc, v->domid, gfn, mfn, nr,
                                 on ? DPCI_ADD_MAPPING : DPCI_REMOVE_MAPPING) < 0) {
        int rc = -errno;

        if (on)
            xc_domain_iomem_permission(v->xc, v->domid, mfn, nr, 0);
        return rc;
    }
    if (!on && xc_domain_iomem_permission(v->xc, v->domid, mfn, nr, 0) < 0)
        return -errno;
    return 0;
}

int xen_pause(struct vmm *v, bool on)
{
    int rc;

    if (!v->xc)
        return -EPERM;
    rc = on ? xc_domain_pause(v->xc, v->domid) : xc_domain_unpause(v->xc, v->domid);
    return rc < 0 ? -errno : 0;
}
