/* SPDX-License-Identifier: MIT */
/*
 * evtchn_echo.c: answers each event on a guest's event channel with an event: the least that a
 * process in dom0 can do for a guest (`./run bench trap`). Ends when it is killed. One thread.
 * usage: evtchn_echo DOMID PORT
 */
#include <stdio.h>
#include <stdlib.h>
#include <xenevtchn.h>

int main(int argc, char **argv)
{
    xenevtchn_handle *x = xenevtchn_open(NULL, 0);
    int bound, port;

    if (argc != 3 || !x) {
        fprintf(stderr, "usage: evtchn_echo DOMID PORT (as root in dom0)\n");
        return 2;
    }
    bound = xenevtchn_bind_interdomain(x, (uint32_t)atoi(argv[1]), (uint32_t)atoi(argv[2]));
    if (bound < 0) {
        fprintf(stderr, "evtchn_echo: domain %s has no port %s for dom0\n", argv[1], argv[2]);
        return 1;
    }
    printf("bound\n");
    fflush(stdout);
    for (;;) {
        port = xenevtchn_pending(x);
        if (port < 0 || xenevtchn_unmask(x, (uint32_t)port) || xenevtchn_notify(x, bound))
            return 1;
    }
}
