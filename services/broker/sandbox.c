/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: what vgt-broker may ask of the kernel while it serves: it makes memory files for
 * guests that come, takes connections, makes domain calls; it starts no program.
 */
#include "services/broker/broker.h"

#include "kmod-stub/vgt_stub.h"

#include <fcntl.h>
#include <seccomp.h>

static const struct sandbox_rule own[] = {
    SANDBOX_CALL(accept4),
    SANDBOX_CALL(memfd_create),
    SANDBOX_CALL(ftruncate),
    SANDBOX_CALL(fchmod),
    SANDBOX_CALL(pwrite64),
    SANDBOX_CALL(unlink), /* its sockets, when it ends */
    /* ... and those it could not make at the start, for want of space */
    SANDBOX_CALL(bind),
    SANDBOX_CALL(listen),
    SANDBOX_CALL(newfstatat),
    SANDBOX_CALL(chmod),
    SANDBOX_CALL(chown),
    SANDBOX_IS(fcntl, 1, F_ADD_SEALS),
    SANDBOX_IOCTL(VGT_IOC_ATTACH),
    SANDBOX_IOCTL(VGT_IOC_DETACH),
};
static const struct sandbox_set own_set = SANDBOX_SET(own);

const struct sandbox broker_sandbox = {{&sandbox_base, &sandbox_unix, &sandbox_open,
                                        &sandbox_threads, &sandbox_xen_memory, &sandbox_xen_events,
                                        &sandbox_xen_grants, &own_set}};
