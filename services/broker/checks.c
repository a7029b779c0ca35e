/* SPDX-License-Identifier: MIT */
/*
 * checks.c: see checks.h. Asks Xen through libxenctrl.
 */
#include "services/broker/checks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xenctrl.h>

/* Is word among the comma-separated values of option on the command line? The last one counts for
 * Xen; any is reason enough to say so. */
static bool has(const char *line, const char *option, const char *word)
{
    size_t length = strlen(option), n = strlen(word);

    for (const char *p = line; (p = strstr(p, option)); p += length) {
        if (p != line && p[-1] != ' ')
            continue;
        for (const char *v = p + length; *v && *v != ' ';
             v += strcspn(v, ", ") + (v[strcspn(v, ", ")] == ','))
            if (!strncmp(v, word, n) && (!v[n] || v[n] == ' ' || v[n] == ','))
                return true;
    }
    return false;
}

int check_xen(char *why, size_t size)
{
    xc_interface *xc = xc_interface_open(NULL, NULL, 0);
    xen_commandline_t line = "";
    int rc;

    if (!xc)
        return 0;
    rc = xc_version(xc, XENVER_commandline, &line);
    xc_interface_close(xc);
    line[sizeof(line) - 1] = 0;
    if (rc < 0 || !has(line, "dom0-iommu=", "strict"))
        return 0;
    snprintf(why, size,
             "Xen was started with dom0-iommu=strict, which keeps the GPU from guests' "
             "memory; remove it from Xen's command line");
    return -EPERM;
}
