/* goss-functions-codes.c: Sprig's random values, sums and codes, versions, addresses of the web. */
#include "checks/goss-private.h"
#include "checks/semver.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_MAX 65536

/* ---- chance ---- */
static gboolean draw(Goss *g, void *bytes, gsize n, GError **error) {
  for (gsize done = 0; done < n;) {
    gssize got = getrandom((guint8 *)bytes + done, n - done, 0);
    if (got < 0 && errno != EINTR)
      return goss_fail(g, error, "no random bytes: %s", g_strerror(errno));
    done += got > 0 ? (gsize)got : 0;
  }
  return TRUE;
}

/* Below `end`, each as likely as the others. */
static gboolean draw_below(Goss *g, guint64 end, guint64 *ret, GError **error) {
  guint64 most = G_MAXUINT64 - G_MAXUINT64 % end;

  do
    if (!draw(g, ret, sizeof *ret, error))
      return FALSE;
  while (*ret >= most);
  *ret %= end;
  return TRUE;
}

static gboolean how_many(Goss *g, JsonNode *value, gint64 *ret, GError **error) {
  *ret = goss_whole(value);
  return (*ret >= 0 && *ret <= RANDOM_MAX) ||
         goss_fail(g, error, "a number of random characters is 0 to %d", RANDOM_MAX);
}

static JsonNode *random_text(Goss *g, JsonNode *count, const char *letters, GError **error) {
  gint64 many;
  g_autoptr(GString) out = g_string_new(NULL);

  if (!how_many(g, count, &many, error))
    return NULL;
  for (gint64 i = 0; i < many; i++) {
    guint64 which;
    if (!draw_below(g, strlen(letters), &which, error))
      return NULL;
    g_string_append_c(out, letters[which]);
  }
  return goss_text(g, out->str);
}

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static JsonNode *f_rand_alpha(Goss *g, JsonNode **args, guint n, GError **error) {
  return random_text(g, args[0], LETTERS, error);
}

static JsonNode *f_rand_numeric(Goss *g, JsonNode **args, guint n, GError **error) {
  return random_text(g, args[0], DIGITS, error);
}

static JsonNode *f_rand_alpha_num(Goss *g, JsonNode **args, guint n, GError **error) {
  return random_text(g, args[0], LETTERS DIGITS, error);
}

static JsonNode *f_rand_ascii(Goss *g, JsonNode **args, guint n, GError **error) {
  char letters[96];

  for (guint i = 0; i < 95; i++)
    letters[i] = (char)(' ' + i);
  letters[95] = 0;
  return random_text(g, args[0], letters, error);
}

static JsonNode *f_rand_bytes(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 many;

  if (!how_many(g, args[0], &many, error))
    return NULL;
  g_autofree guint8 *bytes = g_malloc((gsize)many + 1);
  if (!draw(g, bytes, (gsize)many, error))
    return NULL;
  return goss_take_text(g, g_base64_encode(bytes, (gsize)many));
}

static JsonNode *f_rand_int(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 least = goss_whole(args[0]), end = goss_whole(args[1]);
  guint64 drawn;

  if (end <= least) {
    goss_fail(g, error, "randInt: the second number is above the first");
    return NULL;
  }
  if (!draw_below(g, (guint64)end - (guint64)least, &drawn, error))
    return NULL;
  return goss_int(g, (gint64)((guint64)least + drawn));
}

static JsonNode *f_shuffle(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  glong length;
  g_autofree gunichar *letters = g_utf8_to_ucs4_fast(text, -1, &length);

  for (glong i = length - 1; i > 0; i--) {
    guint64 other;
    if (!draw_below(g, (guint64)i + 1, &other, error))
      return NULL;
    gunichar kept = letters[i];
    letters[i] = letters[other];
    letters[other] = kept;
  }
  return goss_take_text(g, g_ucs4_to_utf8(letters, length, NULL, NULL, NULL));
}

static JsonNode *f_uuidv4(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, g_uuid_string_random());
}

/* ---- sums and codes ---- */
static JsonNode *f_adler32sum(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  guint32 a = 1, b = 0;

  for (const guchar *p = (const guchar *)text; *p; p++) {
    a = (a + *p) % 65521;
    b = (b + a) % 65521;
  }
  return goss_take_text(g, g_strdup_printf("%u", b << 16 | a));
}

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static JsonNode *f_b32enc(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  GString *out = g_string_new(NULL);
  guint bits = 0, have = 0;

  for (const guchar *p = (const guchar *)text; *p; p++) {
    bits = (bits << 8 | *p) & 0xffff;
    for (have += 8; have >= 5; have -= 5)
      g_string_append_c(out, base32[bits >> (have - 5) & 31]);
  }
  if (have > 0)
    g_string_append_c(out, base32[bits << (5 - have) & 31]);
  while (out->len % 8)
    g_string_append_c(out, '=');
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* What is no such code is told as the text, as Sprig does. */
static JsonNode *f_b32dec(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  g_autoptr(GString) out = g_string_new(NULL);
  guint bits = 0, have = 0;

  for (const char *p = text; *p && *p != '='; p++) {
    const char *at = strchr(base32, *p);
    if (!at)
      return goss_text(g, "illegal base32 data");
    bits = (bits << 5 | (guint)(at - base32)) & 0xffff;
    have += 5;
    if (have >= 8)
      g_string_append_c(out, (char)(bits >> (have -= 8) & 0xff));
  }
  return goss_take_text(g, g_utf8_make_valid(out->str, (gssize)out->len));
}

/* ---- versions ---- */
static JsonNode *f_semver(Goss *g, JsonNode **args, guint n, GError **error) {
  static const char *const names[] = {"Major", "Minor", "Patch", "Prerelease", "Metadata"};
  g_autofree char *text = goss_print(args[0]);
  g_autoptr(GRegex) regex = g_regex_new("^v?(\\d+)(?:\\.(\\d+))?(?:\\.(\\d+))?"
                                        "(?:-([0-9A-Za-z.-]+))?(?:\\+([0-9A-Za-z.-]+))?$",
                                        0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  JsonObject *object;

  if (!g_regex_match(regex, text, 0, &match)) {
    goss_fail(g, error, "semver: \"%s\" is no version", text);
    return NULL;
  }
  object = json_object_new();
  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *part = g_match_info_fetch(match, (int)i + 1);
    if (i < 3)
      json_object_set_int_member(object, names[i], part ? g_ascii_strtoll(part, NULL, 10) : 0);
    else
      json_object_set_string_member(object, names[i], part ? part : "");
  }
  json_object_set_string_member(object, "Original", text);
  JsonNode *node = json_node_alloc();
  json_node_take_object(node, object);
  return goss_keep(g, node);
}

static void range_free(ChkRange **range) {
  g_clear_pointer(range, chk_range_free);
}

static JsonNode *f_semver_compare(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *range = goss_print(args[0]), *version = goss_print(args[1]);
  g_autoptr(GError) own = NULL;
  __attribute__((cleanup(range_free))) ChkRange *made = chk_range_new(range, &own);
  gboolean holds = FALSE;

  if (made && chk_range_holds(made, version, &holds, &own))
    return goss_bool(g, holds);
  goss_fail(g, error, "semverCompare: %s", own->message);
  return NULL;
}

/* ---- addresses of the web ---- */
static void set_text(JsonObject *object, const char *name, const char *text) {
  json_object_set_string_member(object, name, text ? text : "");
}

static char *host_of(GUri *uri) {
  const char *host = g_uri_get_host(uri), *brackets = host && strchr(host, ':') ? "[]" : "";
  int port = g_uri_get_port(uri);

  if (port < 0)
    return g_strdup_printf("%.1s%s%s", brackets, host ? host : "", *brackets ? "]" : "");
  return g_strdup_printf("%.1s%s%s:%d", brackets, host ? host : "", *brackets ? "]" : "", port);
}

static JsonNode *f_url_parse(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  g_autoptr(GError) own = NULL;
  g_autoptr(GUri) uri =
      g_uri_parse(text, G_URI_FLAGS_ENCODED_QUERY | G_URI_FLAGS_PARSE_RELAXED, &own);
  JsonObject *object;

  if (!uri) {
    goss_fail(g, error, "urlParse: %s", own->message);
    return NULL;
  }
  g_autofree char *host = host_of(uri);
  object = json_object_new();
  set_text(object, "scheme", g_uri_get_scheme(uri));
  set_text(object, "host", host);
  set_text(object, "hostname", g_uri_get_host(uri));
  set_text(object, "path", g_uri_get_path(uri));
  set_text(object, "query", g_uri_get_query(uri));
  set_text(object, "opaque", "");
  set_text(object, "fragment", g_uri_get_fragment(uri));
  set_text(object, "userinfo", g_uri_get_userinfo(uri));
  JsonNode *node = json_node_alloc();
  json_node_take_object(node, object);
  return goss_keep(g, node);
}

static const char *member(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && goss_is_text(node) ? json_node_get_string(node) : "";
}

static JsonNode *f_url_join(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *o = goss_object_of(g, args[0], "urlJoin", error);
  GString *out;

  if (!o)
    return NULL;
  const char *scheme = member(o, "scheme"), *user = member(o, "userinfo"),
             *path = member(o, "path"), *query = member(o, "query"),
             *fragment = member(o, "fragment"), *host = member(o, "host");
  out = g_string_new(NULL);
  g_string_append_printf(out, "%s%s", scheme, *scheme ? ":" : "");
  if (*host || *user)
    g_string_append_printf(out, "//%s%s%s", user, *user ? "@" : "", host);
  g_string_append_printf(out, "%s%s", *path && *path != '/' && *host ? "/" : "", path);
  g_string_append_printf(out, "%s%s%s%s", *query ? "?" : "", query, *fragment ? "#" : "", fragment);
  return goss_take_text(g, g_string_free(out, FALSE));
}

const GossFunctionRow goss_functions_codes[] = {
    {"randAlpha", 1, 1, f_rand_alpha},
    {"randNumeric", 1, 1, f_rand_numeric},
    {"randAlphaNum", 1, 1, f_rand_alpha_num},
    {"randAscii", 1, 1, f_rand_ascii},
    {"randBytes", 1, 1, f_rand_bytes},
    {"randInt", 2, 2, f_rand_int},
    {"shuffle", 1, 1, f_shuffle},
    {"uuidv4", 0, 0, f_uuidv4},
    {"adler32sum", 1, 1, f_adler32sum},
    {"b32enc", 1, 1, f_b32enc},
    {"b32dec", 1, 1, f_b32dec},
    {"semver", 1, 1, f_semver},
    {"semverCompare", 2, 2, f_semver_compare},
    {"urlParse", 1, 1, f_url_parse},
    {"urlJoin", 1, 1, f_url_join},
    {NULL, 0, 0, NULL},
};
