/* link-lease.c: asks messaged for mail.
 *
 * One call waits at messaged for as long as it may (a long poll), so that mail is here a
 * millisecond after it was sent; it is no work that would keep the courier from leaving. Mail that
 * is handed to us is ours for LEASE_USEC or until the connection ends; a job has to be over by
 * then.
 */
#include "delivery/agent.h"
#include "delivery/handover.h"

#include "common/error.h"
#include "common/json-write.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

/* The most that one answer may bring. */
#define POLL_MAX 256
/* The rest is here by then, if there is any. */
#define MORE_MSEC 400
#define FIELDS_ROOM 1024 /* of one message, mostly */
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

/* The value of a basic type in the variant that is next. */
static int read_basic(sd_bus_message *m, const char *type, gpointer value) {
  int r = sd_bus_message_enter_container(m, 'v', type);

  if (r > 0)
    r = sd_bus_message_read_basic(m, type[0], value);
  return r > 0 ? sd_bus_message_exit_container(m) : r == 0 ? -ENXIO : r;
}

/* What is for the core alone, and what a message's JSON tells by itself. */
static const struct {
  const char *key, *type;
  gsize offset;
} own[] = {
    {"policy", "s", G_STRUCT_OFFSET(DlvOffer, policy)},
    {"attempts", "u", G_STRUCT_OFFSET(DlvOffer, attempts)},
    {"step", "u", G_STRUCT_OFFSET(DlvOffer, step)},
    {"waiting", "u", G_STRUCT_OFFSET(DlvOffer, waiting)},
    {"urgent", "u", G_STRUCT_OFFSET(DlvOffer, urgent)},
    {"last-seen", "t", G_STRUCT_OFFSET(DlvOffer, last_seen)},
    {"announced", "b", G_STRUCT_OFFSET(DlvOffer, announced)},
    {"from", "s", G_STRUCT_OFFSET(DlvOffer, from)},
    {"priority", "y", G_STRUCT_OFFSET(DlvOffer, priority)},
};

static void add_key(GString *fields, const char *key) {
  g_string_append_c(fields, ',');
  wg_json_append_string(fields, key, strlen(key));
  g_string_append_c(fields, ':');
}

static int read_number(sd_bus_message *m, const char *key, guint64 *value, GString *fields) {
  int r = read_basic(m, "t", value);

  add_key(fields, key);
  wg_json_append_number(fields, *value);
  return r;
}

static int read_text(sd_bus_message *m, const char *key, const char **text, GString *fields) {
  int r = read_basic(m, "s", text);

  add_key(fields, key);
  if (r >= 0)
    wg_json_append_string(fields, *text, strlen(*text));
  return r;
}

/* One of the message's, which goes to the agent as it is; some are looked at here, too. */
static int read_field(sd_bus_message *m, const char *key, DlvOffer *offer) {
  if (strcmp(key, "time") == 0)
    return read_number(m, key, (guint64 *)&offer->time, offer->fields);
  if (strcmp(key, "size") == 0)
    return read_number(m, key, &offer->size, offer->fields);
  if (strcmp(key, "subject") == 0)
    return read_text(m, key, &offer->subject, offer->fields);
  if (strcmp(key, "traceparent") == 0)
    return read_text(m, key, &offer->trace, offer->fields);
  add_key(offer->fields, key);
  return wg_json_append_value(offer->fields, m);
}

static int read_entry(sd_bus_message *m, DlvOffer *offer) {
  const char *key;

  if (sd_bus_message_read_basic(m, 's', &key) <= 0)
    return -EBADMSG;
  for (guint i = 0; i < G_N_ELEMENTS(own); i++)
    if (strcmp(own[i].key, key) == 0)
      return read_basic(m, own[i].type, G_STRUCT_MEMBER_P(offer, own[i].offset));
  if (strcmp(key, "body") == 0)
    return read_body(m, offer);
  if (strcmp(key, "message") == 0)
    return sd_bus_message_skip(m, "v");
  return read_field(m, key, offer);
}

static gboolean read_offer(sd_bus_message *m, DlvOffer *offer) {
  int r;

  if (sd_bus_message_read_basic(m, 't', &offer->attempt) <= 0 ||
      sd_bus_message_read_basic(m, 't', &offer->number) <= 0 ||
      sd_bus_message_read_basic(m, 's', &offer->agent) <= 0 ||
      sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
    return FALSE;
  while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0)
    if (read_entry(m, offer) < 0 || sd_bus_message_exit_container(m) < 0)
      return FALSE;
  return r == 0 && sd_bus_message_exit_container(m) >= 0;
}

/* How many were there; -1: the answer cannot be read. */
static int take_offers(DlvLink *link, sd_bus_message *m, gboolean *ret_more) {
  g_autoptr(GString) fields = g_string_sized_new(FIELDS_ROOM);
  int n = 0, more = 0;

  if (sd_bus_message_enter_container(m, 'a', "(ttsa{sv})") < 0)
    return -1;
  while (sd_bus_message_enter_container(m, 'r', "ttsa{sv}") > 0) {
    DlvOffer offer = {.from = "", .priority = DLV_PRIORITY_DEFAULT, .fields = fields};
    gboolean ok = read_offer(m, &offer) && sd_bus_message_exit_container(m) >= 0;
    if (ok)
      dlv_agents_offer(link, &offer);
    g_string_truncate(fields, 0);
    g_clear_pointer(&offer.body, g_bytes_unref);
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
