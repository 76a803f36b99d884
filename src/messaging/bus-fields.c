/* bus-fields.c: see bus-fields.h. A field that has its usual value is left out. */
#include "messaging/bus-fields.h"

#define PRIORITY_USUAL 4

typedef struct {
  MsgFieldFunc put;
  gpointer data;
} To;

static int put_string(const To *to, const char *key, const char *value) {
  return value != NULL ? to->put(to->data, key, "s", value) : 0;
}

static int put_time(const To *to, const char *key, guint64 value) {
  return value != 0 ? to->put(to->data, key, "t", &value) : 0;
}

static int put_true(const To *to, const char *key, gboolean value) {
  return value ? to->put(to->data, key, "b", &(int){1}) : 0;
}

static int put_count(const To *to, const char *key, guint32 value, guint32 above) {
  return value > above ? to->put(to->data, key, "u", &value) : 0;
}

/* Of a body that is not inline. */
static int put_size(const To *to, const MsgDelivery *d) {
  guint64 size = d->size;

  return d->body_fd >= 0 || d->body_left_out ? to->put(to->data, "size", "t", &size) : 0;
}

static int put_imported(const To *to, const MsgDelivery *d) {
  int r = d->imported ? put_string(to, "origin", "import") : 0;

  return r >= 0 && d->imported ? put_string(to, "claimed-from", d->from) : r;
}

int msg_delivery_rare_fields(const MsgDelivery *d, MsgFieldFunc put, gpointer data) {
  const To to = {put, data};
  int r = put_string(&to, "id", d->id);

  if (r >= 0)
    r = put_time(&to, "sequence", d->sequence);
  if (r >= 0 && d->priority != PRIORITY_USUAL)
    r = put(data, "priority", "y", &d->priority);
  if (r >= 0)
    r = put_time(&to, "expires", d->expires);
  if (r >= 0)
    r = put_string(&to, "key", d->key);
  if (r >= 0)
    r = put_time(&to, "in-reply-to", d->in_reply_to);
  if (r >= 0)
    r = put_count(&to, "hops", d->hops, 0);
  if (r >= 0)
    r = put_time(&to, "chain", d->chain);
  if (r >= 0)
    r = put_true(&to, "expects-reply", d->expects_reply);
  if (r >= 0)
    r = put_time(&to, "reply-by", d->reply_by);
  if (r >= 0)
    r = put_count(&to, "acquired", d->acquired, 1);
  if (r >= 0)
    r = put_count(&to, "failed", d->failed, 0);
  if (r >= 0)
    r = put_true(&to, "volatile", d->is_volatile);
  if (r >= 0)
    r = put_imported(&to, d);
  return r >= 0 ? put_size(&to, d) : r;
}

int msg_delivery_fields(const MsgDelivery *d, MsgFieldFunc put, gpointer data) {
  const To to = {put, data};
  guint32 uid = d->sender_uid;
  int r = put_string(&to, "to", d->to);

  if (r >= 0)
    r = put_time(&to, "time", d->time);
  if (r >= 0)
    r = put(data, "sender-uid", "u", &uid);
  if (r >= 0)
    r = put_time(&to, "lease-until", d->lease_until);
  return r >= 0 ? msg_delivery_rare_fields(d, put, data) : r;
}
