/* type-http.c: what an HTTP server answers. Through libsoup, on a worker thread.
 *
 * One session a look: no connection, cookie or cached answer of one check serves another. With
 * "samples" the request is repeated one after the other, and the times are told with their number:
 * a percentile without a sample size says nothing. */
#include "checks/http-request.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <string.h>

static const ChkKey options[] = {
    {"method", CHK_TEXT, "default GET"},
    {"headers", CHK_JSON, "request headers, an object of texts"},
    {"body", CHK_TEXT, "request body"},
    {"content-type", CHK_TEXT, "of the request body; default application/json"},
    {"follow-redirects", CHK_BOOL, "default yes, at most 10"},
    {"insecure", CHK_BOOL, "take any certificate; what is wrong with it is still told"},
    {"ca-file", CHK_TEXT, "PEM file of authorities instead of the system's"},
    {"cert-file", CHK_TEXT, "PEM file of our own certificate, for a server that asks for one"},
    {"key-file", CHK_TEXT, "PEM file of its key; default: the certificate's file"},
    {"proxy", CHK_TEXT, "URL of a proxy that is asked instead of the host; by itself none is"},
    {"user", CHK_TEXT, "name for basic authentication"},
    {"password-file", CHK_TEXT, "file whose first line is the password"},
    {"token-file", CHK_TEXT, "file whose first line is a bearer token"},
    {"socket", CHK_TEXT, "path of a Unix socket that is connected to instead of the host"},
    {"max-body", CHK_BYTES, "bytes of the body that are read; default 1M"},
    {"samples", CHK_INT, "how often the request is made; default once"},
    {NULL},
};

static const ChkKey values[] = {
    {"reachable", CHK_BOOL, "there was an answer of HTTP"},
    {"error", CHK_TEXT, "why not; absent when there was"},
    {"status", CHK_INT, "status code"},
    {"headers", CHK_JSON, "response headers, names in small letters"},
    {"header-lines", CHK_TEXT, "response headers as they came, a line each"},
    {"body", CHK_TEXT, "response body, as far as it was read"},
    {"json", CHK_JSON, "the body as JSON; absent when it is none"},
    {"size", CHK_BYTES, "bytes of the body, all of it"},
    {"http-version", CHK_TEXT, "1.0, 1.1 or 2"},
    {"redirects", CHK_INT, "how often it was sent elsewhere"},
    {"url", CHK_TEXT, "the URL that answered in the end"},
    {"time", CHK_USEC, "until the answer was read; with samples their median"},
    {"time-p95", CHK_USEC, "the 95th percentile of the samples' times"},
    {"time-max", CHK_USEC, "the longest of them"},
    {"samples", CHK_INT, "how many requests were answered"},
    {"certificate-trusted", CHK_BOOL, "valid, for this name, from a known authority"},
    {"certificate-problems", CHK_TEXTS, "what is wrong with it"},
    {"certificate-days-left", CHK_NUMBER, "until it expires"},
    {"certificate-not-before", CHK_TEXT, "begin of its life"},
    {"certificate-not-after", CHK_TEXT, "end of its life"},
    {"certificate-subject", CHK_TEXT, "its distinguished name"},
    {"certificate-issuer", CHK_TEXT, "who signed it"},
    {"certificate-names", CHK_TEXTS, "the DNS names it is for"},
    {"certificate-fingerprint", CHK_TEXT, "SHA-256 of it, hexadecimal"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

G_STATIC_ASSERT((int)CHK_HTTP_URI_FLAGS == (int)SOUP_HTTP_URI_FLAGS);

static int by_time(gconstpointer a, gconstpointer b) {
  guint64 x = *(const guint64 *)a, y = *(const guint64 *)b;

  return x < y ? -1 : x > y;
}

/* The least time that `share` percent of the samples do not exceed. */
static gint64 percentile(const GArray *times, guint share) {
  guint rank = (times->len * share + 99) / 100;

  return (gint64)g_array_index(times, guint64, MAX(rank, 1) - 1);
}

static void set_times(JsonObject *seen, GArray *times) {
  g_array_sort(times, by_time);
  json_object_set_int_member(seen, "time", percentile(times, 50));
  json_object_set_int_member(seen, "time-p95", percentile(times, 95));
  json_object_set_int_member(seen, "time-max", percentile(times, 100));
  json_object_set_int_member(seen, "samples", times->len);
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(guint64));
  gint64 samples = chk_option_int(look, "samples", 1);
  g_autoptr(ChkHttp) http = NULL;
  g_autoptr(GError) error = NULL;
  JsonObject *seen = NULL;

  http = chk_http_new(look, &error);
  if (http == NULL) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  for (gint64 i = 0; i < samples && error == NULL; i++) {
    gint64 begin = g_get_monotonic_time();
    g_clear_pointer(&seen, json_object_unref);
    seen = json_object_new();
    if (chk_http_ask(http, seen, &error)) {
      guint64 took = (guint64)(g_get_monotonic_time() - begin);
      g_array_append_val(times, took);
    }
  }
  if (error) {
    g_clear_pointer(&seen, json_object_unref);
    chk_net_own_error(look, &error);
    chk_net_refused(ret, "reachable", error);
    return;
  }
  set_times(seen, times);
  if (chk_http_is_cut(http))
    ret->text = g_strdup("the body is longer than what was read of it; \"max-body\" takes more");
  chk_observed(ret, seen);
}

const ChkType chk_type_http = {
    .name = "http",
    .subject_help = "URL",
    .options = options,
    .values = values,
    .default_value = "{\"status\": 200}",
    .sync = see,
    .validate = chk_subject_http,
    .prepare = chk_http_prepare,
};
