/* SPDX-License-Identifier: MIT */
/* node.c: see node.h. No state. */
#include "gpu/node/node.h"
#include "gpu/soft/soft.h"
#include "gpu/stub/stub.h"

#include <errno.h>
#include <sys/stat.h>

enum kind { KIND_STUB = 1, KIND_SOFT };

/* An enum kind or -errno. */
static int kind_of(int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -errno;
    return S_ISCHR(st.st_mode) ? KIND_STUB : S_ISSOCK(st.st_mode) ? KIND_SOFT : -ENOTTY;
}

int gpu_node_open_fd(int fd, struct gpu **g)
{
    int kind = kind_of(fd);

    if (kind < 0)
        return kind;
    return kind == KIND_SOFT ? gpu_soft_open_fd(fd, g) : gpu_stub_open_fd(fd, g);
}

int gpu_node_info(int fd, struct gpu_info *info)
{
    int kind = kind_of(fd);

    if (kind < 0)
        return kind;
    return kind == KIND_SOFT ? gpu_soft_info(fd, info) : gpu_stub_info(fd, info);
}

int gpu_node_attach(int broker_fd, uint16_t domid)
{
    int kind = kind_of(broker_fd);

    if (kind < 0)
        return kind;
    return kind == KIND_SOFT ? gpu_soft_attach(broker_fd, domid)
                             : gpu_stub_attach(broker_fd, domid);
}

int gpu_node_detach(int broker_fd, uint16_t domid)
{
    int kind = kind_of(broker_fd);

    if (kind < 0)
        return kind;
    return kind == KIND_SOFT ? gpu_soft_detach(broker_fd, domid)
                             : gpu_stub_detach(broker_fd, domid);
}
