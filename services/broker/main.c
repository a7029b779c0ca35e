/* SPDX-License-Identifier: MIT */
/*
 * main.c: vgt-broker as a process: options, what must be so before it starts, the device nodes
 * (from systemd's fd store if an earlier broker left them there), then the loop.
 */
#include "gen/gen8_engine.h"
#include "gpu/node/node.h"
#include "gpu/soft/soft.h"
#include "services/broker/broker.h"
#include "services/broker/checks.h"

#include "lib/resident.h"
#include "vmm/fake/fake.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* systemd gives up after 30 starts in 30 s, and then lets go of what it keeps: the guests' memory.
 */
#define PATIENCE_S 2u

struct options {
    const char *wire, *core, *store, *vmm, *dev_dir, *gpu, *units;
    const char *ctl[BROKER_MAX_CTL];
    unsigned ctl_count;
    unsigned limit_ms;
    bool debug, no_sandbox;
};

static void usage(FILE *out)
{
    fputs("usage: vgt-broker [options]\n"
          "  --wire URI     services connect here (" BROKER_WIRE ")\n"
          "  --core URI     control of vgt-gtt and vgt-sched; NONE: the wiring socket\n"
          "                 (" BROKER_CORE ")\n"
          "  --ctl URI      vgtctl and vgt-dm connect here; repeatable\n"
          "                 (" BROKER_CTL_VCHAN " and\n"
          "                 " BROKER_CTL_SOCKET ")\n"
          "  --store URI    xen: or file:/DIR (xen:); opened if a URI is a vchan\n"
          "  --vmm NAME     xen, fake, shm:DIR or none (xen)\n"
          "  --gpu NAME     stub, or soft:PATH: a program in the module's place that listens\n"
          "                 there (stub)\n"
          "  --dev-dir DIR  where the module's nodes are (/dev/vgt)\n"
          "  --units PATH   socket where the units of vgt-mmio are asked for\n"
          "                 (" BROKER_UNITS ")\n"
          "  --no-start     vgt-mmio@N is started and stopped by somebody else\n"
          "  --limit-ms N   of one step of a guest's coming and going (30000)\n"
          "  --debug        log more\n"
          "  --no-sandbox   no filter of system calls (to debug)\n"
          "  --help\n",
          out);
}

static const struct option longs[] = {
    {"wire", required_argument, NULL, 'w'},     {"core", required_argument, NULL, 'c'},
    {"ctl", required_argument, NULL, 't'},      {"store", required_argument, NULL, 's'},
    {"vmm", required_argument, NULL, 'v'},      {"dev-dir", required_argument, NULL, 'd'},
    {"units", required_argument, NULL, 'u'},    {"no-start", no_argument, NULL, 'n'},
    {"limit-ms", required_argument, NULL, 'l'}, {"debug", no_argument, NULL, 'g'},
    {"no-sandbox", no_argument, NULL, 'S'},     {"gpu", required_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
};

static int fail(const char *text)
{
    fprintf(stderr, "<3>vgt-broker: %s\n", text);
    return 1;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const char **text = c == 'w'   ? &o->wire
                            : c == 'c' ? &o->core
                            : c == 's' ? &o->store
                            : c == 'v' ? &o->vmm
                            : c == 'd' ? &o->dev_dir
                            : c == 'p' ? &o->gpu
                            : c == 'u' ? &o->units
                                       : NULL;

        if (text)
            *text = optarg;
        else if (c == 't' && o->ctl_count < BROKER_MAX_CTL)
            o->ctl[o->ctl_count++] = optarg;
        else if (c == 'l' && (o->limit_ms = (unsigned)strtoul(optarg, NULL, 10)) > 0)
            continue;
        else if (c == 'n')
            o->units = NULL;
        else if (c == 'S')
            o->no_sandbox = true;
        else if (c == 'g')
            o->debug = true;
        else {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind == argc)
        return -1;
    usage(stderr);
    return 2;
}

static void apply(const struct options *o, struct broker_config *config)
{
    config->wire = o->wire;
    config->core = strcmp(o->core, "NONE") ? o->core : NULL;
    config->units = o->units;
    config->limit_ms = o->limit_ms;
    config->ctl_count = o->ctl_count;
    memcpy(config->ctl, o->ctl, sizeof(config->ctl));
    if (o->ctl_count)
        return;
    config->ctl[0] = BROKER_CTL_VCHAN;
    config->ctl[1] = BROKER_CTL_SOCKET;
    config->ctl_count = 2;
}

/* ---- the hypervisor */

/* By hand, without Xen: any domain is there. */
static int open_any(uint32_t domid, struct vmm **out)
{
    fake_guest_new(domid, 1, 1);
    return vmm_fake_ops.open_control(domid, out);
}

static int choose_vmm(const char *name, struct vmm_ops *fake, const struct vmm_ops **ops)
{
    *ops = NULL;
    if (!strcmp(name, "none"))
        return 0;
    if (!strcmp(name, "fake")) {
        *fake = vmm_fake_ops;
        fake->open_control = open_any;
        *ops = fake;
        return 0;
    }
    *ops = vmm_find(name);
    return *ops ? 0 : -ENOENT;
}

static bool is_vchan(const char *uri)
{
    return uri && !strncmp(uri, "vchan:", 6);
}

static int open_store(struct loop *loop, const char *uri, struct broker_config *config)
{
    bool needed = is_vchan(config->core);

    for (unsigned i = 0; i < config->ctl_count; i++)
        needed |= is_vchan(config->ctl[i]);
    return needed ? store_open(loop, uri, &config->store) : 0;
}

/* ---- what an earlier broker left at systemd */

static int take_kept(struct broker_config *config)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(1, &names);

    config->keep = getenv("NOTIFY_SOCKET") != NULL;
    if (n <= 0)
        return n;
    config->kept = calloc((size_t)n, sizeof(*config->kept));
    if (!config->kept)
        return -ENOMEM;
    for (int i = 0; i < n; i++)
        config->kept[i] = (struct broker_kept){names[i], SD_LISTEN_FDS_START + i};
    config->kept_count = (unsigned)n;
    free(names);
    return 0;
}

static int kept_fd(const struct broker_config *config, const char *name)
{
    for (unsigned i = 0; i < config->kept_count; i++)
        if (!strcmp(config->kept[i].name, name))
            return config->kept[i].fd;
    return -1;
}

/* ---- the device nodes */

static int open_node(const char *dir, const char *name, int *fd)
{
    char path[256], why[400];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    *fd = open(path, O_RDWR | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    if (errno == ENOENT || errno == ENXIO)
        snprintf(why, sizeof(why), "%s is missing: load vgt_stub", path);
    else if (errno == EBUSY)
        snprintf(why, sizeof(why), "%s is open in another process", path);
    else
        snprintf(why, sizeof(why), "%s cannot be opened: %s", path, strerror(errno));
    return fail(why);
}

/* Instead of a node, a connection: it is kept, handed out and closed as one. */
static int connect_node(const char *path, const char *name, unsigned node, int *fd)
{
    char why[400];
    int rc = gpu_soft_connect(path, node, fd);

    if (!rc)
        return 0;
    *fd = -1;
    snprintf(why, sizeof(why), "node %s cannot be opened at %s: %s", name, path,
             rc == -EBUSY ? "it is open in another process" : strerror(-rc));
    return fail(why);
}

#define SOFT "soft:"

static int open_one(const struct options *o, const char *name, unsigned node, int *fd)
{
    if (!strncmp(o->gpu, SOFT, strlen(SOFT)))
        return connect_node(o->gpu + strlen(SOFT), name, node, fd);
    return open_node(o->dev_dir, name, fd);
}

static int open_nodes(const struct options *o, struct broker_config *config)
{
    static const char *const nodes[BROKER_DEVS] = {"gtt", "sched", "display", "broker"};
    char kept[32];

    _Static_assert((int)BROKER_DEV_GTT == (int)GPU_ROW_GTT && (int)BROKER_DEVS == GPU_ROWS + 1,
                   "a row's node has its number");
    if (strcmp(o->gpu, "stub") && strncmp(o->gpu, SOFT, strlen(SOFT)))
        return fail("no such GPU back end; there are stub and soft:PATH");

    for (unsigned i = 0; i < BROKER_DEVS; i++) {
        snprintf(kept, sizeof(kept), "s.vgt-%s.dev", nodes[i]);
        config->dev[i] = -1;
        if (kept_fd(config, kept) < 0 && open_one(o, nodes[i], i, &config->dev[i]))
            return 1;
    }
    return 0;
}

static int learn_device(struct broker_config *config)
{
    struct broker_device *d = &config->device;
    int fd = config->dev[BROKER_DEV_GTT];
    struct gpu_info info;

    if (gpu_node_info(fd >= 0 ? fd : kept_fd(config, "s.vgt-gtt.dev"), &info))
        return fail("vgt_stub does not answer as this broker expects; install both from one "
                    "version");
    if (!info.pv)
        return fail("dom0 is not PV, and a GPU can be shared from a PV dom0 only; start Xen "
                    "without dom0=pvh");
    *d = (struct broker_device){.device_id = info.device,
                                .revision = info.revision,
                                .gen = info.gen,
                                .aperture_base = info.aperture_base,
                                .aperture_size = info.aperture_size,
                                .ggtt_entries = info.ggtt_entries,
                                .slice_at = info.aperture_slice_at,
                                .slice_size = info.aperture_slice};
    d->engines = GEN8_M_RCS | GEN8_M_BCS | GEN8_M(GEN8_VCS) | GEN8_M_VECS |
                 (info.vcs2 ? GEN8_M(GEN8_VCS2) : 0);
    return 0;
}

static int serve(struct loop *loop, struct broker_config *config)
{
    struct broker *broker;
    int rc = broker_new(loop, config, &broker);

    if (rc)
        return 1;
    rc = loop_ready(loop);
    if (rc)
        log_write(config->log, LOG_ERR, "cannot confine itself, or tell systemd", "error=%d", rc);
    else
        rc = loop_run(loop);
    broker_free(broker);
    return rc ? 1 : 0;
}

static int prepare(struct loop *loop, const struct options *o, struct broker_config *config,
                   struct vmm_ops *fake)
{
    char why[256];
    int rc;

    apply(o, config);
    if (choose_vmm(o->vmm, fake, &config->vmm))
        return fail("no such hypervisor back end; there are xen, fake, shm:DIR and none");
    if (take_kept(config) < 0)
        return fail("systemd's descriptors cannot be taken");
    if (!strcmp(o->vmm, "xen") && check_xen(why, sizeof(why)))
        return fail(why);
    if (open_nodes(o, config) || learn_device(config))
        return 1;
    rc = open_store(loop, o->store, config);
    if (rc) {
        snprintf(why, sizeof(why), "the store %s cannot be opened: %s", o->store, strerror(-rc));
        return fail(why);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct broker_module module = {gpu_node_attach, gpu_node_detach};
    struct options o = {.wire = BROKER_WIRE,
                        .core = BROKER_CORE,
                        .store = "xen:",
                        .vmm = "xen",
                        .dev_dir = "/dev/vgt",
                        .gpu = "stub",
                        .units = BROKER_UNITS};
    struct log log = {.fd = 2, .level = LOG_INFO, .name = "vgt-broker"};
    struct broker_config config = {.log = &log, .module = &module};
    struct vmm_ops fake;
    struct loop *loop;
    int rc = parse(argc, argv, &o);

    if (rc >= 0)
        return rc;
    log.level = o.debug ? LOG_DEBUG : LOG_INFO;
    resident_keep(&log);
    if (loop_new(&loop))
        return fail("no event loop");
    rc = prepare(loop, &o, &config, &fake);
    if (!rc && !o.no_sandbox)
        sandbox_when_ready(loop, &broker_sandbox);
    if (!rc)
        rc = serve(loop, &config);
    if (rc && config.kept_count)
        sleep(PATIENCE_S);
    store_close(config.store);
    loop_free(loop);
    return rc;
}
