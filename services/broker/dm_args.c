/* SPDX-License-Identifier: MIT */
/*
 * dm_args.c: see dm_args.h. Owns the strings of the new command line.
 */
#include "services/broker/dm_args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLATFORM_SLOT 4u
#define FIRST_SLOT    5u
#define SLOTS         32u
#define ADDED         3 /* "-device", its value, NULL */

struct reader {
    struct dm_args *out;
    char *why;
    size_t why_size;
    uint32_t used;      /* slots taken by an explicit address */
    bool need_platform; /* the machine would have made it */
    bool has_platform;
};

static int refuse(struct reader *r, const char *format, const char *value)
{
    snprintf(r->why, r->why_size, format, value);
    return -EINVAL;
}

static int append(struct reader *r, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return -ENOMEM;
    r->out->argv[r->out->count++] = copy;
    return 0;
}

/* Options have one dash or two. */
static bool is(const char *arg, const char *option)
{
    if (arg[0] != '-')
        return false;
    return !strcmp(arg + 1, option) || (arg[1] == '-' && !strcmp(arg + 2, option));
}

/* The model in front of the first comma. */
static bool is_model(const char *value, const char *model)
{
    size_t length = strlen(model);

    return !strncmp(value, model, length) && (!value[length] || value[length] == ',');
}

static bool in_list(const char *value, const char *const *list)
{
    for (; *list; list++)
        if (is_model(value, *list))
            return true;
    return false;
}

/* The value of key in "model,key=value,...", or NULL. */
static const char *property(const char *value, const char *key)
{
    size_t length = strlen(key);

    while ((value = strchr(value, ','))) {
        value++;
        if (!strncmp(value, key, length) && value[length] == '=')
            return value + length + 1;
    }
    return NULL;
}

static const char *const vga_models[] = {
    "VGA",         "secondary-vga", "cirrus-vga",    "qxl-vga", "qxl",
    "vmware-svga", "virtio-vga",    "bochs-display", "ati-vga", NULL};

/* Cards that libxl or an administrator names without an address. */
static const char *const pci_models[] = {"rtl8139",
                                         "e1000",
                                         "e1000-82544gc",
                                         "e1000-82545em",
                                         "e1000e",
                                         "virtio-net-pci",
                                         "virtio-net",
                                         "ne2k_pci",
                                         "pcnet",
                                         "i82550",
                                         "i82551",
                                         "i82557b",
                                         "i82559er",
                                         "vmxnet3",
                                         "ahci",
                                         "lsi",
                                         "lsi53c895a",
                                         "megasas",
                                         "megasas-gen2",
                                         "mptsas1068",
                                         "pvscsi",
                                         "virtio-scsi-pci",
                                         "virtio-scsi",
                                         "virtio-blk-pci",
                                         "virtio-serial-pci",
                                         "virtio-serial",
                                         "virtio-9p-pci",
                                         "virtio-rng-pci",
                                         "AC97",
                                         "ES1370",
                                         "intel-hda",
                                         "ich9-intel-hda",
                                         "piix3-usb-uhci",
                                         "piix4-usb-uhci",
                                         "usb-ehci",
                                         "nec-usb-xhci",
                                         "qemu-xhci",
                                         "nvme",
                                         "sdhci-pci",
                                         "xen-pvdevice",
                                         NULL};

/* ---- the -vgt value: "type=medium,low_mb=64,..." */

static int vgt_number(struct reader *r, const char *key, const char *text, uint32_t *to)
{
    unsigned long n;
    char *end;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (*end || end == text || errno || !n || n > UINT32_MAX)
        return refuse(r, "-vgt %s needs a number above 0", key);
    *to = (uint32_t)n;
    return 0;
}

static int vgt_one(struct reader *r, const char *key, const char *value)
{
    struct dm_args *a = r->out;

    if (!strcmp(key, "type")) {
        if (strlen(value) >= sizeof(a->type))
            return refuse(r, "no vGPU type \"%s\"", value);
        strcpy(a->type, value);
        return 0;
    }
    if (!strcmp(key, "monitor")) {
        if (strlen(value) >= sizeof(a->monitor))
            return refuse(r, "monitor=%s is no mode of a monitor; write WxH or WxH@HZ", value);
        strcpy(a->monitor, value);
        return 0;
    }
    if (!strcmp(key, "low_mb"))
        return vgt_number(r, key, value, &a->low_mb);
    if (!strcmp(key, "high_mb"))
        return vgt_number(r, key, value, &a->high_mb);
    if (!strcmp(key, "fences"))
        return vgt_number(r, key, value, &a->fences);
    if (!strcmp(key, "weight"))
        return vgt_number(r, key, value, &a->weight);
    return refuse(r, "-vgt knows type, low_mb, high_mb, fences, weight and monitor, not \"%s\"",
                  key);
}

static int vgt_value(struct reader *r, const char *value)
{
    char *copy = strdup(value), *rest = copy, *key;
    int rc = copy ? 0 : -ENOMEM;

    while (!rc && (key = strsep(&rest, ","))) {
        char *equals = strchr(key, '=');

        if (!*key)
            continue;
        if (!equals) {
            rc = refuse(r, "-vgt wants KEY=VALUE, not \"%s\"", key);
            break;
        }
        *equals = 0;
        rc = vgt_one(r, key, equals + 1);
    }
    free(copy);
    return rc;
}

/* ---- options that are read, or changed */

static int on_domid(struct reader *r, const char *value)
{
    unsigned long n;
    char *end;

    n = strtoul(value, &end, 10);
    if (*end || end == value || n > 0x7fff)
        return refuse(r, "-xen-domid %s is no domain id", value);
    r->out->domain = true;
    r->out->domid = (uint32_t)n;
    return append(r, value);
}

static int on_name(struct reader *r, const char *value)
{
    snprintf(r->out->name, sizeof(r->out->name), "%s", value);
    return append(r, value);
}

static int on_machine(struct reader *r, const char *value)
{
    const char *rest = value + strcspn(value, ",");
    size_t length = (size_t)(rest - value);
    char *text;
    int rc;

    if (!(length >= 5 && !strncmp(value, "xenfv", 5)))
        return append(r, value);
    r->need_platform = true;
    if (asprintf(&text, "pc,accel=xen%s", rest) < 0)
        return -ENOMEM;
    rc = append(r, text);
    free(text);
    return rc;
}

static int on_vga(struct reader *r, const char *value)
{
    if (strcmp(value, "none"))
        return refuse(r, "vga=\"%s\" and a vGPU do not go together; set vga=\"none\"", value);
    return append(r, value);
}

/* Appends ",addr=0xN". */
static int append_at(struct reader *r, const char *value, unsigned slot)
{
    char *text;
    int rc;

    if (asprintf(&text, "%s,addr=0x%x", value, slot) < 0)
        return -ENOMEM;
    r->used |= 1u << slot;
    rc = append(r, text);
    free(text);
    return rc;
}

static int on_device(struct reader *r, const char *value)
{
    const char *addr = property(value, "addr");
    unsigned slot = FIRST_SLOT;

    if (in_list(value, vga_models))
        return refuse(r, "the device \"%s\" and a vGPU do not go together; set vga=\"none\"",
                      value);
    if (is_model(value, "xen-platform")) {
        r->has_platform = true;
        return addr ? append(r, value) : append_at(r, value, PLATFORM_SLOT);
    }
    if (addr || property(value, "bus") || !in_list(value, pci_models))
        return append(r, value);
    while (slot < SLOTS && (r->used & (1u << slot)))
        slot++;
    if (slot == SLOTS)
        return refuse(r, "no PCI slot is left for \"%s\"", value);
    return append_at(r, value, slot);
}

static int on_vgt(struct reader *r, const char *value)
{
    free(r->out->argv[--r->out->count]); /* "-vgt" itself */
    return vgt_value(r, value);
}

static const struct {
    const char *option;
    int (*value)(struct reader *r, const char *value);
} options[] = {
    {"xen-domid", on_domid}, {"name", on_name},     {"machine", on_machine}, {"M", on_machine},
    {"vga", on_vga},         {"device", on_device}, {"vgt", on_vgt},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int one(struct reader *r, int argc, char *const *argv, int *at)
{
    int rc = append(r, argv[*at]);

    for (size_t i = 0; !rc && i < OPTIONS; i++) {
        if (!is(argv[*at], options[i].option))
            continue;
        if (*at + 1 == argc)
            return refuse(r, "%s has no value", argv[*at]);
        return options[i].value(r, argv[++*at]);
    }
    return rc;
}

/* Slots that somebody asked for: 0, 1 and 2 are taken anyway. */
static uint32_t explicit_slots(int argc, char *const *argv)
{
    uint32_t used = 7u | 1u << PLATFORM_SLOT;

    for (int i = 1; i + 1 < argc; i++) {
        const char *addr = is(argv[i], "device") ? property(argv[i + 1], "addr") : NULL;
        unsigned long slot = addr ? strtoul(addr, NULL, 16) : SLOTS;

        if (slot < SLOTS)
            used |= 1u << slot;
    }
    return used;
}

static int add_platform(struct reader *r)
{
    char text[40];
    int rc;

    if (!r->need_platform || r->has_platform)
        return 0;
    snprintf(text, sizeof(text), "xen-platform,addr=0x%x", PLATFORM_SLOT);
    rc = append(r, "-device");
    return rc ? rc : append(r, text);
}

int dm_args_read(int argc, char *const *argv, struct dm_args *out, char *why, size_t size)
{
    struct reader r = {.out = out, .why = why, .why_size = size};
    int rc;

    *out = (struct dm_args){0};
    out->argv = calloc((size_t)argc + ADDED, sizeof(*out->argv));
    if (!out->argv || argc < 1)
        return out->argv ? -EINVAL : -ENOMEM;
    r.used = explicit_slots(argc, argv);
    rc = append(&r, argv[0]);
    for (int i = 1; !rc && i < argc; i++)
        rc = one(&r, argc, argv, &i);
    return rc ? rc : add_platform(&r);
}

void dm_args_free(struct dm_args *args)
{
    for (unsigned i = 0; args->argv && i < args->count; i++)
        free(args->argv[i]);
    free(args->argv);
    args->argv = NULL;
    args->count = 0;
}
