/* service-status.c: what the service says of itself: STATUS= and the degraded states.
 *
 * The text is made anew from what is true whenever something of it changes, so it cannot
 * go stale. A degraded state is logged when it begins, when its reason changes and when it
 * ends; it never withholds the watchdog's ping. */
#include "common/log.h"
#include "common/service-private.h"

#include <stdarg.h>

typedef struct {
  char *key, *why;
} WgDegraded;

static void degraded_free(gpointer data) {
  WgDegraded *d = data;

  g_free(d->key);
  g_free(d->why);
  g_free(d);
}

char *wg_service_status_text(WgService *service) {
  GString *text = g_string_new(service->state == WG_SERVICE_STARTING   ? "Starting"
                               : service->state >= WG_SERVICE_FLUSHING ? "Leaving"
                               : service->status                       ? service->status
                                                                       : "Running");

  for (guint i = 0; service->degraded && i < service->degraded->len; i++) {
    const WgDegraded *d = service->degraded->pdata[i];
    g_string_append_printf(text, "%s%s: %s", i == 0 ? "; degraded: " : ", ", d->key, d->why);
  }
  if (service->reload_error)
    g_string_append_printf(text, "; last reload refused: %s", service->reload_error);
  return g_string_free(text, FALSE);
}

void wg_service_status_changed(WgService *service) {
  g_autofree char *text = wg_service_status_text(service);

  wg_notify_status(service->notify, text);
}

void wg_service_set_status(WgService *service, const char *format, ...) {
  va_list args;

  g_free(service->status);
  va_start(args, format);
  service->status = g_strdup_vprintf(format, args);
  va_end(args);
  wg_service_status_changed(service);
}

static gint find_degraded(WgService *service, const char *key) {
  for (guint i = 0; i < service->degraded->len; i++)
    if (g_str_equal(((WgDegraded *)service->degraded->pdata[i])->key, key))
      return i;
  return -1;
}

/* Returns FALSE when that is what is known already. */
static gboolean begin_degraded(WgService *service, const char *key, const char *why) {
  gint i = find_degraded(service, key);

  if (i >= 0 && g_str_equal(((WgDegraded *)service->degraded->pdata[i])->why, why))
    return FALSE;
  WgDegraded *d = i >= 0 ? service->degraded->pdata[i] : g_new0(WgDegraded, 1);
  if (i < 0) {
    d->key = g_strdup(key);
    g_ptr_array_add(service->degraded, d);
  }
  g_free(d->why);
  d->why = g_strdup(why);
  wg_log(LOG_WARNING, WG_MSG_DEGRADED, WG_FIELDS(WG_FIELD_DEGRADED, key, WG_FIELD_ERROR, why),
         "Degraded: %s: %s", key, why);
  return TRUE;
}

static gboolean end_degraded(WgService *service, const char *key) {
  gint i = find_degraded(service, key);

  if (i < 0)
    return FALSE;
  g_ptr_array_remove_index(service->degraded, i);
  wg_log(LOG_NOTICE, WG_MSG_RECOVERED, WG_FIELDS(WG_FIELD_DEGRADED, key), "No longer degraded: %s",
         key);
  return TRUE;
}

void wg_service_set_degraded(WgService *service, const char *key, const char *why) {
  if (!service->degraded)
    service->degraded = g_ptr_array_new_with_free_func(degraded_free);
  if (!(why ? begin_degraded(service, key, why) : end_degraded(service, key)))
    return;
  wg_service_status_changed(service);
  if (service->info->degraded_changed)
    service->info->degraded_changed(service, service->self);
}

char **wg_service_degraded(WgService *service) {
  guint n = service->degraded ? service->degraded->len : 0;
  char **texts = g_new0(char *, n + 1);

  for (guint i = 0; i < n; i++) {
    const WgDegraded *d = service->degraded->pdata[i];
    texts[i] = g_strdup_printf("%s: %s", d->key, d->why);
  }
  return texts;
}

void wg_service_status_free(WgService *service) {
  g_clear_pointer(&service->degraded, g_ptr_array_unref);
  g_clear_pointer(&service->status, g_free);
  g_clear_pointer(&service->reload_error, g_free);
}
