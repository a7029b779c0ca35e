/* SPDX-License-Identifier: MIT */
/*
 * ctl-ask.c: send one line to a UNIX stream socket and print the one line it answers, such as
 * softgpu's control socket. A host tool of the tests. One thread.
 *
 * usage: ctl-ask SOCKET WORD...   Status 0 when an answer came within 20 seconds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    if (strlen(path) >= sizeof(addr.sun_path)) {
        close(fd);
        return -ENAMETOOLONG;
    }
    strcpy(addr.sun_path, path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

/* Print up to and with the first newline; 1 when it came, 0 at the end of the stream. */
static int print_line(int fd)
{
    char buf[4096];
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        char *end = memchr(buf, '\n', (size_t)n);
        fwrite(buf, 1, end ? (size_t)(end - buf + 1) : (size_t)n, stdout);
        if (end)
            return 1;
    }
    return n < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
    char line[4096] = "";
    size_t len = 0;

    if (argc < 3) {
        fprintf(stderr, "usage: ctl-ask SOCKET WORD...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i > 2 ? " " : "", argv[i]);
        if (len + 2 > sizeof(line))
            return 2;
    }
    strcpy(line + len, "\n");
    int fd = connect_to(argv[1]);
    int rc = fd < 0 ? fd : 0;
    if (!rc && write(fd, line, len + 1) != (ssize_t)(len + 1))
        rc = -EIO;
    if (!rc)
        rc = print_line(fd);
    if (rc < 0)
        fprintf(stderr, "ctl-ask: %s: %s\n", argv[1], strerror(-rc));
    return rc == 1 ? 0 : 1;
}
