/* test-digest.c: the doorbell's line, also from hostile senders. */
#include "policy-fixture.h"

#include "delivery/digest.h"

#include <string.h>
static DlvPolicy *policy_of(const char *text) {
  g_autofree char *json = text
                              ? g_strdup_printf("{'backends': [{'use': 'box'}], 'digest': {'text': "
                                                "'%s'}}",
                                                text)
                              : g_strdup("{'backends': [{'use': 'box'}]}");
  return fixture_policy(json);
}

static void expect(const char *text, guint waiting, guint urgent, const DlvMessage *messages,
                   guint n, const char *expected) {
  g_autoptr(DlvPolicy) policy = policy_of(text);
  g_autofree char *line = dlv_digest_text(policy, "agent-1", waiting, urgent, messages, n);
  g_assert_cmpstr(line, ==, expected);
}

static void test_default(void) {
  DlvMessage one[] = {{.priority = 4}, {.priority = 9}};

  expect(NULL, 1, 0, one, 1, "1 message waiting: run waggle receive agent-1");
  expect(NULL, 3, 0, one, 1, "3 messages waiting: run waggle receive agent-1");
  expect(NULL, 3, 1, one, 1, "3 messages waiting, 1 urgent: run waggle receive agent-1");
  expect(NULL, 0, 0, one, 2, "2 messages waiting, 1 urgent: run waggle receive agent-1");
  expect(NULL, 2, 9, one, 1, "2 messages waiting, 2 urgent: run waggle receive agent-1");
}

static void test_placeholders(void) {
  DlvMessage messages[] = {
      {.priority = 4, .time = 1, .from = "a", .subject = "first"},
      {.priority = 8, .time = 3, .from = "b", .subject = "third"},
      {.priority = 8, .time = 2, .from = "b", .subject = "second"},
  };

  expect("{waiting}/{urgent} {agent} {from}: {subject}", 5, 2, messages, 3,
         "5/2 agent-1 b and others: second");
  expect("{from}: {subject}", 5, 2, messages + 1, 2, "b: second");
  expect("{from}{subject}", 5, 2, NULL, 0, "");
  messages[0].subject = NULL;
  expect("{from}: {subject}", 1, 0, messages, 1, "a:");
  expect("{{waiting}} }}{{ {waiting}", 7, 0, NULL, 0, "{waiting} }{ 7");
}

/* Nothing of a sender's makes a second line, a control sequence, a command or another order. */
static void test_hostile(void) {
  DlvMessage m = {.priority = 4, .from = "x"};
  static const struct {
    const char *subject, *shown;
  } cases[] = {
      {"a\nb\r\nc\td", "a b c d"},
      {"  a   b  ", "a b"},
      {"a\033[201~rm\007", "a [201~rm"},
      {"a\xc2\x9b"
       "31mb\xc2\x85"
       "c",
       "a 31mb c"},
      {"`id`; $(id) | x && y > z \\", "id (id) x y z"},
      {"a\xe2\x80\xae"
       "b\xe2\x81\xa6\xe2\x80\xa8"
       "c",
       "ab c"},
      {"\xff\xfe", "��"},
      {"{agent} {waiting}", "{agent} {waiting}"},
      {"a\xf3\xa0\x81\x81\xe2\x80\x8b\xc2\xad!", "a!"}, /* a tag, no width, a soft hyphen */
      {"Grüße 日本 👍🏽", "Grüße 日本 👍🏽"},
      {"\n\n", ""},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    m.subject = cases[i].subject;
    g_autofree char *expected = g_strdup_printf("<%s>", cases[i].shown);
    expect("<{subject}>", 1, 0, &m, 1, expected);
  }
}

/* Lengths are characters: a line of four-byte ones is as long as any other. */
static void test_bounds(void) {
  g_autoptr(GString) wide = g_string_new(NULL);

  for (guint i = 0; i < 500; i++)
    g_string_append(wide, "😀");
  DlvMessage m = {.subject = wide->str, .from = wide->str};
  g_autoptr(DlvPolicy) policy = policy_of("{subject}");
  g_autofree char *line = dlv_digest_text(policy, "a", 1, 0, &m, 1);
  g_assert_cmpint(g_utf8_strlen(line, -1), ==, DLV_DIGEST_SUBJECT_MAX);
  g_assert_true(g_str_has_suffix(line, "😀…"));
  g_autoptr(DlvPolicy) much = policy_of("{subject}{subject}{subject}{subject}{subject}");
  g_autofree char *cut = dlv_digest_text(much, "a", 1, 0, &m, 1);
  g_assert_cmpint(g_utf8_strlen(cut, -1), ==, DLV_DIGEST_LENGTH_MAX);
  g_string_truncate(wide, 4 * DLV_DIGEST_SUBJECT_MAX); /* just fits: nothing is cut */
  m.subject = wide->str;
  g_autofree char *whole = dlv_digest_text(policy, "a", 1, 0, &m, 1);
  g_assert_cmpstr(whole, ==, wide->str);
}

/* Any bytes as subject and sender: one line, of visible characters, no longer than that. */
static void test_random(void) {
  g_autoptr(DlvPolicy) policy = policy_of("{subject}|{from}|{subject}");
  static const char *const pieces[] = {
      "\n", "\033[", "\xc2\x9b", "\xe2\x80\xae",     "`", "{", "é", "日", "\xf0", "\xff",
      " ",  "a",     "😀",        "\xf3\xa0\x81\x81", "$("};

  for (guint i = 0; i < 3000; i++) {
    g_autoptr(GString) text = g_string_new(NULL);
    for (gint n = g_test_rand_int_range(0, 300); n > 0; n--)
      if (g_test_rand_bit())
        g_string_append(text, pieces[g_test_rand_int_range(0, G_N_ELEMENTS(pieces))]);
      else
        g_string_append_c(text, (char)g_test_rand_int_range(1, 256));
    DlvMessage m = {.subject = text->str, .from = text->str};
    g_autofree char *line = dlv_digest_text(policy, "a", 1, 0, &m, 1);
    g_assert_true(g_utf8_validate(line, -1, NULL));
    g_assert_cmpint(g_utf8_strlen(line, -1), <=, 3 * DLV_DIGEST_SUBJECT_MAX + 2);
    g_assert_null(strpbrk(line, "`$\\;&<>"));
    for (const char *p = line; *p; p = g_utf8_next_char(p)) {
      gunichar c = g_utf8_get_char(p);
      g_assert_false(g_unichar_iscntrl(c));
      g_assert_false(c >= 0x202a && c <= 0x202e);
      g_assert_false(c >= 0xe0000 && c <= 0xe007f);
    }
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/digest/default", test_default);
  g_test_add_func("/digest/placeholders", test_placeholders);
  g_test_add_func("/digest/hostile", test_hostile);
  g_test_add_func("/digest/bounds", test_bounds);
  g_test_add_func("/digest/random", test_random);
  return g_test_run();
}
