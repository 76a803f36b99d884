/* test-web.c: the file that says who may read metrics over TCP, and the check of passwords. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/http-auth.h"

#include "common/error.h"

#include <crypt.h>
#include <string.h>

#define HASH "$2b$10$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyzABCDE"

static MonWeb *parse(const char *text, char **ret_problems) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  MonWeb *web = mon_web_parse(text, strlen(text), "/nowhere", problems);

  *ret_problems = wg_problems_text(problems, "web.yaml");
  return web;
}

static void test_good(void) {
  static const struct {
    const char *text;
    guint users;
  } rows[] = {
      {"{}", 0},
      {"basic_auth_users:\n  a: " HASH
       "\n  b c: $2y$04$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyz./AB0\n",
       2},
      {"http_server_config: {http2: true}\nx-ours: 1\n", 0},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *told = NULL;
    g_autoptr(MonWeb) web = parse(rows[i].text, &told);
    g_assert_cmpstr(told, ==, "");
    g_assert_cmpuint(g_hash_table_size(web->users), ==, rows[i].users);
    g_assert_null(web->certificate);
  }
}

/* All that is wrong at once, each at its line, and no hash in any of it. */
static void test_problems(void) {
  static const struct {
    const char *text, *want;
  } rows[] = {
      {"tls_server_config: {}\n", "web.yaml:1: /tls_server_config/cert_file: is missing"},
      {"tls_server_config:\n  cert_file: a.crt\n", "key_file: is missing"},
      {"tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n",
       "web.yaml:2: /tls_server_config/cert_file: /nowhere/a.crt cannot be read"},
      {"tls_server_config:\n  client_ca_file: a.crt\n", "without client_auth_type"},
      {"tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n",
       "needs client_ca_file"},
      {"tls_server_config:\n  client_auth_type: Maybe\n", "client_auth_type"},
      {"tls_server_config:\n  min_version: TLS10\n", "min_version"},
      {"tls_server_config:\n  cipher_suites: [a]\n", "policy of the machine"},
      {"tls_server_config:\n  client_allowed_sans: [a]\n", "client_ca_file"},
      {"tls_server_config:\n  cert: abc\n", "name that by cert_file"},
      {"tls_server_config:\n  cert_fil: abc\n", "cert_file"},
      {"\nbasic_auth_user: {a: b}\n", "web.yaml:2: "},
      {"basic_auth_users: {}\n", "let everybody in"},
      {"basic_auth_users:\n  a: secret\n", "web.yaml:2: /basic_auth_users/a: is no hash of bcrypt"},
      {"basic_auth_users:\n  a: 7\n", "/basic_auth_users/a"},
      {"basic_auth_users:\n  a:b: " HASH "\n", "no colon"},
      {"basic_auth_users:\n  '': " HASH "\n", "not empty"},
      {"basic_auth_users:\n  a: $6$secretsecret$secret\n", "bcrypt"},
      {"basic_auth_users:\n  a: " HASH "secret\n", "bcrypt"},
      {"basic_auth_users:\n  a: "
       "$2b$31$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvwxyzABCDE\n",
       "from 4 to 16"},
      {"http_server_config:\n  headers: {a: b}\n", "web.yaml:2: "},
      {"rate_limit: {burst: 20}\n", "bounded as they are"},
      {"[]\n", "web.yaml"},
      {"", "web.yaml"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *told = NULL;
    g_autoptr(MonWeb) web = parse(rows[i].text, &told);
    g_test_message("%s: %s", rows[i].text, told);
    g_assert_null(web);
    g_assert_nonnull(strstr(told, rows[i].want));
    g_assert_null(strstr(told, "secret"));
    g_assert_null(strstr(told, "wxyzABCDE"));
  }
}

static void test_load(void) {
  static const struct {
    const char *path, *want;
  } rows[] = {{"web.yaml", "no path from / on"}, {"/nowhere/web.yaml", "/nowhere/web.yaml"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(mon_web_load(rows[i].path, &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
    g_assert_nonnull(strstr(error->message, rows[i].want));
  }
  g_autoptr(MonWeb) open = mon_web_load("", NULL);
  g_assert_cmpuint(g_hash_table_size(open->users), ==, 0);
  g_assert_null(open->certificate);
}

/* ---- passwords ---- */
static MonWeb *web_of(const char *user, const char *password) {
  char room[CRYPT_GENSALT_OUTPUT_SIZE];
  struct crypt_data *data = g_new0(struct crypt_data, 1);
  const char *salt = crypt_gensalt_rn("$2b$", 4, "0123456789abcdef", 16, room, sizeof room);
  g_autofree char *text =
      g_strdup_printf("basic_auth_users:\n  %s: %s\n", user, crypt_r(password, salt, data));
  g_autofree char *told = NULL;
  MonWeb *web = parse(text, &told);

  g_free(data);
  g_assert_cmpstr(told, ==, "");
  return web;
}

typedef struct {
  guint calls;
  gboolean good;
} Answer;

static void on_answer(gboolean good, gpointer data) {
  Answer *answer = data;

  answer->calls++;
  answer->good = good;
}

static char *header_of(const char *user, const char *password) {
  g_autofree char *text = g_strdup_printf("%s:%s", user, password);
  g_autofree char *code = g_base64_encode((const guchar *)text, strlen(text));

  return g_strconcat("Basic ", code, NULL);
}

static gboolean later(MonAuth *auth, const MonWeb *web, const char *user, const char *password) {
  g_autofree char *header = header_of(user, password);
  Answer answer = {0};

  g_assert_cmpint(mon_auth_check(auth, web, header, on_answer, &answer), ==, MON_AUTH_LATER);
  g_assert_cmpuint(answer.calls, ==, 0); /* never from inside */
  while (answer.calls == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpuint(answer.calls, ==, 1);
  return answer.good;
}

static void test_passwords(void) {
  g_autoptr(MonAuth) auth = mon_auth_new();
  g_autoptr(MonWeb) web = web_of("a", "open: sesame");
  g_autoptr(MonWeb) other = web_of("a", "new");
  g_autoptr(MonWeb) open = mon_web_load("", NULL);
  g_autofree char *good = header_of("a", "open: sesame");
  static const char *const none[] = {NULL,         "",        "Basic",    "Basic ",
                                     "Basic YQ==", "Basic !", "Bearer x", "Basic YQBhOmI="};

  g_assert_cmpint(mon_auth_check(auth, open, NULL, on_answer, NULL), ==, MON_AUTH_YES);
  for (guint i = 0; i < G_N_ELEMENTS(none); i++)
    g_assert_cmpint(mon_auth_check(auth, web, none[i], on_answer, NULL), ==, MON_AUTH_NO);
  g_assert_true(later(auth, web, "a", "open: sesame"));
  g_assert_cmpint(mon_auth_check(auth, web, good, on_answer, NULL), ==, MON_AUTH_YES);
  g_assert_false(later(auth, web, "a", "open: sesam"));
  g_assert_false(later(auth, web, "a", "open: sesam")); /* what was wrong is not remembered */
  g_assert_false(later(auth, web, "a", ""));
  g_assert_false(later(auth, web, "b", "open: sesame"));
  g_assert_false(later(auth, other, "a", "open: sesame")); /* the password is another one now */
  g_assert_cmpint(mon_auth_check(auth, web, good, on_answer, NULL), ==, MON_AUTH_YES);
}

/* Who has gone is not called; the others are, in their order. */
static void test_forget(void) {
  MonAuth *auth = mon_auth_new();
  g_autoptr(MonWeb) web = web_of("a", "x");
  Answer answers[4] = {0};

  for (guint i = 0; i < 4; i++) {
    g_autofree char *password = g_strdup_printf("%u", i);
    g_autofree char *header = header_of("a", i == 3 ? "x" : password);
    g_assert_cmpint(mon_auth_check(auth, web, header, on_answer, &answers[i]), ==, MON_AUTH_LATER);
  }
  mon_auth_forget(auth, &answers[0]); /* under way */
  mon_auth_forget(auth, &answers[2]); /* waits */
  while (answers[3].calls == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_true(answers[3].good);
  g_assert_cmpuint(answers[0].calls + answers[2].calls, ==, 0);
  g_assert_cmpuint(answers[1].calls, ==, 1);
  g_assert_false(answers[1].good);
  for (guint i = 0; i < 2; i++) {
    g_autofree char *header = header_of("a", "late");
    mon_auth_check(auth, web, header, on_answer, &answers[i]);
  }
  mon_auth_free(auth); /* one is under way, one waits: neither is called */
  for (guint i = 0; i < 100; i++) {
    g_usleep(1000);
    g_main_context_iteration(NULL, FALSE);
  }
  g_assert_cmpuint(answers[0].calls + answers[1].calls, ==, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/web/good", test_good);
  g_test_add_func("/web/problems", test_problems);
  g_test_add_func("/web/load", test_load);
  g_test_add_func("/auth/passwords", test_passwords);
  g_test_add_func("/auth/forget", test_forget);
  return g_test_run();
}
