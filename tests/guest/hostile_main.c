/* SPDX-License-Identifier: MIT */
/*
 * hostile_main.c: the attacks of hostile.c from inside a guest under Linux.
 * hostile [--seconds S] [--seed N]
 */
#include "tests/guest/bare_guest.h"
#include "tests/guest/hostile.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const struct option options[] = {{"seconds", 1, NULL, 's'}, {"seed", 1, NULL, 'r'}, {0}};
    static struct hostile h;
    double seconds = 60;
    uint64_t seed = 1;
    int opt, rc;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 's')
            seconds = strtod(optarg, NULL);
        else if (opt == 'r')
            seed = strtoull(optarg, NULL, 0);
        else
            return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (bare_set_up(&h.v)) {
        printf("VGT: hostile_error=%s\n", strerror(errno));
        return 2;
    }
    rc = hostile_run(&h, seconds, seed);
    bare_keep_pages();
    return rc;
}
