/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgtctl, the command line of vgt. Everything is in libvgtctl.a, where tests reach it.
 */
#include "vgtctl/ctl.h"

int main(int argc, char **argv)
{
    return ctl_main(argc, argv, stdout, stderr);
}
