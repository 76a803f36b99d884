/* error.h: the one error domain of the suite and its names on D-Bus.
 *
 * Our own functions report a GError of this domain; only the border where sd-bus
 * calls us turns it into a D-Bus error name and a negative errno. A code that a
 * client can act on has a name of its own; the text says what happened, to what,
 * and what to do. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef enum {
  WG_ERROR_FAILED,             /* anything without a better name */
  WG_ERROR_INVALID_ARGUMENT,   /* a value that cannot be: wrong type, range, UTF-8 */
  WG_ERROR_UNKNOWN_OPTION,     /* a key in an a{sv} that the method does not know */
  WG_ERROR_INVALID_NAME,       /* not a valid agent, role, topic or tag name */
  WG_ERROR_UNKNOWN_AGENT,      /* no agent of that name; the text names near ones */
  WG_ERROR_AGENT_EXISTS,       /* the name belongs to another uid */
  WG_ERROR_AGENT_BUSY,         /* mail waits; the operation needs force */
  WG_ERROR_NO_RECIPIENTS,      /* a role, topic or @all that stands for nobody */
  WG_ERROR_UNKNOWN_MESSAGE,    /* no message of that number */
  WG_ERROR_LEASE_EXPIRED,      /* the token's lease ended, was given up or never was */
  WG_ERROR_DUPLICATE_MISMATCH, /* the same id was sent with another body */
  WG_ERROR_QUOTA_EXCEEDED,     /* messages, bytes or rate; a retry-after follows */
  WG_ERROR_BODY_TOO_LARGE,     /* over the limit that the configuration sets */
  WG_ERROR_INVALID_STATE,      /* the message is in no state that allows it */
  WG_ERROR_NOT_AUTHORIZED,     /* this uid may not */
  WG_ERROR_INTERACTIVE,        /* needs polkit: repeat on the bus */
  WG_ERROR_STORE_FULL,         /* no space: new work is refused, delivery goes on */
  WG_ERROR_STORE_READ_ONLY,    /* the state directory cannot be written */
  WG_ERROR_STORE_DAMAGED,      /* the record or the file is damaged */
  WG_ERROR_LIMITS_EXCEEDED,    /* too many clients, subscriptions, waiters */
  WG_ERROR_TIMEOUT,            /* the time ran out */
  WG_ERROR_SHUTTING_DOWN,      /* the service is leaving; repeat the call */
  WG_ERROR_CONFIGURATION,      /* a configuration file is refused */
  WG_ERROR_LOCKED,             /* another process holds the state directory */
  WG_ERROR_NO_DISPLAY,         /* no window system that can be typed into */
  WG_ERROR_UNKNOWN_DEPLOYMENT, /* no deployment of that number */
  WG_ERROR_UNKNOWN_TARGET,     /* no target of that name; the text names near ones */
  WG_ERROR_TARGET_BUSY,        /* another deployment holds the target; the text says whose */
  WG_ERROR_POISONED,           /* this release failed its verification lately; needs force */
  WG_ERROR_UNKNOWN_SERVICE,    /* no registered service or probe of that name */
  WG_ERROR_NOT_FOUND,          /* no alert, rule, silence, receiver or unit of that name */
  WG_ERROR_COMPACTED,          /* changes so old are not kept: look at everything once */
  _WG_ERROR_MAX,
} WgErrorCode;

#define WG_ERROR (wg_error_quark())
GQuark wg_error_quark(void);

/* The D-Bus name of `code`; static storage. */
const char *wg_error_name(WgErrorCode code);

/* The code of a D-Bus error name; WG_ERROR_FAILED for one that is not ours. */
WgErrorCode wg_error_code_from_name(const char *name);

/* Fills `ret` from `error` (any domain) and returns the negative errno that an
 * sd-bus handler returns. `error` stays the caller's. */
int wg_error_to_bus(const GError *error, sd_bus_error *ret);

/* Takes a D-Bus error over into a GError of our domain; the name of a foreign
 * error is put before its text. Returns NULL when `e` is not set. */
GError *wg_error_from_bus(const sd_bus_error *e);
/* Nobody has the name that was called, nor can anybody be started for it. NULL: no. */
gboolean wg_error_is_absent(const sd_bus_error *e);

/* Sets `error` from a negative errno: "<what>: <strerror>". Returns FALSE. */
gboolean wg_error_set_errno(GError **error, int errnum, const char *what_format, ...)
    G_GNUC_PRINTF(3, 4);
