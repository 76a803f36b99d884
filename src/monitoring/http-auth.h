/* http-auth.h: is this who he says he is: basic authentication (RFC 7617) against hashes of bcrypt.
 *
 * A check costs a tenth of a second of processor time on purpose, so it is a worker thread's, one
 * at a time whoever asks how often; what was found right is remembered (by a keyed digest, never
 * the password), so that a scraper costs one check and not one a scrape. A user who is not known
 * takes as long as a wrong password. Loop's thread. */
#pragma once

#include "monitoring/web-config.h"

typedef struct MonAuth MonAuth;

MonAuth *mon_auth_new(void);
void mon_auth_free(MonAuth *auth); /* nobody is called any more */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonAuth, mon_auth_free)

typedef enum { MON_AUTH_YES, MON_AUTH_NO, MON_AUTH_LATER } MonAuthAnswer;
typedef void (*MonAuthFunc)(gboolean good, gpointer data);
/* `header`: of Authorization; NULL: none. LATER: `func` is called, unless it is forgotten. */
MonAuthAnswer mon_auth_check(MonAuth *auth, const MonWeb *web, const char *header, MonAuthFunc func,
                             gpointer data);
void mon_auth_forget(MonAuth *auth, gpointer data);
