/* SPDX-License-Identifier: MIT */
/* png.h: writes a screenshot as a PNG file. No state; any thread. */
#pragma once
#include "vgtctl/shot.h"

#include <stdio.h>

/* 0 or -errno. */
int png_write_shot(FILE *out, const struct shot *shot);
/* To a temporary file beside path, then renamed: path is whole or as before. -EEXIST: path is there
 * and no regular file. */
int png_save_shot(const char *path, const struct shot *shot);
