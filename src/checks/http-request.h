/* http-request.h: one HTTP request that can be repeated, and its answer as values of a check.
 * Worker threads only. */
#pragma once

#include "checks/check.h"

#include <libsoup/soup.h>

typedef struct ChkHttp ChkHttp;

/* Before any thread: makes libsoup and GIO register their classes. GObject runs a class's
 * initializer under a lock of its own, and libsoup's wants types there whose registration, when it
 * is under way in another thread, wants that lock: two first requests beside each other may hang
 * for ever (seen once in about 200 runs under sanitizers). */
void chk_http_prepare(void);
/* NULL: an option cannot be had (a file that is not there). */
ChkHttp *chk_http_new(const ChkLook *look, GError **error);
void chk_http_free(ChkHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkHttp, chk_http_free)
/* FALSE: no answer of HTTP. */
gboolean chk_http_ask(ChkHttp *http, JsonObject *seen, GError **error);
/* Whether the body of the last answer is longer than what was kept of it. */
gboolean chk_http_is_cut(const ChkHttp *http);
