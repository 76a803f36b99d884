/* grpc-call.c: see grpc-call.h.
 *
 * libnghttp2 reads and writes nothing itself: its bytes go through the stream, here, and what it
 * finds in them comes by its callbacks. Of an answer's headers the three that gRPC needs are kept,
 * the last one of each, so a server can make us keep no more than that. */
#include "checks/grpc-call.h"

#include "common/error.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

#define HEADER_MAX 4096
#define HEADERS_MAX 16384 /* what the server is told of it */

typedef struct {
  const ChkGrpcCall *call;
  ChkGrpcAnswer *answer;
  nghttp2_session *session;
  gint32 stream_id;
  gsize n_sent; /* of the message */
  gboolean closed, is_too_long;
  guint32 reset; /* the code that it was closed with; 0: in peace */
} Run;

void chk_grpc_answer_clear(ChkGrpcAnswer *answer) {
  g_clear_pointer(&answer->grpc_message, g_free);
  g_clear_pointer(&answer->body, g_byte_array_unref);
}

/* ---- what comes ---- */
static int number_of(const char *text, int otherwise) {
  guint64 number;

  return g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &number, NULL) ? (int)number
                                                                            : otherwise;
}

/* Percent-encoded UTF-8; what is not is shown as it came. */
static char *message_of(const char *value) {
  g_autofree char *decoded = g_uri_unescape_string(value, NULL);

  return g_utf8_make_valid(decoded ? decoded : value, -1);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const guint8 *name,
                     size_t name_size, const guint8 *value, size_t size, guint8 flags,
                     void *user_data) {
  Run *run = user_data;
  g_autofree char *text = g_strndup((const char *)value, MIN(size, HEADER_MAX));
  const char *key = (const char *)name; /* the library ends it with NUL */

  if (frame->hd.stream_id != run->stream_id)
    return 0;
  if (strcmp(key, ":status") == 0) {
    run->answer->http_status = number_of(text, 0);
  } else if (strcmp(key, "grpc-status") == 0) {
    run->answer->grpc_status = number_of(text, -1);
  } else if (strcmp(key, "grpc-message") == 0) {
    g_free(run->answer->grpc_message);
    run->answer->grpc_message = message_of(text);
  }
  return 0;
}

static int on_data(nghttp2_session *session, guint8 flags, gint32 stream_id, const guint8 *data,
                   size_t size, void *user_data) {
  Run *run = user_data;
  GByteArray *body = run->answer->body;

  if (stream_id != run->stream_id)
    return 0;
  if (size > run->call->answer_max - body->len) {
    run->is_too_long = TRUE;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  g_byte_array_append(body, data, (guint)size);
  return 0;
}

static int on_close(nghttp2_session *session, gint32 stream_id, guint32 code, void *user_data) {
  Run *run = user_data;

  if (stream_id == run->stream_id) {
    run->closed = TRUE;
    run->reset = code;
  }
  return 0;
}

/* ---- what goes ---- */
static ssize_t on_wanted(nghttp2_session *session, gint32 stream_id, guint8 *to, size_t size,
                         guint32 *flags, nghttp2_data_source *source, void *user_data) {
  Run *run = user_data;
  const GByteArray *message = run->call->message;
  gsize n = MIN(size, message->len - run->n_sent);

  memcpy(to, message->data + run->n_sent, n);
  run->n_sent += n;
  if (run->n_sent == message->len)
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  return (ssize_t)n;
}

static nghttp2_nv header(const char *name, const char *value) {
  return (nghttp2_nv){.name = (guint8 *)name,
                      .value = (guint8 *)value,
                      .namelen = strlen(name),
                      .valuelen = strlen(value)};
}

static int submit(Run *run) {
  static const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX},
  };
  const ChkGrpcCall *call = run->call;
  const nghttp2_data_provider body = {.read_callback = on_wanted};
  /* at most eight digits, says the protocol: milliseconds reach for a day */
  gint64 left = CLAMP(call->timeout / 1000, 1, 99999999);
  g_autofree char *timeout = g_strdup_printf("%" G_GINT64_FORMAT "m", left);
  g_autofree char *bearer = call->token ? g_strconcat("Bearer ", call->token, NULL) : NULL;
  nghttp2_nv headers[] = {
      header(":method", "POST"),
      header(":scheme", call->scheme),
      header(":path", call->path),
      header(":authority", call->authority),
      header("te", "trailers"),
      header("content-type", "application/grpc"),
      header("user-agent", "waggle-verify"),
      header("grpc-timeout", timeout),
      header("authorization", bearer ? bearer : ""),
  };
  int r =
      nghttp2_submit_settings(run->session, NGHTTP2_FLAG_NONE, settings, G_N_ELEMENTS(settings));

  if (r == 0)
    r = nghttp2_submit_request(run->session, NULL, headers,
                               G_N_ELEMENTS(headers) - (bearer ? 0 : 1), &body, run);
  run->stream_id = r;
  return MIN(r, 0);
}

/* ---- the conversation ---- */
static gboolean fail(GError **error, const char *what, int r) {
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%s: %s", what, nghttp2_strerror(r));
  return FALSE;
}

/* All that waits in one write: who does not know the protocol and closes at its first bytes has
 * read them all then, and its answer is not lost with the connection. */
static gboolean flush(Run *run, GIOStream *stream, GCancellable *cancel, GError **error) {
  GOutputStream *out = g_io_stream_get_output_stream(stream);
  g_autoptr(GByteArray) all = g_byte_array_new();

  for (;;) {
    const guint8 *bytes;
    ssize_t n = nghttp2_session_mem_send(run->session, &bytes);
    if (n < 0)
      return fail(error, "the request cannot be made", (int)n);
    if (n == 0)
      break;
    g_byte_array_append(all, bytes, (guint)n);
  }
  return all->len == 0 || g_output_stream_write_all(out, all->data, all->len, NULL, cancel, error);
}

static gboolean no_http2(GError **error) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "the server does not speak HTTP/2");
  return FALSE;
}

static gboolean take(Run *run, GIOStream *stream, GCancellable *cancel, GError **error) {
  GInputStream *in = g_io_stream_get_input_stream(stream);
  guint8 bytes[16384];
  gssize n = g_input_stream_read(in, bytes, sizeof bytes, cancel, error);

  if (n < 0)
    return FALSE;
  if (n == 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED,
                        "the server closed the connection before it answered");
    return FALSE;
  }
  if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
    return no_http2(error);
  ssize_t r = nghttp2_session_mem_recv(run->session, bytes, (gsize)n);
  if (run->is_too_long) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED,
                "the server's answer has more than %" G_GSIZE_FORMAT " bytes",
                run->call->answer_max);
    return FALSE;
  }
  return r >= 0 ? TRUE : fail(error, "the server does not speak HTTP/2", (int)r);
}

static gboolean converse(Run *run, GIOStream *stream, GCancellable *cancel, GError **error) {
  while (!run->closed) {
    if (!flush(run, stream, cancel, error))
      return FALSE;
    /* the library found something wrong, told the server, and is done with it */
    if (!run->closed && !nghttp2_session_want_read(run->session))
      return no_http2(error);
    if (!run->closed && !take(run, stream, cancel, error))
      return FALSE;
  }
  if (run->reset == NGHTTP2_NO_ERROR || run->answer->grpc_status >= 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "the server ended the call: %s",
              nghttp2_http2_strerror(run->reset));
  return FALSE;
}

static int open_session(Run *run) {
  nghttp2_session_callbacks *callbacks;
  int r = nghttp2_session_callbacks_new(&callbacks);

  if (r < 0)
    return r;
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  r = nghttp2_session_client_new(&run->session, callbacks, run);
  nghttp2_session_callbacks_del(callbacks);
  return r;
}

gboolean chk_grpc_call(GIOStream *stream, const ChkGrpcCall *call, GCancellable *cancel,
                       ChkGrpcAnswer *ret, GError **error) {
  Run run = {.call = call, .answer = ret};
  int r = open_session(&run);

  *ret = (ChkGrpcAnswer){.grpc_status = -1, .body = g_byte_array_new()};
  if (r == 0)
    r = submit(&run);
  gboolean good =
      r == 0 ? converse(&run, stream, cancel, error) : fail(error, "the request cannot be made", r);
  /* a word of leave, so that nobody has to log a broken connection */
  if (good && nghttp2_session_terminate_session(run.session, NGHTTP2_NO_ERROR) == 0)
    flush(&run, stream, cancel, NULL);
  nghttp2_session_del(run.session);
  return good;
}
