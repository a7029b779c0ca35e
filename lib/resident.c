/* SPDX-License-Identifier: MIT */
/* resident.c: see resident.h. */
#include "lib/resident.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define LARGE (128 * 1024) /* bytes; glibc's own first limit */

int resident_keep(const struct log *log)
{
    struct rlimit limit;
    int rc;

    /* Else the limit rises with the first large block that is freed: the next ones are cut from the
     * heap, which then stays as large as it ever was. */
    mallopt(M_MMAP_THRESHOLD, LARGE);
    if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur != RLIM_INFINITY)
        return RESIDENT_NOT_ALLOWED;
    if (!mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
        return 0;
    rc = -errno;
    log_write(log, LOG_WARNING,
              "memory cannot be locked; the service may have to wait for the disk",
              "error=%d why=\"%s\"", rc, strerror(-rc));
    return rc;
}
