/* type-icmp.c: whether a host answers echo requests, how many of them and how soon.
 *
 * By the kernel's ping sockets (icmp(7)): no raw socket, so no privilege. The kernel numbers the
 * requests of a socket and hands it nothing but answers to them; each carries random bytes besides,
 * so that what comes late of another look is no answer to this one. Whether a user may have such a
 * socket is said by net.ipv4.ping_group_range, for IPv6 too; where it may not, nothing is known of
 * the host, and the administrator is told what to set. */
#include "checks/echo.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

static const ChkKey options[] = {
    {"count", CHK_INT, "how many requests, 1 to 100; default 3"},
    {"spacing", CHK_USEC, "from one to the next, at least 10ms; default 200ms"},
    {"wait", CHK_USEC, "how long the last one's answer is waited for; default 1s"},
    {"size", CHK_BYTES, "bytes of each one's data, 16 to 1400; default 56"},
    {"family", CHK_TEXT, "ipv4 or ipv6; default: what the name stands for first"},
    {NULL},
};

static const ChkKey values[] = {
    {"reachable", CHK_BOOL, "at least one request was answered"},
    {"error", CHK_TEXT, "why none was; absent when one was"},
    {"sent", CHK_INT, "how many requests went out"},
    {"received", CHK_INT, "how many of them were answered"},
    {"loss", CHK_NUMBER, "percent of them that were not"},
    {"time", CHK_USEC, "the median of the round trips; absent without an answer"},
    {"time-min", CHK_USEC, "the shortest of them"},
    {"time-max", CHK_USEC, "the longest of them"},
    {"peer", CHK_TEXT, "the address that was asked"},
    {NULL},
};

static GInetAddress *resolve(const ChkLook *look, GError **error) {
  const char *family = chk_option_text(look, "family", NULL);
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  GResolverNameLookupFlags flags = G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT;

  if (family)
    flags = strcmp(family, "ipv6") == 0 ? G_RESOLVER_NAME_LOOKUP_FLAGS_IPV6_ONLY
                                        : G_RESOLVER_NAME_LOOKUP_FLAGS_IPV4_ONLY;
  GList *found =
      g_resolver_lookup_by_name_with_flags(resolver, look->subject, flags, look->cancel, error);
  GInetAddress *first = found ? g_object_ref(found->data) : NULL;
  g_resolver_free_addresses(found);
  return first;
}

static int by_time(gconstpointer a, gconstpointer b) {
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

  return x < y ? -1 : x > y;
}

static void set_times(JsonObject *seen, const ChkEcho *echo) {
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));

  for (guint i = 0; i < echo->n_sent; i++)
    if (echo->times[i] >= 0)
      g_array_append_val(times, echo->times[i]);
  if (times->len == 0)
    return;
  g_array_sort(times, by_time);
  json_object_set_int_member(seen, "time", g_array_index(times, gint64, (times->len - 1) / 2));
  json_object_set_int_member(seen, "time-min", g_array_index(times, gint64, 0));
  json_object_set_int_member(seen, "time-max", g_array_index(times, gint64, times->len - 1));
}

/* Some were asked: what came of it. `error`: what ended it early, or NULL. */
static void tell(const ChkEcho *echo, const char *peer, const GError *error, ChkSight *ret) {
  JsonObject *seen = json_object_new();

  json_object_set_boolean_member(seen, "reachable", echo->n_received > 0);
  json_object_set_int_member(seen, "sent", echo->n_sent);
  json_object_set_int_member(seen, "received", echo->n_received);
  if (echo->n_sent > 0)
    json_object_set_double_member(seen, "loss",
                                  100.0 * (echo->n_sent - echo->n_received) / echo->n_sent);
  set_times(seen, echo);
  chk_set_text(seen, "peer", peer);
  if (echo->n_received == 0) {
    const char *why = error ? error->message : "no answer within the time that was waited";
    chk_set_text(seen, "error", why);
    ret->text = g_strdup(why);
  }
  chk_observed(ret, seen);
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autoptr(GError) error = NULL;
  ChkEcho echo = {
      .count = (guint)chk_option_int(look, "count", CHK_ECHO_COUNT),
      .interval = (gint64)chk_option_usec(look, "spacing", CHK_ECHO_INTERVAL),
      .wait = (gint64)chk_option_usec(look, "wait", G_USEC_PER_SEC),
      .size = (gsize)chk_option_bytes(look, "size", CHK_ECHO_SIZE),
  };
  g_autoptr(GInetAddress) address = resolve(look, &error);

  if (address == NULL) {
    chk_net_own_error(look, &error);
    chk_net_refused(ret, "reachable", error);
    return;
  }
  g_autofree char *peer = g_inet_address_to_string(address);
  g_autoptr(GSocket) socket = chk_echo_open(address, &error);
  if (socket == NULL) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  if (chk_echo_connect(socket, address, look->cancel, &error))
    chk_echo_run(&echo, socket, look->cancel, &error);
  if (error)
    chk_net_own_error(look, &error);
  tell(&echo, peer, error, ret);
}

const ChkType chk_type_icmp = {
    .name = "icmp",
    .subject_help = "host name or address",
    .options = options,
    .values = values,
    .default_value = "{\"reachable\": true}",
    .sync = see,
    .validate = chk_subject_icmp,
};
