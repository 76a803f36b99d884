/* link-lease.c: asks messaged for mail.
 *
 * One call waits at messaged for as long as it may (a long poll), so that mail is here a
 * millisecond after it was sent; it is no work that would keep the courier from leaving. Mail that
 * is handed to us is ours for LEASE_USEC or until the connection ends; a job has to be over by
 * then.
 */
#include "delivery/agent.h"
#include "delivery/handover.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <string.h>

/* The most that one answer may bring. */
#define POLL_MAX 256
/* The rest is here by then, if there is any. */
#define MORE_MSEC 400
#define POLL_USEC (19 * G_USEC_PER_SEC)

static int read_body(sd_bus_message *m, DlvOffer *offer) {
  const void *data;
  size_t size;
  int r = sd_bus_message_enter_container(m, 'v', "ay");

  if (r >= 0)
    r = sd_bus_message_read_array(m, 'y', &data, &size);
  if (r < 0)
    return r;
  g_clear_pointer(&offer->body, g_bytes_unref);
  offer->body = g_bytes_new(data, size);
  return sd_bus_message_exit_container(m);
}

/* What of a message's fields is looked at for each. */
static void note_field(DlvOffer *offer, const char *key, GVariant *value) {
  if (strcmp(key, "from") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
    offer->from = g_variant_get_string(value, NULL);
  else if (strcmp(key, "subject") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
    offer->subject = g_variant_get_string(value, NULL);
  else if (strcmp(key, "priority") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_BYTE))
    offer->priority = g_variant_get_byte(value);
  else if (strcmp(key, "size") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
    offer->size = g_variant_get_uint64(value);
  else if (strcmp(key, "time") == 0 && g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
    offer->time = (gint64)g_variant_get_uint64(value);
}

/* One entry of an attempt's fields; what is for the core is taken out, the rest is the message's.
 */
static int read_field(sd_bus_message *m, DlvOffer *offer, GVariantBuilder *fields, GError **error) {
  const char *key;
  int flag;

  if (sd_bus_message_read_basic(m, 's', &key) < 0)
    return -1;
  if (strcmp(key, "policy") == 0)
    return sd_bus_message_read(m, "v", "s", &offer->policy);
  if (strcmp(key, "attempts") == 0)
    return sd_bus_message_read(m, "v", "u", &offer->attempts);
  if (strcmp(key, "step") == 0)
    return sd_bus_message_read(m, "v", "u", &offer->step);
  if (strcmp(key, "waiting") == 0)
    return sd_bus_message_read(m, "v", "u", &offer->waiting);
  if (strcmp(key, "urgent") == 0)
    return sd_bus_message_read(m, "v", "u", &offer->urgent);
  if (strcmp(key, "last-seen") == 0)
    return sd_bus_message_read(m, "v", "t", &offer->last_seen);
  if (strcmp(key, "announced") == 0) {
    int r = sd_bus_message_read(m, "v", "b", &flag);
    offer->announced = r > 0 && flag;
    return r;
  }
  if (strcmp(key, "body") == 0)
    return read_body(m, offer);
  if (strcmp(key, "message") == 0)
    return sd_bus_message_skip(m, "v");
  g_autoptr(GVariant) value = wg_variant_read_inner(m, error);
  if (value == NULL)
    return -1;
  note_field(offer, key, value);
  g_variant_builder_add(fields, "{sv}", key, value);
  return 1;
}

static gboolean read_offer(sd_bus_message *m, DlvOffer *offer, GError **error) {
  g_auto(GVariantBuilder) fields = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

  if (sd_bus_message_read(m, "tts", &offer->attempt, &offer->number, &offer->agent) < 0 ||
      sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
    return FALSE;
  while (sd_bus_message_enter_container(m, 'e', "sv") > 0)
    if (read_field(m, offer, &fields, error) < 0 || sd_bus_message_exit_container(m) < 0)
      return FALSE;
  offer->fields = g_variant_ref_sink(g_variant_builder_end(&fields));
  return sd_bus_message_exit_container(m) >= 0;
}

static void offer_clear(DlvOffer *offer) {
  g_clear_pointer(&offer->fields, g_variant_unref);
  g_clear_pointer(&offer->body, g_bytes_unref);
}

/* How many were there; -1: the answer cannot be read. */
static int take_offers(DlvLink *link, sd_bus_message *m, gboolean *ret_more) {
  g_autoptr(GError) error = NULL;
  int n = 0, more = 0;

  if (sd_bus_message_enter_container(m, 'a', "(ttsa{sv})") < 0)
    return -1;
  while (sd_bus_message_enter_container(m, 'r', "ttsa{sv}") > 0) {
    DlvOffer offer = {.from = "", .priority = DLV_PRIORITY_DEFAULT};
    gboolean ok = read_offer(m, &offer, &error) && sd_bus_message_exit_container(m) >= 0;
    if (ok)
      dlv_agents_offer(link, &offer);
    offer_clear(&offer);
    if (!ok)
      return -1;
    n++;
  }
  if (sd_bus_message_exit_container(m) < 0 || sd_bus_message_read(m, "b", &more) < 0)
    return -1;
  *ret_more = more;
  return n;
}

static gboolean has_room(const DlvLink *link) {
  return link->state == DLV_LINK_READY && !link->courier->draining &&
         link->n_attempts < link->courier->settings.max_attempts && link->n_bytes < DLV_BYTES_MAX;
}

/* "More" may only mean that an answer was full. */
static gboolean on_more_over(gpointer data) {
  DlvLink *link = data;

  link->more_over = 0;
  link->more = FALSE;
  dlv_courier_pump(link->courier);
  return G_SOURCE_REMOVE;
}

static void answered(DlvLink *link, sd_bus_message *reply, const GError *error) {
  gboolean more = FALSE;

  if (reply == NULL) { /* a lost connection comes back by itself */
    if (link->state == DLV_LINK_READY)
      dlv_link_lost(link, error->message);
    return;
  }
  link->round++;
  int n = take_offers(link, reply, &more);
  if (n < 0) {
    dlv_link_lost(link, "it answers something that cannot be read");
    return;
  }
  if (n > 0)
    wg_service_activity(link->courier->service);
  dlv_link_poll(link); /* is on its way before the jobs are begun */
  link->more = more && link->n_polls > 0;
  g_clear_handle_id(&link->more_over, g_source_remove);
  if (link->more)
    link->more_over = g_timeout_add(MORE_MSEC, on_more_over, link);
  link->owes &= more; /* all that waited was offered */
  dlv_courier_pump(link->courier);
}

static void on_polled(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  link->n_polls--;
  dlv_handover_begin(link->courier); /* now and then */
  answered(link, reply, error);
}

void dlv_link_poll(DlvLink *link) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);

  if (link->n_polls > 0 || !has_room(link))
    return;
  link->n_polls++;
  g_variant_dict_insert(&d, "max", "u", (guint32)POLL_MAX);
  g_variant_dict_insert(&d, "wait", "t", (guint64)POLL_USEC);
  g_variant_dict_insert(&d, "lease", "t", (guint64)DLV_ATTEMPT_USEC);
  g_variant_dict_insert(&d, "body", "b", link->wants_bodies);
  g_variant_dict_insert(&d, "policy", "b", TRUE);
  dlv_link_call(link, WG_IFACE_COURIER, "LeaseAttempts",
                g_variant_new("(t@a{sv})", link->number, g_variant_dict_end(&d)), on_polled, NULL);
}
