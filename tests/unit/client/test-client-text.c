/* test-client-text.c: times, spans, numbers, tokens and text as people read and write them. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/ids.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/top.h"

#define SECOND ((guint64)G_USEC_PER_SEC)
#define AGO(seconds) (-(gint64)(seconds)*G_USEC_PER_SEC)

static void test_iso(void) {
  guint64 t;

  g_assert_true(cli_time_parse_iso("2025-08-11T08:02:01Z", &t));
  g_assert_cmpuint(t, ==, 1754899321 * SECOND);
  g_assert_true(cli_time_parse_iso("2025-08-11T10:41:04.7764221-05:00", &t));
  g_assert_cmpuint(t, ==, 1754926864 * SECOND + 776422);
  g_assert_true(cli_time_parse_iso("2025-08-11 08:02:01+0000", &t));
  g_assert_cmpuint(t, ==, 1754899321 * SECOND);
  /* without a zone: the local one, here an hour east of Greenwich in winter, two in summer */
  g_assert_true(cli_time_parse_iso("2025-08-11T10:02:01.000001", &t));
  g_assert_cmpuint(t, ==, 1754899321 * SECOND + 1);
  g_assert_true(cli_time_parse_iso("2025-01-01", &t));
  g_assert_cmpuint(t, ==, (1735689600 - 3600) * SECOND);
}

/* What our own output and systemd's look like is understood again. */
static void test_zones(void) {
  static const char *const same[] = {"2025-08-11 08:02:01 UTC",
                                     "2025-08-11 10:02:01 CEST",
                                     "2025-08-11 10:02:01.000000 CEST",
                                     "2025-08-11 08:02:01 GMT",
                                     "2025-08-11T08:02:01UTC",
                                     "Mon 2025-08-11 10:02:01 CEST",
                                     "2025-08-11 04:02:01 America/New_York"};
  static const char *const bad[] = {"2025-08-11 10:02:01 CET", /* it was summer */
                                    "2025-08-11 10:02:01 XYZ", "2025-08-11 10:02:01 Zulu",
                                    "2025-08-11 10:02:01 Mars/Olympus", "Mon "};
  guint64 t;

  for (guint i = 0; i < G_N_ELEMENTS(same); i++) {
    t = 0;
    g_assert_true(cli_time_parse(same[i], 0, &t, NULL));
    g_assert_cmpuint(t, ==, 1754899321 * SECOND);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(cli_time_parse(bad[i], 0, &t, NULL));
  g_autofree char *full = cli_time_full(1754899321 * SECOND);
  g_assert_true(cli_time_parse(full, 0, &t, NULL));
  g_assert_cmpuint(t, ==, 1754899321 * SECOND);
}

static void test_not_iso(void) {
  static const char *const bad[] = {"",
                                    "2025",
                                    "2025-13-01",
                                    "2025-02-30T00:00:00",
                                    "1969-01-01",
                                    "D:\\Agent_CellPhone",
                                    "2025-01-01T",
                                    "2025-01-01T25:00",
                                    "2025-01-01T00:00:00.",
                                    "2025-01-01T00:00:00+99:00",
                                    "2025-01-01T00:00:00Zjunk"};
  guint64 t = 7;

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(cli_time_parse_iso(bad[i], &t));
}

static void test_parse(void) {
  guint64 now = 1754899321 * SECOND, t; /* 2025-08-11 10:02:01 here */
  g_autoptr(GError) error = NULL;

  g_assert_true(cli_time_parse("now", now, &t, NULL) && t == now);
  g_assert_true(cli_time_parse("+90s", now, &t, NULL) && t == now + 90 * SECOND);
  g_assert_true(cli_time_parse("-1h", now, &t, NULL) && t == now - 3600 * SECOND);
  g_assert_true(cli_time_parse("5min ago", now, &t, NULL) && t == now - 300 * SECOND);
  g_assert_true(cli_time_parse("@12.5", now, &t, NULL) && t == 12 * SECOND + SECOND / 2);
  g_assert_true(cli_time_parse("11:02", now, &t, NULL) && t == now + 3599 * SECOND);
  g_assert_true(cli_time_parse("today", now, &t, NULL) && t == now - 36121 * SECOND);
  g_assert_true(cli_time_parse("tomorrow", now, &t, NULL) && t == now + (86400 - 36121) * SECOND);
  g_assert_true(cli_time_parse("-10years", now, &t, NULL));
  g_assert_false(cli_time_parse("soon", now, &t, &error));
  g_assert_nonnull(error);
}

static void test_relative(void) {
  static const struct {
    gint64 offset; /* us */
    const char *text;
  } rows[] = {{0, "now"},
              {-5000, "5ms ago"},
              {AGO(3), "3s ago"},
              {AGO(-300), "in 5min"},
              {AGO(7200), "2h ago"},
              {AGO(4 * 86400), "4d ago"},
              {AGO(40 * 86400), "2025-07-02"}};
  guint64 now = 1754899321 * SECOND;

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *text = cli_time_relative(now + (guint64)rows[i].offset, now);
    g_assert_cmpstr(text, ==, rows[i].text);
  }
  g_autofree char *iso = cli_time_iso(now + 5);
  g_assert_cmpstr(iso, ==, "2025-08-11T10:02:01.000005+02:00");
}

static void test_span(void) {
  static const struct {
    guint64 usec;
    const char *text;
  } rows[] = {{0, "0us"},
              {850, "850us"},
              {1250, "1.25ms"},
              {3 * SECOND, "3s"},
              {302 * SECOND, "5min 2s"},
              {7380 * SECOND, "2h 3min"},
              {G_MAXUINT64, "infinity"}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *text = cli_time_span(rows[i].usec);
    g_assert_cmpstr(text, ==, rows[i].text);
  }
}

static void test_messages(void) {
  guint64 n;
  g_autofree char *plain = cli_message_format(12);
  g_autofree char *is_volatile = cli_message_format((G_GUINT64_CONSTANT(1) << 62) | 3);

  g_assert_cmpstr(plain, ==, "12");
  g_assert_cmpstr(is_volatile, ==, "v3");
  g_assert_true(cli_message_parse("#12", &n, NULL) && n == 12);
  g_assert_true(cli_message_parse("v3", &n, NULL) && n == ((G_GUINT64_CONSTANT(1) << 62) | 3));
  g_assert_false(cli_message_parse("0", &n, NULL));
  g_assert_false(cli_message_parse("-1", &n, NULL));
  g_assert_false(cli_message_parse("t12", &n, NULL));
  g_assert_false(cli_message_parse("", &n, NULL));
}

static void test_tokens(void) {
  static const guint64 tokens[] = {0, 1, 31, 32, 0x123456789abcdef0, G_MAXUINT64};
  guint64 n;

  for (guint i = 0; i < G_N_ELEMENTS(tokens); i++) {
    g_autofree char *text = cli_token_format(tokens[i]);
    g_autofree char *upper = g_ascii_strup(text, -1);
    g_autofree char *hex = g_strdup_printf("%" G_GINT64_MODIFIER "x", tokens[i]);
    g_assert_true(cli_token_parse(text, &n, NULL) && n == tokens[i]);
    g_assert_true(cli_token_parse(upper, &n, NULL) && n == tokens[i]);
    g_assert_true(cli_token_parse(hex, &n, NULL) && n == tokens[i]);
  }
  g_assert_true(cli_token_parse("tIlO", &n, NULL) && n == (1 * 32 + 1) * 32);
  g_assert_false(cli_token_parse("t", &n, NULL));
  g_assert_false(cli_token_parse("tu", &n, NULL));
  g_assert_false(cli_token_parse("tzzzzzzzzzzzzz", &n, NULL)); /* 65 bits */
  g_assert_false(cli_token_parse("xyz", &n, NULL));
}

static void test_safe_text(void) {
  g_autofree char *line = cli_text_one_line("a\033[31mb\nc\td\xff\xe2\x80\xae"
                                            "e");
  g_autofree char *block = cli_text_block("a\033]0;title\007\r\nb\tc\n", -1);

  g_assert_cmpstr(line, ==, "a [31mb c d\xef\xbf\xbd e");
  g_assert_cmpstr(block, ==, "a\xef\xbf\xbd]0;title\xef\xbf\xbd\nb\tc\n");
}

static void test_width(void) {
  g_autofree char *cut = cli_text_ellipsize("日本語テキスト", 6);
  g_autofree char *same = cli_text_ellipsize("abc", 3);
  g_autofree char *tiny = cli_text_ellipsize("abcdef", 1);

  g_assert_cmpuint(cli_text_width("abc"), ==, 3);
  g_assert_cmpuint(cli_text_width("日本"), ==, 4);
  g_assert_cmpuint(cli_text_width("e\xcc\x81"), ==, 1); /* e and a combining accent */
  g_assert_cmpstr(cut, ==, "日本…");
  g_assert_cmpstr(same, ==, "abc");
  g_assert_cmpstr(tiny, ==, "…");
}

/* Rows of names that are cut, of sizes and of what has none: columns stand below each other. */
static void test_top_columns(void) {
  static const char text[] =
      "{\"host\": {}, \"latency\": [{\"stage\": \"send\", \"quantile\": \"0.99\", \"seconds\": "
      "0.24}],"
      "\"alerts\": [{\"alert\": \"ProbeDown\", \"state\": \"firing\", \"summary\": \"no\"}], "
      "\"units\": ["
      "{\"unit\": \"a.service\", \"active\": \"active\", \"memory\": 8192.0, \"tasks\": 1.0},"
      "{\"unit\": \"a-very-long-name-of-a-unit-that-no-screen-has.service\", \"active\": "
      "\"failed\"}]}";
  g_autoptr(JsonNode) node = json_from_string(text, NULL);
  g_autoptr(GArray) lines = cli_top_lines(json_node_get_object(node), 24, 80);
  const CliTopLine *line = (const CliTopLine *)lines->data;

  g_assert_cmpuint(lines->len, ==, 6);
  g_assert_cmpstr(line[1].text, ==, "! ProbeDown firing: no");
  g_assert_nonnull(strstr(line[2].text, "send p0.99 240ms"));
  guint heading = cli_text_width(line[3].text);
  g_assert_true(g_str_has_suffix(line[3].text, "RST"));
  for (guint i = 4; i < 6; i++)
    g_assert_cmpuint(cli_text_width(line[i].text), ==, heading);
}

/* Much of one kind hides none of another, what is worst stands first, and a pipe has all of it. */
static void test_top_crowded(void) {
  g_autoptr(GString) text = g_string_new("{\"host\": {}, \"alerts\": [");
  for (guint i = 0; i < 50; i++)
    g_string_append_printf(text,
                           "{\"alert\": \"A%u\", \"state\": \"%s\", \"severity\": \"%s\", "
                           "\"since_usec\": %u}, ",
                           i, i == 7 ? "pending" : "firing", i == 3 || i == 7 ? "critical" : "info",
                           i);
  g_string_truncate(text, text->len - 2);
  g_string_append(text, "], \"probes\": [");
  for (guint i = 0; i < 50; i++)
    g_string_append_printf(text, "{\"service\": \"s%02u\", \"probe\": \"p\", \"up\": %u}%s", 49 - i,
                           i == 0, i < 49 ? ", " : "");
  g_string_append(text, "], \"units\": [{\"unit\": \"a.service\", \"active\": \"failed\"}]}");
  g_autoptr(JsonNode) node = json_from_string(text->str, NULL);
  g_autoptr(GArray) lines = cli_top_lines(json_node_get_object(node), 23, 80);
  g_autoptr(GArray) all = cli_top_lines(json_node_get_object(node), G_MAXUINT, 80);
  const CliTopLine *line = (const CliTopLine *)lines->data;
  static const char *const expected[] = {"! A3 firing: -",
                                         "! A49 firing: -",
                                         "! A48 firing: -",
                                         "! A47 firing: -",
                                         "  and 46 more: waggle alerts list",
                                         "probes  1 of 50 up",
                                         "  down: s00/p (-)",
                                         "  down: s01/p (-)",
                                         "  down: s02/p (-)",
                                         "  down: s03/p (-)",
                                         "  and 45 more: waggle service list --all"};

  g_assert_cmpuint(lines->len, ==, 14);
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
    g_assert_cmpstr(line[1 + i].text, ==, expected[i]);
  g_assert_true(g_str_has_prefix(line[13].text, "a.service"));
  g_assert_cmpuint(all->len, ==, 1 + 50 + 1 + 49 + 2);
  g_assert_cmpstr(g_array_index(all, CliTopLine, 50).text, ==, "! A7 pending: -");
}

int main(int argc, char **argv) {
  g_setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/client/times/iso", test_iso);
  g_test_add_func("/client/times/zones", test_zones);
  g_test_add_func("/client/times/not-iso", test_not_iso);
  g_test_add_func("/client/times/parse", test_parse);
  g_test_add_func("/client/times/relative", test_relative);
  g_test_add_func("/client/times/span", test_span);
  g_test_add_func("/client/ids/messages", test_messages);
  g_test_add_func("/client/ids/tokens", test_tokens);
  g_test_add_func("/client/terminal/safe-text", test_safe_text);
  g_test_add_func("/client/terminal/width", test_width);
  g_test_add_func("/client/top/columns", test_top_columns);
  g_test_add_func("/client/top/crowded", test_top_crowded);
  return g_test_run();
}
