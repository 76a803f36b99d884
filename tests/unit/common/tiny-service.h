/* tiny-service.h: the smallest service that hangs into WgService, for its tests. */
#pragma once

#define TINY_BUS_NAME "org.waggle.Tiny1"
#define TINY_PATH "/org/waggle/Tiny1"
#define TINY_INTERFACE "org.waggle.Tiny1"
#define TINY_NAME "tinyd" /* tinyd.conf */

/* waggle-tinyd's main(). */
int tiny_main(int argc, char **argv);
