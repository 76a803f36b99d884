/* net.h: connections to services, for the types of checks that talk to them. Worker threads only.
 *
 * Whoever does not answer is an observation ("connected": false with "error"), not an unknown: that
 * nobody serves is what such a check is for. The time limit of the look cancels a wait; a type then
 * tells that there was no answer in time. */
#pragma once

#include "checks/address.h"
#include "checks/check.h"

/* NULL with an error; a look that is over is G_IO_ERROR_TIMED_OUT. From the option "local-address",
 * where the type has one. */
GSocketConnection *chk_net_connect(const ChkLook *look, const ChkAddress *address, GError **error);
/* Who was reached, as check.h's "peer" has it: "127.0.0.1:80", "[::1]:80" or a path; free it. */
char *chk_net_peer(GSocketConnection *connection);
/* Puts G_IO_ERROR_TIMED_OUT with words of ours where the look was cancelled. */
void chk_net_own_error(const ChkLook *look, GError **error);

/* "connected" (`key`): false, "error": TEXT, as the end of a look; the text is its remark too. */
void chk_net_refused(ChkSight *ret, const char *key, const GError *error);

/* While it lasts, the end of the look shuts the socket down, so that a library that waits on it is
 * woken. Begin with the connected socket; always end. */
typedef struct {
  GCancellable *cancel;
  gulong handler;
  int fd;
} ChkBreaker;
void chk_breaker_begin(ChkBreaker *breaker, const ChkLook *look, int fd);
void chk_breaker_end(ChkBreaker *breaker);

/* What is left of the look, at least 1 ms. */
struct timeval chk_net_left(const ChkLook *look);

/* The first line of the file that the option `name` names (a credential), or NULL without one. */
gboolean chk_secret(const ChkLook *look, const char *name, char **ret, GError **error);
