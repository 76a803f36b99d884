/* rehearse-unit.h: a service's unit file, made into one that may run beside the live service, and
 * those of the sockets that systemd hands to it.
 *
 * Pure: text in, text out. What is taken over is a list of what is known to touch nothing but the
 * program's own process; everything else is left out and named: commands before and after it, the
 * directories that systemd would make or hand over, what it needs and what needs it. What isolates
 * it stands last, where nothing in the release can take it back. */
#pragma once

#include <glib.h>

typedef struct {
  const char *name;     /* of the new unit, "waggle-rehearsal-0a1b2c3d", without ".service" */
  const char *original; /* "shop@7.service": for its specifiers */
  const char *target;   /* for the description */
  const char *current,
      *release;               /* absolute: the target's link, and the release that is rehearsed */
  const char *const *scratch; /* absolute paths that are empty and writable in it; NULL: none */
  const char *bind_to;        /* our own unit, with which it ends; NULL: none */
  gboolean user_scope;
  guint n_sockets;           /* that are made for it, dpl_isolated_socket() */
  gboolean networks;         /* the manager can open a socket in a network of its own */
  guint64 start_limit, life; /* us until it is up, and altogether */
} DplIsolation;

/* `left_out` (char *, may be NULL) gets the names of settings that were not taken over, each once.
 * NULL: INVALID_ARGUMENT: it cannot be started in isolation, and why. Free with g_free(). */
char *dpl_isolated_unit(const char *text, const DplIsolation *how, GPtrArray *left_out,
                        GError **error);
/* The text of "NAME-NUMBER.socket" for how->name, made of that of the socket unit `original`: the
 * same sockets in a network of their own, those of the file system under other names. NULL:
 * INVALID_ARGUMENT: it cannot be had in isolation, and why. Free with g_free(). */
char *dpl_isolated_socket(const char *text, const char *original, const DplIsolation *how,
                          guint number, GPtrArray *left_out, GError **error);
/* Whether the socket unit `name` ("NAME.socket", or a template) with this text is for `service`: by
 * its Service=, else by its name. Returns its name, of a template that of the instance; NULL: it is
 * not. Free with g_free(). */
char *dpl_socket_of(const char *name, const char *text, const char *service);
/* What Sockets= of the service `original` with this text names (char *). */
GPtrArray *dpl_sockets_named(const char *text, const char *original);
/* Whether "NAME.service" or "NAME.socket" is one that this made: what an earlier life may have
 * left. */
gboolean dpl_isolated_unit_is(const char *name);
#define DPL_REHEARSAL_PREFIX "waggle-rehearsal-"
