/* SPDX-License-Identifier: MIT */
/*
 * ctl_fault.c: arms, lists and clears faults for the control socket. Loop's thread.
 */
#include "softgpu/ctl_fault.h"

#include "softgpu/fault.h"

#include <errno.h>
#include <string.h>

static int list(struct faults *f, FILE *out)
{
    fputs("{\"ok\":true,\"faults\":", out);
    faults_dump(f, out);
    fputs("}\n", out);
    return 0;
}

int ctl_fault(struct faults *f, unsigned engines, char **words, unsigned n, FILE *out)
{
    struct fault_spec spec;
    int ret;

    if (n == 2 && !strcmp(words[1], "list"))
        return list(f, out);
    if (n == 2 && !strcmp(words[1], "clear")) {
        faults_clear(f);
        return list(f, out);
    }
    ret = fault_parse(words[1], n > 2 ? words[2] : NULL, n > 3 ? words[3] : NULL, &spec);
    if (!ret && !fault_fits(&spec, engines))
        ret = -ENODEV;
    if (ret) {
        fputs("{\"ok\":false,\"error\":\"", out);
        fault_explain(ret, out);
        fputs("\"}\n", out);
        return 0;
    }
    faults_arm(f, &spec);
    return list(f, out);
}
