/* type-udp.c: what a service answers to a datagram: one is sent, the first that comes back is the
 * answer.
 *
 * A datagram may get lost on its way, so it is sent again as long as nothing came. The socket is
 * connected: whatever others send to it is dropped by the kernel, and a port that nobody has is
 * told of at once. */
#include "checks/hex.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

#define ANSWER_MAX 65535

static const ChkKey options[] = {
    {"send", CHK_TEXT, "what is sent; nothing: an empty datagram"},
    {"send-hex", CHK_TEXT, "the same as bytes in hexadecimal, spaces between them or not"},
    {"again", CHK_USEC, "how long until it is sent again when nothing came; default 1s"},
    {NULL},
};

static const ChkKey values[] = {
    {"answered", CHK_BOOL, "a datagram came back"},
    {"error", CHK_TEXT, "why not; absent when it did"},
    {"response", CHK_TEXT, "what stood in it"},
    {"response-hex", CHK_TEXT, "the same in hexadecimal, small letters without spaces"},
    {"size", CHK_BYTES, "its bytes"},
    {"time", CHK_USEC, "from the first datagram to the answer"},
    {"sent", CHK_INT, "how often it was sent"},
    {"peer", CHK_TEXT, "the address that was asked"},
    {NULL},
};

typedef struct {
  const ChkLook *look;
  const guint8 *question;
  gsize size;
  guint8 *answer;
  guint n_sent;
  char *peer;
} Talk;

/* The answer's length; -1 with an error. */
static gssize ask(Talk *talk, GSocket *socket, GError **error) {
  gint64 again = (gint64)chk_option_usec(talk->look, "again", G_USEC_PER_SEC);
  GCancellable *cancel = talk->look->cancel;

  for (;;) {
    g_autoptr(GError) own = NULL;
    if (g_socket_send(socket, (const char *)talk->question, talk->size, cancel, error) < 0)
      return -1;
    talk->n_sent++;
    if (g_socket_condition_timed_wait(socket, G_IO_IN, MAX(again, 1000), cancel, &own))
      return g_socket_receive(socket, (char *)talk->answer, ANSWER_MAX, cancel, error);
    if (!g_error_matches(own, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
      g_propagate_error(error, g_steal_pointer(&own));
      return -1;
    }
  }
}

static gssize ask_at(Talk *talk, GSocketAddress *address, GError **error) {
  g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(address),
                                           G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, error);

  g_clear_pointer(&talk->peer, g_free);
  talk->peer = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));
  if (socket == NULL || !g_socket_connect(socket, address, talk->look->cancel, error))
    return -1;
  return ask(talk, socket, error);
}

/* A name may stand for several addresses, and the service may have the port at one of them. The
 * first error counts: the address that was meant comes first. */
static gssize ask_each(Talk *talk, const ChkAddress *address, GError **error) {
  g_autoptr(GSocketConnectable) to = g_network_address_new(address->host, address->port);
  g_autoptr(GSocketAddressEnumerator) all = g_socket_connectable_enumerate(to);
  g_autoptr(GError) first = NULL;

  for (;;) {
    g_autoptr(GError) own = NULL;
    g_autoptr(GSocketAddress) next =
        g_socket_address_enumerator_next(all, talk->look->cancel, &own);
    gssize size = next ? ask_at(talk, next, &own) : -1;
    if (size >= 0)
      return size;
    gboolean is_over = next == NULL || g_cancellable_is_cancelled(talk->look->cancel);
    if (first == NULL)
      first = g_steal_pointer(&own);
    if (is_over)
      break;
  }
  if (first)
    g_propagate_error(error, g_steal_pointer(&first));
  else
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "the name stands for no address");
  return -1;
}

static void set_answer(JsonObject *seen, const guint8 *answer, gsize size) {
  g_autofree char *text = chk_hex_text(answer, size);

  chk_set_text_n(seen, "response", (const char *)answer, size);
  chk_set_text(seen, "response-hex", text);
  json_object_set_int_member(seen, "size", (gint64)size);
}

static void own_words(const ChkLook *look, GError **error) {
  chk_net_own_error(look, error);
  if (!g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return;
  g_clear_error(error);
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, "nobody has that port there");
}

static void see(ChkLook *look, ChkSight *ret) {
  const char *send = chk_option_text(look, "send", ""),
             *hex = chk_option_text(look, "send-hex", NULL);
  g_autoptr(GByteArray) bytes = hex ? chk_hex_parse(hex, NULL) : NULL;
  g_autofree guint8 *answer = g_malloc(ANSWER_MAX);
  g_auto(ChkAddress) address = {0};
  g_autoptr(GError) error = NULL;

  if (!chk_address_parse(look->subject, 0, &address, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  Talk talk = {.look = look, .answer = answer};
  talk.question = bytes ? bytes->data : (const guint8 *)send;
  talk.size = bytes ? bytes->len : strlen(send);
  gint64 begin = g_get_monotonic_time();
  gssize size = ask_each(&talk, &address, &error);
  g_autofree char *peer = talk.peer;
  if (size < 0) {
    own_words(look, &error);
    chk_net_refused(ret, "answered", error);
    json_object_set_int_member(ret->values, "sent", talk.n_sent);
    return;
  }
  JsonObject *seen = json_object_new();
  json_object_set_boolean_member(seen, "answered", TRUE);
  json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
  json_object_set_int_member(seen, "sent", talk.n_sent);
  chk_set_text(seen, "peer", peer);
  set_answer(seen, answer, (gsize)size);
  chk_observed(ret, seen);
}

const ChkType chk_type_udp = {
    .name = "udp",
    .subject_help = "HOST:PORT, [V6]:PORT",
    .options = options,
    .values = values,
    .default_value = "{\"answered\": true}",
    .sync = see,
    .validate = chk_subject_udp,
};
