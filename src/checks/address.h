/* address.h: where a service listens, as a subject of a check names it. Pure. */
#pragma once

#include <glib.h>

typedef struct {
  char *host; /* without brackets; NULL for a Unix socket */
  guint16 port;
  char *path; /* of a Unix socket; NULL else */
} ChkAddress;

void chk_address_clear(ChkAddress *address);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkAddress, chk_address_clear)

/* "HOST:PORT", "[V6]:PORT", "unix:PATH"; without a port `port` is taken, 0: one is needed. */
gboolean chk_address_parse(const char *text, guint16 port, ChkAddress *ret, GError **error);
