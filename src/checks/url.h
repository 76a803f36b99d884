/* url.h: SCHEME://USER@HOST:PORT/NAME, as the databases without a library of their own for it have
 * it. Pure. */
#pragma once

#include "checks/address.h"

typedef struct {
  ChkAddress address;
  char *user, *name; /* NULL when they are not there */
} ChkUrl;

void chk_url_clear(ChkUrl *url);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkUrl, chk_url_clear)

/* "SCHEME://..." or "unix:PATH". A password in it is refused. */
gboolean chk_url_parse(const char *text, const char *scheme, guint16 port, ChkUrl *ret,
                       GError **error);
