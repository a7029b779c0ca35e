/* SPDX-License-Identifier: MIT */
/*
 * gmbus.c: reads the EDID of the monitor on port B over the display's I2C controller, by polling:
 * it happens at start and at hot-plug only. See phys.h. Facts: Haswell and
 * Broadwell PRM vol. 2c, GMBUS0..5.
 */
#include "services/display/phys.h"

#include "services/display/regs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PIN_PORT_B  5u
#define EDID_SLAVE  0x50u
#define CLEAR_ERROR (1u << 31)
#define SW_READY    (1u << 30)
#define CYCLE_STOP  (1u << 27)
#define CYCLE_INDEX (1u << 26)
#define CYCLE_WAIT  (1u << 25)
#define HW_READY    (1u << 11)
#define NAK         (1u << 10)
#define ACTIVE      (1u << 9)

#define POLL_US 100
#define POLLS   500 /* a byte takes 90 us at 100 kHz */

/* Until one of the bits of set is there, or (set 0) all of clear are gone. */
static int wait_status(struct gpu *gpu, uint32_t set, uint32_t clear)
{
    uint32_t status;
    int rc;

    for (int i = 0; i < POLLS; i++) {
        rc = gpu_read32(gpu, GMBUS2, &status);
        if (rc)
            return rc;
        if (status & NAK)
            return -ENXIO;
        if (set ? status & set : !(status & clear))
            return 0;
        usleep(POLL_US);
    }
    return -ENXIO;
}

static int reset_bus(struct gpu *gpu, uint32_t pin)
{
    static const struct {
        uint32_t reg, value;
    } steps[] = {{GMBUS4, 0}, {GMBUS5, 0}, {GMBUS1, CLEAR_ERROR}, {GMBUS1, 0}};
    int rc = 0;

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]) && !rc; i++)
        rc = gpu_write32(gpu, steps[i].reg, steps[i].value);
    return rc ? rc : gpu_write32(gpu, GMBUS0, pin);
}

static int read_bytes(struct gpu *gpu, uint8_t edid[EDID_SIZE])
{
    uint32_t command = SW_READY | CYCLE_WAIT | CYCLE_INDEX | EDID_SIZE << 16 | EDID_SLAVE << 1 | 1;
    int rc = gpu_write32(gpu, GMBUS1, command);

    for (unsigned i = 0; i < EDID_SIZE && !rc; i += 4) {
        uint32_t data = 0;

        rc = wait_status(gpu, HW_READY, 0);
        if (!rc)
            rc = gpu_read32(gpu, GMBUS3, &data);
        memcpy(edid + i, &data, 4); /* the first byte is the lowest */
    }
    if (rc)
        return rc;
    rc = gpu_write32(gpu, GMBUS1, SW_READY | CYCLE_STOP);
    return rc ? rc : wait_status(gpu, 0, ACTIVE);
}

int gmbus_read_edid(struct gpu *gpu, uint8_t edid[EDID_SIZE])
{
    int rc = reset_bus(gpu, PIN_PORT_B), end;

    if (!rc)
        rc = read_bytes(gpu, edid);
    end = reset_bus(gpu, 0);
    if (rc || end)
        return rc ? rc : end;
    return edid_valid(edid) ? 0 : -EIO;
}
