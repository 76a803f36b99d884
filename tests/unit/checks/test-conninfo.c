/* test-conninfo.c: where a PostgreSQL server is, judged without libpq as libpq judges it. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "checks/conninfo.h"

#include <libpq-fe.h>
#include <string.h>

static void test_keywords(void) {
  PQconninfoOption *known = PQconndefaults();

  g_assert_nonnull(known);
  for (const PQconninfoOption *o = known; o->keyword; o++)
    if (!g_strv_contains(chk_conninfo_keywords, o->keyword))
      g_error("libpq has \"%s\"", o->keyword);
  PQconninfoFree(known);
}

static const char *const texts[] = {
    "",
    "  ",
    "host=a",
    " host = a  dbname= 'b c' ",
    "host=a\tport=5432\nuser='o\\'x'",
    "host='a",
    "host='a'dbname=b",
    "host=a\\ b",
    "host=a\\",
    "host",
    "host a",
    "=a",
    "host=",
    "host= dbname=x",
    "hots=a",
    "sslmode=require connect_timeout=3",
    "postgresql://",
    "postgres://h",
    "postgresqls://h",
    "postgresql:/h",
    "postgresql://u@h:1/d",
    "postgresql://u@",
    "postgresql://@h",
    "postgresql://h1:1,h2:2,h3/d?target_session_attrs=any",
    "postgresql://h1,,h3",
    "postgresql://[::1]:5432/d",
    "postgresql://[::1]",
    "postgresql://[::1",
    "postgresql://[]/d",
    "postgresql://[::1]x/d",
    "postgresql://[::1],[::2]:7/d",
    "postgresql://%2Frun%2Fpostgresql/d",
    "postgresql://h/d%20e",
    "postgresql://h/d%2",
    "postgresql://h/d%zz",
    "postgresql://h/%00",
    "postgresql://h/d?",
    "postgresql://h/d?host=/run",
    "postgresql://h/d?host",
    "postgresql://h/d?host=a=b",
    "postgresql://h/d?=a",
    "postgresql://h/d?what=a",
    "postgresql://h/d?ssl=true",
    "postgresql://h/d?ssl=false",
    "postgresql://h/d?host=a&&user=b",
    "postgresql://h/d?host=a&",
    "postgresql://h/d?%68ost=a",
    "postgresql:///d?host=a&port=7",
    "postgresql://?user=b",
};

static void test_as_libpq(void) {
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    char *why = NULL;
    PQconninfoOption *parsed = PQconninfoParse(texts[i], &why);
    g_autoptr(GError) error = NULL;
    gboolean good = chk_conninfo_is_good(texts[i], &error);
    if (good != (parsed != NULL))
      g_error("'%s': libpq: %s; we: %s", texts[i], why ? why : "good",
              error ? error->message : "good");
    PQconninfoFree(parsed);
    PQfreemem(why);
  }
}

static void test_more_than_libpq(void) {
  static const char *const bad[][2] = {
      {"host=a password=b", "password-file"},
      {"postgresql://u:p@h", "password-file"},
      {"postgresql://h/d?password=b", "password-file"},
      {"host=a port=x", "1 to 65535"},
      {"postgresql://h:0/d", "1 to 65535"},
      {"postgresql://a:1,b:70000/d", "1 to 65535"},
      {"usr=a", "user"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(chk_conninfo_is_good(bad[i][0], &error));
    g_assert_nonnull(strstr(error->message, bad[i][1]));
  }
  g_assert_true(chk_conninfo_is_good("password=''", NULL));
  g_assert_true(chk_conninfo_is_good("postgresql://u:@h:1,h2/d", NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/conninfo/keywords", test_keywords);
  g_test_add_func("/conninfo/as-libpq", test_as_libpq);
  g_test_add_func("/conninfo/more-than-libpq", test_more_than_libpq);
  return g_test_run();
}
