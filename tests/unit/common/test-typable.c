/* test-typable.c: what may be typed: examples of each rule, and random bytes, of which none may
 * come through that a terminal obeys. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/typable.h"

#include <string.h>

static const WgTypable terminal = {.terminal = TRUE};
static const WgTypable field = {.newlines = TRUE, .tabs = TRUE};

static void assert_typed(const WgTypable *how, const char *text, gssize len, const char *expected) {
  g_autofree char *typed = wg_typable(text, len, how, NULL);

  g_assert_cmpstr(typed, ==, expected);
}

static void test_text_stays(void) {
  static const char *const texts[] = {"3 waiting, 1 urgent: run `waggle receive agent-1`",
                                      "Ärger, œuvre, žluťoučký, Ёж, 漢字, \xf0\x9f\x90\x9d",
                                      "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
                                      "\xef\xbf\xbd", ""};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    guint changed = 1;
    g_autofree char *typed = wg_typable(texts[i], -1, &terminal, &changed);
    g_assert_cmpstr(typed, ==, texts[i]);
    g_assert_cmpuint(changed, ==, 0);
  }
}

static void test_sequences_go_as_a_whole(void) {
  assert_typed(&terminal, "a\033[201~b", -1, "ab");
  assert_typed(&terminal, "a\033[31;1mb\033[0m", -1, "ab");
  assert_typed(&terminal, "a\033]0;title\ab", -1, "ab");
  assert_typed(&terminal, "a\033]0;title\033\\b", -1, "ab");
  assert_typed(&terminal, "a\033P1$r\033\\b\033(Bc\033cd", -1, "abcd");
  assert_typed(&terminal,
               "a\xc2\x9b"
               "201~b\xc2\x9d"
               "x\xc2\x9c"
               "c",
               -1, "abc");
}

static void test_no_sequence_is_left_by_another(void) {
  assert_typed(&terminal, "\033\033[201~[201~x", -1, "[201~x");
  assert_typed(&terminal, "\033[20\033[201~1~x", -1, "1~x");
}

static void test_a_string_without_end_eats_nothing(void) {
  assert_typed(&terminal, "a\033]0;the rest of the message", -1, "a0;the rest of the message");
  assert_typed(&terminal, "a\033", -1, "a");
  assert_typed(&terminal, "a\033[", -1, "a");
}

static void test_control_characters(void) {
  assert_typed(&terminal,
               "a\001\b\177b\xc2\x80"
               "c",
               -1, "abc");
  assert_typed(&field, "a\000b", 3, "ab");
  assert_typed(&terminal, "a\tb", -1, "a b");
  assert_typed(&field, "a\tb", -1, "a\tb");
}

static void test_lines(void) {
  assert_typed(&terminal,
               "one\r\n  two\rthree\xe2\x80\xa8"
               "four",
               -1, "one two three four");
  assert_typed(&terminal, "one \n\n two\n", -1, "one two");
  assert_typed(&field,
               "one\r\ntwo\rthree\xe2\x80\xa9"
               "four\v\fx",
               -1, "one\ntwo\nthree\nfour\n\nx");
  assert_typed(&field, "\n\none\n\ntwo\n\n\n", -1, "one\n\ntwo");
}

static void test_what_nobody_sees(void) {
  const char *text = "a\xe2\x80\xae"
                     "b\xe2\x81\xa6"
                     "c\xef\xbb\xbf"
                     "d\xf3\xa0\x81\xa9"
                     "e";

  assert_typed(&terminal, text, -1, "abcde");
  assert_typed(&field, text, -1, text);
}

static void test_what_is_no_text(void) {
  assert_typed(&field,
               "a\xff"
               "b\xed\xa0\x80"
               "c",
               -1,
               "a\xef\xbf\xbd"
               "b\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
               "c");
  assert_typed(&field, "a\xef\xbf\xbe", -1, "a\xef\xbf\xbd"); /* U+FFFE */
  assert_typed(&field,
               "a\x9b"
               "b",
               -1,
               "a\xef\xbf\xbd"
               "b"); /* a C1 byte is no C1 character */
}

static void test_changes_are_counted(void) {
  guint changed = 0;
  g_autofree char *typed = wg_typable("a\001\xff\tb", -1, &terminal, &changed);

  g_assert_cmpuint(changed, ==, 3);
}

/* Bytes that are likelier than others to do harm. */
static char random_byte(GRand *rand) {
  static const char special[] =
      "\033\033\033[]P\\\a\x9b\x9d\xc2\xe2\x80\xa8\xae\xf3\xa0~m201;\r\n\t \177";

  return g_rand_boolean(rand) ? special[g_rand_int_range(rand, 0, sizeof special - 1)]
                              : (char)g_rand_int_range(rand, 0, 256);
}

static void assert_harmless(const char *typed, const WgTypable *how) {
  g_assert_true(g_utf8_validate(typed, -1, NULL));
  for (const char *p = typed; *p != '\0'; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_assert_true(c >= 0x20 || (c == '\n' && how->newlines) || (c == '\t' && how->tabs));
    g_assert_false(c >= 0x7f && c <= 0x9f);
    g_assert_false(c == 0x2028 || c == 0x2029);
    g_assert_false(how->terminal && c != 0x200c && c != 0x200d &&
                   g_unichar_type(c) == G_UNICODE_FORMAT);
  }
}

static void test_random_bytes(void) {
  g_autoptr(GRand) rand = g_rand_new_with_seed(g_test_rand_int());
  char text[64];

  for (guint round = 0; round < 200000; round++) {
    const WgTypable how = {round & 1, (round & 2) != 0, (round & 4) != 0};
    gsize len = g_rand_int_range(rand, 0, sizeof text);
    for (gsize i = 0; i < len; i++)
      text[i] = random_byte(rand);
    g_autofree char *typed = wg_typable(text, len, &how, NULL);
    g_autofree char *twice = wg_typable(typed, -1, &how, NULL);
    assert_harmless(typed, &how);
    g_assert_cmpstr(typed, ==, twice);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/typable/text-stays", test_text_stays);
  g_test_add_func("/typable/sequences", test_sequences_go_as_a_whole);
  g_test_add_func("/typable/no-new-sequence", test_no_sequence_is_left_by_another);
  g_test_add_func("/typable/string-without-end", test_a_string_without_end_eats_nothing);
  g_test_add_func("/typable/control", test_control_characters);
  g_test_add_func("/typable/lines", test_lines);
  g_test_add_func("/typable/invisible", test_what_nobody_sees);
  g_test_add_func("/typable/no-text", test_what_is_no_text);
  g_test_add_func("/typable/counted", test_changes_are_counted);
  g_test_add_func("/typable/random", test_random_bytes);
  return g_test_run();
}
