/* SPDX-License-Identifier: MIT */
/*
 * checks.h: what must be so before the broker starts; each refusal is one sentence. Called by
 * main.c, once.
 */
#pragma once
#include <stddef.h>

/* 0, or -errno with the sentence in why: Xen's command line asks for what cannot work. Where Xen
 * cannot be asked, 0. */
int check_xen(char *why, size_t size);
