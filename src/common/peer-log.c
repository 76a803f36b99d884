/* peer-log.c: the journal lines about clients of the private socket.
 *
 * Every line a client can cause is rate limited here, so that no client can fill the journal;
 * what was left out is counted in the next line. */
#include "common/log.h"
#include "common/peer-internal.h"

#define RATE_INTERVAL (10 * G_USEC_PER_SEC)
#define RATE_BURST 5

typedef struct {
  const char *id;
  int level;
  const char *text;
  WgLogRate rate;
} EndLine;

static EndLine end_lines[] = {
    [WG_PEER_LEFT] = {NULL, LOG_DEBUG, "Client left", {0}},
    [WG_PEER_REFUSED] = {WG_MSG_CLIENT_REFUSED,
                         LOG_WARNING,
                         "Client refused",
                         {.interval_usec = RATE_INTERVAL, .burst = RATE_BURST}},
    [WG_PEER_STALLED] = {WG_MSG_CLIENT_STALLED,
                         LOG_WARNING,
                         "Client cut off",
                         {.interval_usec = RATE_INTERVAL, .burst = RATE_BURST}},
    [WG_PEER_MALFORMED] = {WG_MSG_CLIENT_MALFORMED,
                           LOG_WARNING,
                           "Client cut off, it sent what is no D-Bus message",
                           {.interval_usec = RATE_INTERVAL, .burst = RATE_BURST}},
};

void wg_peer_log_end(const struct ucred *ucred, WgPeerEnd end, const char *why) {
  EndLine *line = &end_lines[end];
  guint n_left_out = 0;

  if (line->level > wg_log_max_level())
    return;
  if (line->id && !wg_log_rate_ok(&line->rate, &n_left_out))
    return;
  g_autofree char *uid = g_strdup_printf("%u", (guint)ucred->uid);
  g_autofree char *more =
      n_left_out > 0 ? g_strdup_printf(" (%u such lines were left out)", n_left_out) : NULL;
  wg_log(line->level, line->id, WG_FIELDS(WG_FIELD_UID, uid, WG_FIELD_ERROR, why ? why : ""),
         "%s: uid %s, pid %d%s%s%s", line->text, uid, (int)ucred->pid, why ? ": " : "",
         why ? why : "", more ? more : "");
}

/* Out of descriptors or memory: nobody's fault that can be named. */
void wg_peer_log_accept(int errnum) {
  static WgLogRate rate = {.interval_usec = RATE_INTERVAL, .burst = 1};
  guint n_left_out = 0;
  if (wg_log_rate_ok(&rate, &n_left_out))
    wg_log(LOG_WARNING, WG_MSG_CLIENT_REFUSED, WG_FIELDS(WG_FIELD_ERROR, g_strerror(errnum)),
           "Cannot accept clients now, trying again every 0.1 s: %s", g_strerror(errnum));
}
