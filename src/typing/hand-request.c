/* hand-request.c: packets in, packets out. One request is worked on at a time; what arrives
 * meanwhile waits in its order, but "stop", which is answered at once. */
#include "typing/hand.h"
#include "typing/packet.h"

#include "common/error.h"

#include <stdio.h>

typedef struct {
  guint32 serial;
  char *kind;
  GVariant *args;
} Request;

static void request_free(Request *request) {
  g_free(request->kind);
  g_clear_pointer(&request->args, g_variant_unref);
  g_free(request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Request, request_free)

/* A typist that does not take its answers is as good as gone. */
static void send_packet(Hand *hand, guint32 serial, const char *kind, GVariant *args) {
  g_autoptr(GError) error = NULL;

  if (typ_packet_send(hand->link, serial, kind, args, &error))
    return;
  fprintf(stderr, "waggle-typist-hand: %s\n", error->message);
  hand->ending = TRUE;
}

static void send_error(Hand *hand, guint32 serial, const GError *error) {
  GVariantDict args;
  WgErrorCode code =
      error->domain == WG_ERROR ? (WgErrorCode)error->code : WG_ERROR_INVALID_ARGUMENT;

  g_variant_dict_init(&args, NULL);
  g_variant_dict_insert(&args, "code", "s", wg_error_name(code));
  g_variant_dict_insert(&args, "text", "s", error->message);
  send_packet(hand, serial, HAND_ERROR, g_variant_dict_end(&args));
}

static void queue(Hand *hand, Request *owned) {
  g_autoptr(Request) request = owned;

  if (g_str_equal(request->kind, HAND_STOP)) {
    GVariantDict args;
    g_variant_dict_init(&args, NULL);
    g_variant_dict_insert(&args, "stopped", "b", hand->typing);
    if (hand->typing)
      hand_stop(hand, HAND_CAUSE_STOPPED, "It was asked to stop");
    send_packet(hand, request->serial, HAND_REPLY, g_variant_dict_end(&args));
  } else if (g_queue_get_length(hand->requests) >= HAND_QUEUE_MAX) {
    g_autoptr(GError) error = g_error_new(WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                                          "%d requests are waiting already", HAND_QUEUE_MAX);
    send_error(hand, request->serial, error);
  } else {
    g_queue_push_tail(hand->requests, g_steal_pointer(&request));
  }
}

void hand_request_take(Hand *hand) {
  while (!hand->ending) {
    g_autoptr(Request) request = g_new0(Request, 1);
    g_autoptr(GError) error = NULL;
    switch (
        typ_packet_receive(hand->link, &request->serial, &request->kind, &request->args, &error)) {
    case TYP_PACKET_TAKEN:
      queue(hand, g_steal_pointer(&request));
      break;
    case TYP_PACKET_AGAIN:
      return;
    case TYP_PACKET_ERROR:
      fprintf(stderr, "waggle-typist-hand: %s\n", error->message);
      if (g_error_matches(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT))
        break;
      G_GNUC_FALLTHROUGH;
    case TYP_PACKET_END:
      hand->ending = TRUE;
      hand_stop(hand, HAND_CAUSE_STOPPED, "The typist is gone");
      return;
    }
  }
}

static GVariant *windows(Hand *hand, GVariant *args, GError **error) {
  static const HandKey keys[] = {HAND_TARGET_KEYS, {NULL, NULL}};
  GVariantBuilder list;
  GVariantDict reply;

  if (!hand_args_check(args, keys, error))
    return NULL;
  g_autoptr(HandTarget) target = hand_target_new(args, error);
  if (!target)
    return NULL;
  g_autoptr(GPtrArray) found = hand_windows_list(hand);
  hand_target_filter(hand, target, found);
  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < found->len && i < HAND_WINDOWS_MAX; i++) {
    const HandWindow *window = found->pdata[i];
    GVariantDict dict;
    g_variant_dict_init(&dict, NULL);
    g_variant_dict_insert(&dict, "window", "u", (guint32)window->id);
    g_variant_dict_insert(&dict, "class", "s", window->class);
    g_variant_dict_insert(&dict, "instance", "s", window->instance);
    g_variant_dict_insert(&dict, "title", "s", window->title);
    g_variant_dict_insert(&dict, "pid", "u", window->pid);
    g_variant_dict_insert(&dict, "unit", "s", window->unit);
    g_variant_dict_insert(&dict, "focused", "b", window->focused);
    g_variant_dict_insert(&dict, "visible", "b", window->visible);
    g_variant_dict_insert(&dict, "desktop", "i", window->desktop);
    g_variant_builder_add_value(&list, g_variant_dict_end(&dict));
  }
  g_variant_dict_init(&reply, NULL);
  g_variant_dict_insert_value(&reply, "windows", g_variant_builder_end(&list));
  g_variant_dict_insert(&reply, "truncated", "b", found->len > HAND_WINDOWS_MAX);
  return g_variant_dict_end(&reply);
}

GVariant *hand_request_query(Hand *hand) {
  g_autofree char *layout = hand_state_layout(hand), *manager = hand_x_wm_name(hand);
  GVariantDict reply;
  XkbStateRec state = {0};
  gboolean locked;
  guint64 idle = hand_human_idle(hand, &locked);

  XkbGetState(hand->display, XkbUseCoreKbd, &state);
  g_variant_dict_init(&reply, NULL);
  g_variant_dict_insert(&reply, "display", "s", XDisplayString(hand->display));
  g_variant_dict_insert(&reply, "layout", "s", layout);
  g_variant_dict_insert(&reply, "group", "u", (guint32)state.group);
  g_variant_dict_insert(&reply, "idle", "t", idle);
  g_variant_dict_insert(&reply, "focused", "u", (guint32)hand_focus_get(hand));
  g_variant_dict_insert(&reply, "locked", "b", locked);
  g_variant_dict_insert(&reply, "wm", "s", manager);
  g_variant_dict_insert(&reply, "spare-keycodes", "u", hand_map_spares(hand));
  g_variant_dict_insert(&reply, "xi2", "b", hand->xi_opcode >= 0);
  if (hand->human_any)
    g_variant_dict_insert(&reply, "human", "t",
                          (guint64)(g_get_monotonic_time() - hand->human_any));
  return g_variant_dict_end(&reply);
}

static GVariant *restore(Hand *hand) {
  GVariantDict reply;

  g_variant_dict_init(&reply, NULL);
  g_variant_dict_insert(&reply, "restored", "b", hand_restore_run(hand));
  return g_variant_dict_end(&reply);
}

static GVariant *answer(Hand *hand, const Request *request, GError **error) {
  static const HandKey none[] = {{NULL, NULL}};

  if (g_str_equal(request->kind, HAND_TYPE))
    return hand_request_type(hand, request->args, error);
  if (g_str_equal(request->kind, HAND_WINDOWS))
    return windows(hand, request->args, error);
  if (g_str_equal(request->kind, HAND_DOCTOR))
    return hand_request_doctor(hand, request->args, error);
  if (!g_str_equal(request->kind, HAND_QUERY) && !g_str_equal(request->kind, HAND_RESTORE)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "Unknown request '%s'", request->kind);
    return NULL;
  }
  if (!hand_args_check(request->args, none, error))
    return NULL;
  return g_str_equal(request->kind, HAND_QUERY) ? hand_request_query(hand) : restore(hand);
}

void hand_request_next(Hand *hand) {
  g_autoptr(Request) request = g_queue_pop_head(hand->requests);
  g_autoptr(GError) error = NULL;

  hand->stop.code = NULL;
  g_clear_pointer(&hand->stop.text, g_free);
  (void)hand_pump(hand);
  GVariant *reply = answer(hand, request, &error);
  if (reply)
    send_packet(hand, request->serial, HAND_REPLY, reply);
  else
    send_error(hand, request->serial, error);
}
