/* test-subjects.c: what a check is about is judged when its file is read. Built twice: with the
 * types that look, and with the table of those who never look; both have to say the same. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "checks/plan.h"
#include "checks/types.h"

#include <string.h>

typedef struct {
  const char *check; /* its members: {"http": "x", ...} without the braces */
  const char *word;  /* of the problem */
  const char *at;    /* the option that it is told at; NULL: the subject */
} Bad;

static const Bad bad[] = {
    {"'command': '\"', 'x-a': 1", "cannot be split into arguments"},
    {"'command': '\"\"'", "its name is empty"},
    {"'command': 'a', 'argv': ['']", "its name is empty", "argv"},
    {"'command': 'true', 'env': ['A']", "NAME=value", "env"},
    {"'plugin': '\"'", "cannot be split"},
    {"'dbus': 'nodots'", "org.example.App"},
    {"'dbus': 'org.example.App', 'path': 'a'", "object path", "path"},
    {"'dbus': 'org.example.App', 'bus': 'both'", "system or user", "bus"},
    {"'dbus': 'org.example.App', 'property': 'A', 'method': 'B'", "not for both", "property"},
    {"'directory': 'etc'", "begin it with '/'"},
    {"'directory': '/etc', 'max-entries': 0", "1 or more", "max-entries"},
    {"'dns': 'a name'", "www.example.org"},
    {"'dns': 'a..b'", "between two dots"},
    {"'dns': '.a'", "between two dots"},
    {"'dns': 'http://example.org'", "www.example.org"},
    {"'dns': 'example.org', 'record': 'B'", "AAAA", "record"},
    {"'dns': 'example.org', 'server': '1.2.3.4:x'", "1 to 65535", "server"},
    {"'file': 'etc/hosts'", "begin it with '/'"},
    {"'greenboot': 'etc'", "begin it with '/'"},
    {"'group': 'a:b'", "passwd(5)"},
    {"'grpc': 'localhost'", "there is no port"},
    {"'grpc': 'unix:run/a'", "begins with '/'"},
    {"'grpc': 'h:1', 'ca-file': '/a'", "secure: true", "ca-file"},
    {"'grpc': 'h:1', 'secure': true, 'key-file': '/a'", "cert-file", "key-file"},
    {"'http': 'not a url'", "http://HOST/PATH"},
    {"'http': 'www.example.org'", "http://HOST/PATH"},
    {"'http': 'ftp://example.org'", "http://HOST/PATH"},
    {"'http': 'http:///path'", "URL with a host"},
    {"'http': 'http:example.org'", "URL with a host"},
    {"'http': 'http://example.org:x/'", "http://HOST/PATH"},
    {"'http': 'http://u:p@example.org'", "password-file"},
    {"'http': 'http://example.org', 'samples': 0", "1 to 10000", "samples"},
    {"'http': 'http://example.org', 'method': 'G ET'", "as in GET", "method"},
    {"'http': 'http://example.org', 'headers': {'A': {}}", "one line", "headers"},
    {"'http': 'http://example.org', 'headers': {'A b': 'c'}", "Content-Type", "headers"},
    {"'http': 'http://example.org', 'proxy': 'example.org'", "is a URL", "proxy"},
    {"'http': 'http://example.org', 'key-file': '/k'", "cert-file", "key-file"},
    {"'http': 'http://example.org', 'proxy': 'http://u:p@h'", "a password", "proxy"},
    {"'http': 'http://example.org', 'headers': 'A: b'", "is an object", "headers"},
    {"'icmp': 'h:1'", "www.example.org"},
    {"'icmp': 'h', 'count': 0", "1 to 100", "count"},
    {"'icmp': 'h', 'count': 101", "1 to 100", "count"},
    {"'icmp': 'h', 'spacing': '9ms'", "10ms", "spacing"},
    {"'icmp': 'h', 'wait': '2h'", "1h", "wait"},
    {"'icmp': 'h', 'size': '2K'", "16 to 1400", "size"},
    {"'icmp': 'h', 'family': 'inet'", "ipv4 or ipv6", "family"},
    {"'interface': 'a/b'", "1 to 15"},
    {"'journal': 'a b'", "no name of a unit"},
    {"'journal': 'all', 'severity': 'loud'", "emerg", "severity"},
    {"'journal': 'all', 'pattern': '('", "missing", "pattern"},
    {"'kernel-parameter': '../x'", "net.ipv4.ip_forward"},
    {"'listening': 'sctp'", "tcp, udp or all"},
    {"'mount': 'home'", "begin it with '/'"},
    {"'mysql': 'localhost'", "mysql://USER@HOST:PORT/NAME"},
    {"'package': 'two words'", "without space"},
    {"'port': '80'", "tcp:80"},
    {"'port': 'tcp:70000'", "tcp:80"},
    {"'postgresql': 'localhost'", "a \"=\" is missing after 'localhost'"},
    {"'postgresql': 'host=a pasword=b'", "password"},
    {"'postgresql': 'postgresql://u:secret@h/d'", "password-file"},
    {"'postgresql': 'postgresql://h:port/d'", "1 to 65535"},
    {"'process': '/usr/sbin/nginx'", "by: exe"},
    {"'process': 'nginx', 'by': 'exe'", "begin it with '/'"},
    {"'process': '(', 'by': 'cmdline'", "missing"},
    {"'process': 'a', 'by': 'magic'", "name, exe, cmdline or unit", "by"},
    {"'redis': 'redis://h/name'", "a number"},
    {"'release': 'next'", "previous"},
    {"'settle': ' ,'", "no unit is named"},
    {"'sqlite': 'data.db'", "begin it with '/'"},
    {"'sqlite': '/data.db', 'integrity': 'none'", "quick or full", "integrity"},
    {"'tcp': 'nohost'", "there is no port"},
    {"'tcp': 'unix:/run/a'", "unix-socket"},
    {"'tcp': 'a:0'", "1 to 65535"},
    {"'tls': '::1'", "in brackets"},
    {"'udp': 'nohost'", "there is no port"},
    {"'udp': 'unix:/run/a'", "HOST:PORT"},
    {"'udp': 'h:1', 'send-hex': '0g'", "two digits", "send-hex"},
    {"'udp': 'h:1', 'send-hex': '0 0'", "two digits", "send-hex"},
    {"'udp': 'h:1', 'send-hex': '00', 'send': 'a'", "exclude each other", "send-hex"},
    {"'udp': 'h:1', 'again': 0", "1ms", "again"},
    {"'unit': 'a b'", "no name of a unit"},
    {"'unit': 'a@.service'", "is a template"},
    {"'unix-socket': 'run/a'", "begin it with '/'"},
    {"'user': 'a:b'", "passwd(5)"},
    {"'user': ''", "name or number is needed"},
    {"'dns': ''", "name is needed"},
};

static const char *const good[] = {
    "'command': 'true'",
    "'command': 'a name', 'argv': ['/bin/true'], 'env': ['A=']",
    "'plugin': 'check_load -w 1'",
    "'dbus': 'org.example.App', 'method': 'Ping'",
    "'dbus': ':1.7'",
    "'directory': '/'",
    "'dns': 'localhost'",
    "'dns': 'example.org.'",
    "'dns': '_sip._tcp.example.org', 'record': 'srv', 'server': '[::1]:53'",
    "'dns': '127.0.0.1'",
    "'dns': '::1'",
    "'dns': '.', 'record': 'NS'",
    "'file': '/etc/hosts'",
    "'greenboot': '/etc/greenboot/check'",
    "'group': 'DOMAIN\\\\domain users'",
    "'group': 0",
    "'grpc': '[::1]:50051', 'service': 'a.B', 'secure': true, 'insecure': true",
    "'grpc': 'unix:/run/a'",
    "'http': 'http://[::1]:8080/a?b=c#d'",
    "'http': 'HTTPS://user@example.org', 'method': 'PROPFIND'",
    "'http': 'http://localhost/', 'socket': '/run/a', 'headers': {'Accept': '*/*'}",
    "'icmp': 'example.org', 'count': 100, 'spacing': '10ms', 'wait': '1h', 'size': 16",
    "'icmp': '::1', 'family': 'ipv6'",
    "'interface': 'br-0.100'",
    "'journal': '_UID=0', 'since': '10min'",
    "'journal': 'nginx'",
    "'kernel-parameter': 'net/ipv4/conf/eth0.1/mtu'",
    "'listening': 'all'",
    "'mount': '/'",
    "'mysql': 'mysql://u@h/d'",
    "'mysql': 'unix:/run/mysqld/mysqld.sock'",
    "'package': 'libc6:amd64'",
    "'port': 'tcp6:[::1]:80'",
    "'postgresql': 'dbname=a'",
    "'postgresql': 'postgresql:///a'",
    "'process': 'kworker/0:1'",
    "'process': 'nginx.service', 'by': 'unit'",
    "'redis': 'redis://h/3'",
    "'release': 'previous'",
    "'settle': 'a, b.socket'",
    "'sqlite': '/data.db'",
    "'tcp': '[::1]:25'",
    "'tls': 'example.org'",
    "'udp': '[::1]:53', 'send-hex': '0d 0A0b', 'again': '1ms'",
    "'udp': 'h:1', 'send': 'PING'",
    "'unit': 'a@b'",
    "'unit': '-.mount'",
    "'unix-socket': '/run/a'",
    "'user': 'www-data'",
    "'value': 'anything: at all'",
};

static char *with_quotes(const char *text) {
  return g_strdelimit(g_strdup(text), "'", '\"');
}

/* Double quotes inside the texts of the table are written as the two characters \" */
static char *document_of(const char *check, const char *more) {
  g_autoptr(GString) text = g_string_new(check);
  g_string_replace(text, "\"", "\\\"", 0);
  g_autofree char *members = with_quotes(text->str);
  gboolean mute = strstr(check, "'value'") != NULL || strstr(check, "'journal'") != NULL ||
                  strstr(check, "'release'") != NULL || strstr(check, "'listening'") != NULL;

  return g_strdup_printf("{\"checks\": [\n{%s%s%s}]}", members,
                         mute ? ", \"expect\": {\"x\": 1}" : "", more);
}

/* The problems, each a line "WHERE: TEXT"; those of "expect" are none of ours. */
static char *judged(const char *check) {
  g_autofree char *text = document_of(check, "");
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_JSON, problems);
  GString *told = g_string_new(NULL);

  g_assert_nonnull(doc);
  g_autoptr(ChkPlan) plan = chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems);
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *problem = wg_problems_at(problems, i);
    if (strstr(problem->pointer, "/expect"))
      continue;
    g_assert_true(g_str_has_prefix(problem->pointer, "/checks/0/"));
    g_assert_cmpuint(problem->line, ==, 2);
    g_string_append_printf(told, "%s: %s\n", problem->pointer + strlen("/checks/0/"),
                           problem->text);
  }
  return g_string_free(told, FALSE);
}

static void test_bad(void) {
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *told = judged(bad[i].check);
    g_autofree char *type = g_strndup(bad[i].check + 1, strcspn(bad[i].check + 1, "'"));
    g_autofree char *at = g_strconcat(bad[i].at ? bad[i].at : type, ": ", NULL);
    g_assert_true(g_str_has_prefix(told, at));
    if (!strstr(told, bad[i].word))
      g_error("%s: \"%s\" is not in: %s", bad[i].check, bad[i].word, told);
  }
}

static void test_good(void) {
  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    g_autofree char *told = judged(good[i]);
    if (*told)
      g_error("%s: %s", good[i], told);
  }
}

static gboolean stands_in(const char *name, const char *check) {
  gsize length = strlen(name);

  return strncmp(check + 1, name, length) == 0 && check[1 + length] == '\'';
}

/* A type that is added later is judged too, or said here to be about anything. */
static void test_every_type(void) {
  for (guint t = 0; chk_types[t]; t++) {
    const char *name = chk_types[t]->name;
    guint n_bad = 0, n_good = 0;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
      n_bad += stands_in(name, bad[i].check);
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
      n_good += stands_in(name, good[i]);
    g_test_message("%s: %u bad, %u good", name, n_bad, n_good);
    g_assert_cmpuint(n_good, >, 0);
    g_assert_true(n_bad > 0 || strcmp(name, "value") == 0);
    g_assert_true((chk_types[t]->validate != NULL) == (n_bad > 0));
  }
}

static char *problems_of(const char *text, JsonObject *vars) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_YAML, problems);
  g_assert_nonnull(doc);
  g_autoptr(ChkPlan) plan = chk_plan_load(wg_doc_root(doc), doc, "", vars, problems);

  g_assert_true((plan == NULL) == (wg_problems_n(problems) > 0));
  return plan ? NULL : wg_problems_text(problems, "f");
}

/* What a variable stands for is judged, not the "${" of it. */
static void test_variables(void) {
  static const char text[] = "vars: {where: 'http://localhost', port: 80}\n"
                             "checks:\n"
                             "- http: ${where}/health\n"
                             "- name: b\n"
                             "  tcp: localhost:${port}\n"
                             "- name: c\n"
                             "  http: ${where}\n";
  g_autoptr(JsonObject) vars = json_object_new();

  g_assert_null(problems_of(text, NULL));
  json_object_set_string_member(vars, "where", "localhost");
  json_object_set_int_member(vars, "port", 0);
  g_autofree char *told = problems_of(text, vars);
  g_assert_nonnull(strstr(told, "f:3: /checks/0/http: 'localhost/health' is no URL of HTTP"));
  g_assert_nonnull(strstr(told, "f:5: /checks/1/tcp: 'localhost:0' is no address"));
  g_assert_nonnull(strstr(told, "f:7: /checks/2/http: 'localhost' is no URL of HTTP"));
}

/* Each at the line of its own, and all of them. */
static void test_all(void) {
  static const char text[] = "checks:\n"
                             "- http: nowhere\n"
                             "  method: G ET\n"
                             "  samples: 0\n"
                             "  headers:\n"
                             "    A b: c\n"
                             "  timeout: never\n"
                             "- journal: a b\n"
                             "  severity: loud\n"
                             "  message-id: x\n"
                             "  expect: {cuont: 0}\n"
                             "- file:\n"
                             "  expect: {mode: rw}\n"
                             "  colour: red\n";
  g_autofree char *told = problems_of(text, NULL);
  static const char *const words[] = {
      "f:2: /checks/0/http: ",          "f:3: /checks/0/method: ",
      "f:4: /checks/0/samples: ",       "f:5: /checks/0/headers: ",
      "f:7: /checks/0/timeout: ",       "f:8: /checks/1/journal: ",
      "f:9: /checks/1/severity: ",      "f:10: /checks/1/message-id: ",
      "f:11: /checks/1/expect/cuont: ", "f:12: /checks/2/file: ",
      "f:13: /checks/2/expect/mode: ",  "f:14: /checks/2/colour: "};

  for (guint i = 0; i < G_N_ELEMENTS(words); i++)
    if (!strstr(told, words[i]))
      g_error("%s is not in:\n%s", words[i], told);
  g_auto(GStrv) lines = g_strsplit(g_strchomp(told), "\n", -1);
  g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(words));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/subjects/bad", test_bad);
  g_test_add_func("/subjects/good", test_good);
  g_test_add_func("/subjects/every-type", test_every_type);
  g_test_add_func("/subjects/variables", test_variables);
  g_test_add_func("/subjects/all", test_all);
  return g_test_run();
}
