/* SPDX-License-Identifier: MIT */
/*
 * vgt-dm: what libxl starts as the device model of a guest with a vGPU. It asks the broker for the
 * vGPU, waits for the answer, and becomes the real device model. A refusal is one sentence on
 * stderr, which libxl keeps in /var/log/xen/qemu-dm-NAME.log, and in xenstore.
 */
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"
#include "services/broker/dm_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL       "/usr/libexec/xen-qemu-system-i386"
#define CTL_VCHAN  "vchan:/local/domain/0/vgt/ctl"
#define CTL_SOCKET "unix:/run/vgt/ctl.sock"
#define UNANSWERED "vgt-broker does not answer; is vgt.target started?"
#define ERROR_NODE "/local/domain/0/vgt/last-error"
#define LIMIT_NS   55000000000ull /* libxl gives up after 60 s */

struct dm {
    struct loop *loop;
    struct store *store;
    struct chan *chan;
    char why[512];
};

static int end(struct dm *dm, int rc, const char *text)
{
    if (text)
        snprintf(dm->why, sizeof(dm->why), "%s", text);
    loop_stop(dm->loop, rc);
    return rc;
}

static void on_attached(struct chan *chan, const struct chan_message *m, void *data)
{
    (void)chan;
    (void)m;
    end(data, 0, NULL);
}

static void on_error(struct chan *chan, const struct chan_message *m, void *data)
{
    struct dm *dm = data;

    (void)chan;
    log_clean(dm->why, sizeof(dm->why), ((const Vgt__Error *)m->body)->text);
    end(dm, -ECANCELED, NULL);
}

/* A vchan that nobody serves runs out of its own patience. */
static void on_closed(struct chan *chan, int err, void *data)
{
    struct dm *dm = data;

    dm->chan = NULL;
    chan_close(chan);
    end(dm, -ECONNRESET,
        err == -ETIMEDOUT ? UNANSWERED : "vgt-broker closed the connection; see its journal");
}

static void on_limit(void *data, uint32_t events)
{
    (void)events;
    end(data, -ETIMEDOUT, UNANSWERED);
}

static const struct chan_type types[] = {
    {VGT__TYPE__TYPE_ATTACH_REPLY, &vgt__attach_reply__descriptor, on_attached},
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_error},
};
static const struct chan_user user = {.types = types, .count = 2, .closed = on_closed};

static int ask(struct dm *dm, const struct dm_args *args)
{
    Vgt__AttachRequest r = VGT__ATTACH_REQUEST__INIT;
    struct loop_source *limit;
    int rc = loop_timer(dm->loop, on_limit, dm, &limit);

    if (!rc)
        rc = loop_timer_arm(limit, LIMIT_NS, 0);
    r.domid = args->domid;
    r.name = (char *)args->name;
    r.type = (char *)args->type;
    r.low_mb = args->low_mb;
    r.high_mb = args->high_mb;
    r.fences = args->fences;
    r.weight = args->weight;
    r.monitor = (char *)args->monitor;
    if (!rc)
        rc = chan_send(dm->chan, VGT__TYPE__TYPE_ATTACH, chan_next_id(dm->chan), &r.base, NULL, 0);
    return rc ? rc : loop_run(dm->loop);
}

/* The trusted tools speak vchan. VGT_CTL names another way; the socket is there without Xen's. */
static int connect_broker(struct dm *dm)
{
    const char *uri = getenv("VGT_CTL");
    int rc = store_open(dm->loop, "xen:", &dm->store);

    if (rc)
        dm->store = NULL;
    if (uri && *uri)
        return chan_connect(dm->loop, dm->store, uri, &user, dm, &dm->chan);
    if (dm->store && !chan_connect(dm->loop, dm->store, CTL_VCHAN, &user, dm, &dm->chan))
        return 0;
    return chan_connect(dm->loop, NULL, CTL_SOCKET, &user, dm, &dm->chan);
}

static int attach(const struct dm_args *args)
{
    struct dm dm = {0};
    int rc = loop_new(&dm.loop);

    if (!rc)
        rc = connect_broker(&dm);
    if (!rc)
        rc = ask(&dm, args);
    if (rc && !dm.why[0])
        snprintf(dm.why, sizeof(dm.why),
                 "vgt-broker cannot be reached (%s); is vgt.target started?", strerror(-rc));
    if (rc) {
        fprintf(stderr, "vgt-dm: no vGPU for domain %u: %s\n", args->domid, dm.why);
        if (dm.store)
            store_write(dm.store, ERROR_NODE, dm.why);
    }
    chan_close(dm.chan);
    store_close(dm.store);
    loop_free(dm.loop);
    return rc;
}

static const char *real_device_model(void)
{
    const char *path = getenv("VGT_DM_REAL");

    return path && *path ? path : REAL;
}

static int become(char **argv)
{
    const char *path = real_device_model();

    argv[0] = (char *)path;
    execv(path, argv);
    fprintf(stderr, "vgt-dm: cannot run %s: %s\n", path, strerror(errno));
    return 1;
}

/* What libxl asks a device model besides running a domain is for the real one. */
static bool for_domain(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "-xen-domid"))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct dm_args args;
    char why[256] = "out of memory";

    if (argc < 1 || !for_domain(argc, argv))
        return become(argv);
    if (dm_args_read(argc, argv, &args, why, sizeof(why))) {
        fprintf(stderr, "vgt-dm: %s\n", why);
        return 1;
    }
    if (attach(&args))
        return 1;
    free(args.argv[0]);
    return become(args.argv);
}
