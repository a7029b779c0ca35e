/* SPDX-License-Identifier: MIT */
/*
 * device.c: claiming 00:02.0 of one guest: an ioreq server without buffered page, the page mapped
 * before the server is enabled (else Xen leaves every vp_eport 0), the device's config cycles, the
 * page type whose writes trap (protect.c uses it); then confinement. A later process takes the same
 * server over by the id in struct vmm_resume; Xen keeps servers, ranges and page types until the
 * domain ends.
 */
#include "vmm/xen/priv.h" /* first: it asks for the tools' part of Xen's headers */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <xentoolcore.h>

static int claim_server(struct vmm *v)
{
    ioservid_t id;

    if (v->keep->claimed)
        return 0;
    if (xendevicemodel_create_ioreq_server(v->dm, v->domid, HVM_IOREQSRV_BUFIOREQ_OFF, &id) < 0)
        return -errno;
    v->keep->server = id;
    v->keep->claimed = 1;
    return 0;
}

static int map_page(struct vmm *v)
{
    void *at = NULL;

    v->res = xenforeignmemory_map_resource(
        v->fm, v->domid, XENMEM_resource_ioreq_server, v->keep->server,
        XENMEM_resource_ioreq_server_frame_ioreq(0), 1, &at, PROT_READ | PROT_WRITE, MAP_SHARED);
    if (!v->res)
        return -errno;
    v->page = at;
    return 0;
}

/* A former process may have died between any two of these steps: what it did answers EEXIST, and
 * claiming the page type twice answers EBUSY. */
static int enable_server(struct vmm *v)
{
    ioservid_t id = v->keep->server;

    if (v->keep->ready)
        return 0;
    if (xendevicemodel_map_pcidev_to_ioreq_server(v->dm, v->domid, id, 0, 0, 2, 0) < 0 &&
        errno != EEXIST)
        return -errno;
    if (xendevicemodel_map_mem_type_to_ioreq_server(v->dm, v->domid, id, HVMMEM_ioreq_server,
                                                    XEN_DMOP_IOREQ_MEM_ACCESS_WRITE) < 0 &&
        errno != EBUSY)
        return -errno;
    if (xendevicemodel_set_ioreq_server_state(v->dm, v->domid, id, 1) < 0)
        return -errno;
    v->keep->ready = 1;
    return 0;
}

static int map_range(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    int (*op)(xendevicemodel_handle *, domid_t, ioservid_t, int, uint64_t, uint64_t) =
        on ? xendevicemodel_map_io_range_to_ioreq_server
           : xendevicemodel_unmap_io_range_from_ioreq_server;

    return op(v->dm, v->domid, v->keep->server, 1, start, start + len - 1) < 0 ? -errno : 0;
}

/* Ranges are noted before Xen learns them and forgotten after, so all noted ones may be missing. */
static int restore_ranges(struct vmm *v)
{
    for (uint32_t i = 0; i < VMM_MAX_RANGES; i++) {
        int rc;

        if (!v->keep->range[i].len)
            continue;
        rc = map_range(v, v->keep->range[i].start, v->keep->range[i].len, true);
        if (rc && rc != -EEXIST)
            return rc;
    }
    return 0;
}

static int open_handles(struct vmm *v)
{
    v->dm = xendevicemodel_open(NULL, 0);
    if (!v->dm)
        return -errno;
    v->fm = xenforeignmemory_open(NULL, 0);
    if (!v->fm)
        return -errno;
    v->ev = xenevtchn_open(NULL, 0);
    return v->ev ? 0 : -errno;
}

static int ask_vcpus(struct vmm *v)
{
    unsigned int nr;

    if (!v->nr_vcpus) {
        if (xendevicemodel_nr_vcpus(v->dm, v->domid, &nr) < 0)
            return -errno;
        v->nr_vcpus = nr > UINT16_MAX ? UINT16_MAX : nr;
    }
    return v->nr_vcpus && v->nr_vcpus <= VMM_MAX_VCPUS ? 0 : -EINVAL;
}

/* Confined first: nothing after it needs more than this one domain. */
static int set_up(struct vmm *v)
{
    bool resumed = v->keep->ready;
    int rc = open_handles(v);

    if (!rc && xentoolcore_restrict_all(v->domid) < 0)
        rc = -errno;
    if (!rc)
        rc = ask_vcpus(v);
    if (!rc)
        rc = claim_server(v);
    if (!rc)
        rc = map_page(v);
    if (!rc)
        rc = enable_server(v);
    if (!rc)
        rc = restore_ranges(v);
    return rc ? rc : xen_bind_vcpus(v, resumed);
}

int xen_open_device(uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep, struct vmm **out)
{
    struct vmm *v = calloc(1, sizeof *v);
    int rc;

    if (!v)
        return -ENOMEM;
    v->domid = domid;
    v->nr_vcpus = nr_vcpus;
    v->keep = keep;
    rc = set_up(v);
    if (rc) {
        xen_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void xen_close(struct vmm *v)
{
    if (v->res)
        xenforeignmemory_unmap_resource(v->fm, v->res);
    if (v->ev)
        xenevtchn_close(v->ev); /* unbinds; Xen keeps its ends for the next process */
    if (v->fm)
        xenforeignmemory_close(v->fm);
    if (v->dm)
        xendevicemodel_close(v->dm);
    if (v->xc)
        xc_interface_close(v->xc);
    release_free(&v->release);
    free(v);
}

static int find_range(const struct vmm_resume *keep, uint64_t start, uint64_t len)
{
    for (int i = 0; i < VMM_MAX_RANGES; i++)
        if (keep->range[i].start == start && keep->range[i].len == len)
            return i;
    return -1;
}

static int free_range(const struct vmm_resume *keep)
{
    for (int i = 0; i < VMM_MAX_RANGES; i++)
        if (!keep->range[i].len)
            return i;
    return -1;
}

static int trap_on(struct vmm *v, uint64_t start, uint64_t len)
{
    int i = free_range(v->keep), rc;

    if (i < 0)
        return -ENOSPC;
    v->keep->range[i].start = start;
    v->keep->range[i].len = len;
    rc = map_range(v, start, len, true);
    if (rc)
        v->keep->range[i].len = 0;
    return rc;
}

int xen_trap(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    int i, rc;

    if (!v->keep)
        return -EPERM;
    if (!len || start + len - 1 < start)
        return -EINVAL;
    i = find_range(v->keep, start, len);
    if (on)
        return i >= 0 ? 0 : trap_on(v, start, len);
    if (i < 0)
        return 0;
    rc = map_range(v, start, len, false);
    if (rc && rc != -ENOENT)
        return rc;
    v->keep->range[i].len = 0;
    return 0;
}

int xen_inject_msi(struct vmm *v, uint64_t msi_addr, uint32_t msi_data)
{
    if (!v->dm)
        return -EPERM;
    return xendevicemodel_inject_msi(v->dm, v->domid, msi_addr, msi_data) < 0 ? -errno : 0;
}

/* Xen prints which domain crashed; it takes no text, so why stays in the caller's own log. */
int xen_kill(struct vmm *v, const char *why)
{
    (void)why;
    if (!v->dm)
        return -EPERM;
    return xendevicemodel_shutdown(v->dm, v->domid, SHUTDOWN_crash) < 0 ? -errno : 0;
}

int xen_alive(struct vmm *v)
{
    unsigned int nr;

    /* A dying domain still answers the device model while somebody holds its pages. */
    if (v->xc)
        return xen_dying(v) ? -ESHUTDOWN : 0;
    if (!v->dm)
        return -EPERM;
    return xendevicemodel_nr_vcpus(v->dm, v->domid, &nr) < 0 ? -ESHUTDOWN : 0;
}
