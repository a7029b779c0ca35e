/* SPDX-License-Identifier: MIT */
/*
 * png.c: screenshots as PNG files, with libpng. Called by the screenshot command.
 */
#include "vgtctl/png.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct encoder {
    png_structp png;
    png_infop info;
    uint8_t *row;
};

/* libpng's own handlers print; ours come back to encode(). */
static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static int encode(struct encoder *e, FILE *out, const struct shot *shot)
{
    if (setjmp(png_jmpbuf(e->png)))
        return errno ? -errno : -EIO;
    errno = 0;
    png_init_io(e->png, out);
    png_set_IHDR(e->png, e->info, shot->width, shot->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(e->png, e->info);
    for (uint32_t y = 0; y < shot->height; y++) {
        shot_row(shot, y, e->row);
        png_write_row(e->png, e->row);
    }
    png_write_end(e->png, NULL);
    return fflush(out) ? -errno : 0;
}

int png_write_shot(FILE *out, const struct shot *shot)
{
    struct encoder e = {.row = malloc((size_t)shot->width * 3)};
    int err = -ENOMEM;

    e.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
    e.info = e.png ? png_create_info_struct(e.png) : NULL;
    if (e.info && e.row)
        err = encode(&e, out, shot);
    png_destroy_write_struct(&e.png, &e.info);
    free(e.row);
    return err;
}

/* A new file of the usual mode, under a name nobody has. */
static int create(char *part, FILE **file)
{
    mode_t mask = umask(0);
    int fd = mkstemp(part), err;

    umask(mask);
    if (fd < 0)
        return -errno;
    *file = fchmod(fd, 0666 & ~mask) ? NULL : fdopen(fd, "wb");
    if (*file)
        return 0;
    err = -errno;
    close(fd);
    unlink(part);
    return err;
}

static int save(char *part, const char *path, const struct shot *shot)
{
    FILE *file;
    int err = create(part, &file);

    if (err)
        return err;
    err = png_write_shot(file, shot);
    if (fclose(file) && !err)
        err = -errno;
    if (!err && rename(part, path))
        err = -errno;
    if (err)
        unlink(part);
    return err;
}

int png_save_shot(const char *path, const struct shot *shot)
{
    struct stat st;
    char *part;
    int err;

    if (!stat(path, &st) && !S_ISREG(st.st_mode))
        return -EEXIST;
    if (asprintf(&part, "%s.XXXXXX", path) < 0)
        return -ENOMEM;
    err = save(part, path, shot);
    free(part);
    return err;
}
