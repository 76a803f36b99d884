/* bus-reply.c: see bus-reply.h. The fields of a delivery are written straight into the
 * message, without a GVariant between, because every received message passes here; only the
 * sender's own dictionary (`head`) comes as one, and is copied entry by entry. */
#include "messaging/bus-reply.h"

#include "common/bus-source.h"
#include "common/bus-variant.h"
#include "messaging/bus-fields.h"
#include "messaging/bus-log.h"

#include <errno.h>

/* A full store is looked at again that often (store-writer). */
#define STORE_FULL_RETRY_USEC (2 * G_USEC_PER_SEC)

static void charge(MsgDaemon *daemon, sd_bus_message *m, gsize bytes) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), sd_bus_message_get_bus(m));

  if (peer != NULL)
    wg_peer_charge(peer, bytes);
}

/* What was gathered for this client was said before. */
static void send_after_gathered(MsgDaemon *daemon, sd_bus_message *reply) {
  GSource *source = wg_service_bus_source(daemon->service, sd_bus_message_get_bus(reply));

  if (source != NULL)
    wg_bus_source_flush(source);
  sd_bus_send(NULL, reply, NULL);
}

static gboolean tells_retry_after(const GError *error) {
  return g_error_matches(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED) ||
         g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL);
}

void msg_reply_error(MsgDaemon *daemon, sd_bus_message *m, const GError *error,
                     guint64 retry_after) {
  sd_bus_error e = SD_BUS_ERROR_NULL;
  sd_bus_message *reply = NULL;

  msg_log_refused(daemon, m, error);
  if (sd_bus_message_get_expect_reply(m) <= 0)
    return;
  wg_error_to_bus(error, &e);
  int r = sd_bus_message_new_method_error(m, &reply, &e);
  sd_bus_error_free(&e);
  if (retry_after == 0 && g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL))
    retry_after = STORE_FULL_RETRY_USEC;
  if (r >= 0 && tells_retry_after(error))
    r = sd_bus_message_append_basic(reply, 't', &retry_after);
  if (r >= 0)
    send_after_gathered(daemon, reply);
  charge(daemon, m, MSG_REPLY_WEIGHT);
  sd_bus_message_unref(reply);
}

void msg_reply_job_error(gpointer data) {
  MsgJob *job = data;

  msg_reply_error(job->owner, job->call, job->job.error, job->retry_after);
}

sd_bus_message *msg_reply_new(sd_bus_message *m) {
  sd_bus_message *reply = NULL;

  if (sd_bus_message_get_expect_reply(m) <= 0)
    return NULL;
  return sd_bus_message_new_method_return(m, &reply) >= 0 ? reply : NULL;
}

void msg_reply_send(MsgDaemon *daemon, sd_bus_message *call, sd_bus_message *reply, int r,
                    gsize bytes) {
  if (reply == NULL)
    return;
  if (r >= 0) {
    send_after_gathered(daemon, reply);
    charge(daemon, call, bytes);
  } else {
    g_autoptr(GError) error = NULL;
    wg_error_set_errno(&error, r, "the answer cannot be built");
    msg_reply_error(daemon, call, error, 0);
  }
  sd_bus_message_unref(reply);
}

void msg_reply_empty(MsgDaemon *daemon, sd_bus_message *m) {
  sd_bus_message *reply = msg_reply_new(m);

  msg_reply_send(daemon, m, reply, 0, MSG_REPLY_WEIGHT);
}

int msg_reply_append_field(sd_bus_message *m, const char *key, const char *type,
                           const void *value) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, key);
  if (r >= 0)
    r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, type);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, type[0], value);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

/* What the sender gave: subject, headers and so on, as it was. */
static int append_head(sd_bus_message *m, const MsgDelivery *d) {
  GVariantIter iter;
  const char *key;
  GVariant *value;
  int r = 0;

  if (d->head == NULL || d->head_size == 0)
    return 0;
  g_autoptr(GVariant) head = g_variant_ref_sink(g_variant_new_from_data(
      G_VARIANT_TYPE_VARDICT, d->head, d->head_size, /* trusted= */ FALSE, NULL, NULL));
  g_variant_iter_init(&iter, head);
  while (r >= 0 && g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned G_GNUC_UNUSED = value;
    r = wg_variant_append_entry(m, key, value);
  }
  return r;
}

static int append_field(gpointer m, const char *key, const char *type, const void *value) {
  return msg_reply_append_field(m, key, type, value);
}

static int append_large_and_head(sd_bus_message *m, const MsgDelivery *d) {
  int r = d->body_fd >= 0 ? msg_reply_append_field(m, "body-fd", "h", &d->body_fd) : 0;

  return r >= 0 ? append_head(m, d) : r;
}

int msg_reply_append_rare(sd_bus_message *m, const MsgDelivery *d) {
  int r = msg_delivery_rare_fields(d, append_field, m);

  return r >= 0 ? append_large_and_head(m, d) : r;
}

static int append_fields(sd_bus_message *m, const MsgDelivery *d) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");

  if (r >= 0)
    r = msg_delivery_fields(d, append_field, m);
  if (r >= 0)
    r = append_large_and_head(m, d);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int msg_reply_append_content(sd_bus_message *m, const MsgDelivery *d) {
  gboolean inlined = d->body != NULL && !d->body_left_out;
  int r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, d->from != NULL ? d->from : "");

  if (r >= 0)
    r = sd_bus_message_append_array(m, SD_BUS_TYPE_BYTE, inlined ? d->body : NULL,
                                    inlined ? d->size : 0);
  return r >= 0 ? append_fields(m, d) : r;
}

int msg_reply_append_delivery(sd_bus_message *m, const MsgDelivery *d) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "ttsaya{sv}");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT64, &d->seq);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT64, &d->token);
  if (r >= 0)
    r = msg_reply_append_content(m, d);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}
