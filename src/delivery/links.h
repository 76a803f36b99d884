/* links.h: all links of the courier. */
#pragma once

#include "delivery/link.h"

void dlv_links_init(DlvCourier *courier); /* makes them; none is connected yet */
void dlv_links_clear(DlvCourier *courier);
/* Tries those that are down at once. */
void dlv_links_wake(DlvCourier *courier);
gboolean dlv_links_busy(const DlvCourier *courier);
/* Some result is still on its way to messaged. */
gboolean dlv_links_telling(const DlvCourier *courier);
void dlv_links_each_agent(DlvCourier *courier, void (*each)(DlvAgent *agent, gpointer data),
                          gpointer data);
/* Sockets (or addresses) of those that are connected; free with g_strfreev(). */
char **dlv_links_connected(const DlvCourier *courier);
