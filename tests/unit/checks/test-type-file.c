/* test-type-file.c: files and directories, real ones in a temporary directory: what is told of
 * them, and what cannot be told. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "look-fixture.h"

#include "checks/types.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *top;

static char *at(const char *name) {
  return g_build_filename(top, name, NULL);
}

static void write_file(const char *name, const char *text, gssize size) {
  g_autofree char *path = at(name);

  g_assert_true(g_file_set_contents(path, text, size, NULL));
}

/* One value as JSON, or "unknown: ..."; `keys` NULL: everything. */
static char *value_of(const ChkType *type, const char *name, const char *options, const char *keys,
                      const char *key) {
  g_autofree char *path = at(name);
  g_auto(LookResult) result = chk_look_wanting(NULL, type, path, options, keys, 0);

  if (result.known != CHK_OBSERVED)
    return g_strdup_printf("unknown: %s", result.text);
  return chk_look_value(&result, key);
}

#define IS(type, name, options, keys, key, expected)                                               \
  do {                                                                                             \
    g_autofree char *seen_ = value_of(type, name, options, keys, key);                             \
    g_assert_cmpstr(seen_, ==, expected);                                                          \
  } while (0)
#define FILE_IS(name, key, expected) IS(&chk_type_file, name, NULL, NULL, key, expected)
#define FILE_HAS(name, key, expected) IS(&chk_type_file, name, NULL, key, key, expected)
#define DIR_IS(name, options, key, expected)                                                       \
  IS(&chk_type_directory, name, options, NULL, key, expected)

static void unknown(const char *name, const char *options, const char *key, const char *why) {
  g_autofree char *seen = value_of(&chk_type_file, name, options, key, key);

  if (seen == NULL || !g_str_has_prefix(seen, "unknown: ") || !strstr(seen, why))
    g_error("'%s' is not in: %s", why, seen);
}

static void test_attributes(void) {
  g_autofree char *path = at("plain"), *uid = g_strdup_printf("%u", getuid());

  write_file("plain", "abc", 3);
  g_assert_cmpint(chmod(path, 02640), ==, 0);
  FILE_IS("plain", "exists", "true");
  FILE_IS("plain", "type", "\"file\"");
  FILE_IS("plain", "mode", "\"2640\"");
  FILE_IS("plain", "size", "3");
  FILE_IS("plain", "links", "1");
  FILE_IS("plain", "uid", uid);
  FILE_IS("plain", "link-target", NULL);
  FILE_IS("absent", "exists", "false");
  FILE_IS("absent", "size", NULL);
  FILE_IS("plain/below", "exists", "false");
  g_assert_cmpint(chmod(path, 0640), ==, 0);
  FILE_IS("plain", "mode", "\"0640\"");
}

static void test_age(void) {
  g_autofree char *path = at("aged");
  struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

  write_file("aged", "", 0);
  g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
  FILE_IS("aged", "modified", "\"2001-09-09T01:46:40Z\"");
  g_autofree char *age = value_of(&chk_type_file, "aged", NULL, NULL, "age");
  gint64 lived = g_get_real_time() - 1000000000LL * G_USEC_PER_SEC;
  g_assert_cmpint(lived - g_ascii_strtoll(age, NULL, 10), <, 600 * G_USEC_PER_SEC);
  times[1].tv_sec = g_get_real_time() / G_USEC_PER_SEC + 3600;
  g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
  FILE_IS("aged", "age", "0"); /* of the future: no huge number */
}

static void test_links(void) {
  g_autofree char *good = at("good"), *dead = at("dead"), *loop = at("loop");

  write_file("plain", "abc", 3);
  g_assert_cmpint(symlink("plain", good), ==, 0);
  g_assert_cmpint(symlink("nowhere", dead), ==, 0);
  g_assert_cmpint(symlink("loop", loop), ==, 0);
  FILE_IS("good", "type", "\"file\"");
  FILE_IS("good", "size", "3");
  FILE_IS("good", "link-target", "\"plain\"");
  FILE_IS("dead", "exists", "false"); /* never a pass by a link that leads nowhere */
  FILE_IS("dead", "link-target", "\"nowhere\"");
  IS(&chk_type_file, "dead", "{\"follow\": false}", NULL, "exists", "true");
  IS(&chk_type_file, "good", "{\"follow\": false}", NULL, "type", "\"symlink\"");
  unknown("loop", NULL, "exists", "in a circle");
}

static void test_content(void) {
  write_file("text", "one\ntwo\n", 8);
  write_file("bytes", "a\0b\xff", 4);
  write_file("json", "{\"a\": {\"b\": [1, 2]}}", -1);
  write_file("yaml", "a:\n  b: [1, x]\n", -1);
  write_file("ini", "top = 1\n; no\n[A]\nx=y = z\n x = 2\n[ B ]\nnothing\n[A]\nw=\n", -1);
  FILE_HAS("text", "content", "\"one\\ntwo\\n\"");
  FILE_HAS("bytes", "content", "\"a\357\277\275b\357\277\275\"");
  FILE_HAS("json", "json", "{\"a\":{\"b\":[1,2]}}");
  FILE_HAS("yaml", "yaml", "{\"a\":{\"b\":[1,\"x\"]}}");
  FILE_HAS("ini", "ini", "{\"\":{\"top\":\"1\"},\"A\":{\"x\":\"2\",\"w\":\"\"},\" B \":{}}");
  FILE_IS("text", "content", NULL); /* unasked: it may be a secret, and end in a baseline */
  write_file("torn", "{\"a\": ", -1);
  FILE_HAS("torn", "json", NULL); /* found out: it is none */
  g_autofree char *why = value_of(&chk_type_file, "torn", NULL, "json", "error");
  g_assert_nonnull(strstr(why, "is no json: line 1"));
  unknown("text", "{\"max-size\": 7}", "content", "is larger than 7 bytes");
  IS(&chk_type_file, "text", "{\"max-size\": 8}", "content", "content", "\"one\\ntwo\\n\"");
}

static void test_digests(void) {
  write_file("abc", "abc", 3);
  FILE_HAS("abc", "md5", "\"900150983cd24fb0d6963f7d28e17f72\"");
  FILE_HAS("abc", "sha1", "\"a9993e364706816aba3e25717850c26c9cd0d89d\"");
  FILE_HAS("abc", "sha256", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
  FILE_IS("abc", "sha256", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"");
  FILE_IS("abc", "md5", NULL);
}

/* Nothing of these may hang or read for ever. */
static void test_hostile(void) {
  g_autofree char *fifo = at("fifo"), *huge = at("huge"), *unreadable = at("unreadable");

  g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
  FILE_IS("fifo", "type", "\"fifo\"");
  unknown("fifo", NULL, "content", "is no regular file");
  unknown("fifo", NULL, "sha256", "is no regular file");
  write_file("huge", "", 0);
  g_assert_cmpint(truncate(huge, 1LL << 40), ==, 0);
  FILE_HAS("huge", "size", "1099511627776");
  unknown("huge", NULL, "content", "is larger than 4194304 bytes");
  g_auto(LookResult) slow = chk_look_wanting(NULL, &chk_type_file, huge, NULL, "sha256", 50 * 1000);
  g_assert_cmpint(slow.known, ==, CHK_UNKNOWN);
  g_unlink(huge);
  write_file("unreadable", "x", 1);
  g_assert_cmpint(chmod(unreadable, 0), ==, 0);
  if (geteuid() != 0)
    unknown("unreadable", NULL, "content", "Permission denied");
  g_auto(LookResult) proc =
      chk_look_wanting(NULL, &chk_type_file, "/proc/self/stat", NULL, "content", 0);
  g_assert_cmpint(proc.known, ==, CHK_OBSERVED); /* size 0, and yet it has content */
  g_autofree char *stat = chk_look_value(&proc, "content");
  g_assert_cmpuint(strlen(stat), >, 10);
}

/* Below a root a link stays inside. */
static void test_root(void) {
  g_autofree char *inside = at("inside"), *link = at("escape");
  g_autoptr(ChkWorld) world = chk_world_new(TRUE, top);

  write_file("inside", "root:x:7:8:the top:/r:/sh\n", -1);
  g_assert_cmpint(symlink("/../../inside", link), ==, 0);
  g_auto(LookResult) result =
      chk_look_wanting(world, &chk_type_file, "/escape", NULL, "content", 0);
  g_autofree char *content = chk_look_value(&result, "content");
  g_assert_cmpstr(content, ==, "\"root:x:7:8:the top:/r:/sh\\n\"");
  g_auto(LookResult) outside = chk_look_once_with(world, &chk_type_file, inside, NULL, 0);
  g_autofree char *exists = chk_look_value(&outside, "exists");
  g_assert_cmpstr(exists, ==, "false");
}

static void make_dir(const char *name, int mode) {
  g_autofree char *path = at(name);

  g_assert_cmpint(mkdir(path, 0700), ==, 0);
  g_assert_cmpint(chmod(path, (mode_t)mode), ==, 0);
}

static void test_directory(void) {
  g_autofree char *suid = at("d/sub/suid"), *open = at("d/open"), *link = at("d/link");

  make_dir("d", 0750);
  make_dir("d/sub", 0777);
  make_dir("d/tmp", 01777);
  write_file("d/open", "12345", 5);
  write_file("d/sub/suid", "123", 3);
  g_assert_cmpint(chmod(suid, 04755), ==, 0);
  g_assert_cmpint(chmod(open, 0666), ==, 0);
  g_assert_cmpint(symlink("..", link), ==, 0); /* a circle, if it were followed */
  DIR_IS("d", NULL, "exists", "true");
  DIR_IS("d", NULL, "mode", "\"0750\"");
  DIR_IS("d", NULL, "entries", "[\"link\",\"open\",\"sub\",\"tmp\"]");
  DIR_IS("d", NULL, "files", "1");
  DIR_IS("d", "{\"recursive\": true}", "entries",
         "[\"link\",\"open\",\"sub\",\"sub/suid\",\"tmp\"]");
  DIR_IS("d", "{\"recursive\": true}", "size", "8");
  DIR_IS("d", "{\"recursive\": true, \"pattern\": \"s*\"}", "count", "2");
  g_autofree char *one = g_strdup_printf("[\"%s\"]", suid);
  DIR_IS("d", "{\"recursive\": true}", "set-id", one);
  g_autofree char *two = g_strdup_printf("[\"%s\",\"%s/d/sub\"]", open, top);
  DIR_IS("d", NULL, "world-writable", two);
  DIR_IS("d/open", NULL, "exists", "false");
  DIR_IS("nothing", NULL, "exists", "false");
  g_autofree char *many = value_of(&chk_type_directory, "d", "{\"max-entries\": 3}", NULL, "count");
  g_assert_true(g_str_has_suffix(many, "more entries than max-entries allows"));
}

/* Deeper than descriptors and paths reach. */
static void test_deep(void) {
  int fd = open(top, O_RDONLY | O_DIRECTORY);
  guint depth = 1200;

  for (guint i = 0; i < depth; i++) {
    const char *name = i == 0 ? "deep" : "d";
    g_assert_cmpint(mkdirat(fd, name, 0700), ==, 0);
    int next = openat(fd, name, O_RDONLY | O_DIRECTORY);
    g_assert_cmpint(next, >=, 0);
    close(fd);
    fd = next;
  }
  close(fd);
  DIR_IS("deep", "{\"recursive\": true}", "directories", "1199");
}

static void test_validate(void) {
  static const ChkType *const types[] = {&chk_type_file, &chk_type_directory, &chk_type_mount};

  for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
    g_autoptr(ChkFlaws) flaws = chk_flaws_new();
    types[i]->validate("relative", NULL, flaws);
    g_assert_nonnull(strstr(chk_flaws_at(flaws, 0)->text, "no absolute path"));
    g_assert_true(chk_look_is_good(types[i], "/", NULL));
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  top = g_dir_make_tmp("waggle-files-XXXXXX", NULL);
  g_assert_nonnull(top);
  g_test_add_func("/file/attributes", test_attributes);
  g_test_add_func("/file/age", test_age);
  g_test_add_func("/file/links", test_links);
  g_test_add_func("/file/content", test_content);
  g_test_add_func("/file/digests", test_digests);
  g_test_add_func("/file/hostile", test_hostile);
  g_test_add_func("/file/root", test_root);
  g_test_add_func("/directory/entries", test_directory);
  g_test_add_func("/directory/deep", test_deep);
  g_test_add_func("/validate", test_validate);
  int status = g_test_run();
  const char *argv_rm[] = {"rm", "-rf", top, NULL};
  g_spawn_sync(NULL, (char **)argv_rm, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
               NULL);
  g_free(top);
  return status;
}
