/* file-content.c: see file-content.h. Digests read block by block, without a bound of size but the
 * look's time; what is kept as text has the bound max-size. */
#include "checks/file-content.h"

#include "checks/local.h"

#include "common/config.h"
#include "common/doc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SIZE_DEFAULT (4 * 1024 * 1024)
#define BLOCK 262144

static const struct {
  const char *key;
  GChecksumType type;
} digests[] = {
    {"md5", G_CHECKSUM_MD5},       {"sha1", G_CHECKSUM_SHA1},     {"sha256", G_CHECKSUM_SHA256},
    {"sha384", G_CHECKSUM_SHA384}, {"sha512", G_CHECKSUM_SHA512},
};

#define UNASKED 2 /* when everything is to be observed: one digest tells whether it changed */

static gboolean refuse(GError **error, const char *path, const char *why) {
  g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%s: %s", path, why);
  return FALSE;
}

static gboolean feed(const ChkLook *look, int fd, GChecksum **sums, GError **error) {
  g_autofree guint8 *block = g_malloc(BLOCK);

  for (;;) {
    if (chk_look_over(look))
      return refuse(error, look->subject, "the time was over before its digest was made");
    ssize_t n = read(fd, block, BLOCK);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return wg_error_set_errno(error, errno, "%s", look->subject);
    if (n == 0)
      return TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(digests); i++)
      if (sums[i])
        g_checksum_update(sums[i], block, n);
  }
}

static gboolean digest(const ChkLook *look, JsonObject *values, GError **error) {
  GChecksum *sums[G_N_ELEMENTS(digests)] = {NULL};
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS(digests); i++)
    if (look->wanted ? chk_asks(look, digests[i].key) : i == UNASKED) {
      sums[i] = g_checksum_new(digests[i].type);
      n++;
    }
  if (n == 0)
    return TRUE;
  int fd = chk_local_open(look, look->subject, O_RDONLY);
  gboolean good =
      fd >= 0 ? feed(look, fd, sums, error) : wg_error_set_errno(error, fd, "%s", look->subject);
  if (fd >= 0)
    close(fd);
  for (guint i = 0; i < G_N_ELEMENTS(digests); i++) {
    if (sums[i] && good)
      chk_set_text(values, digests[i].key, g_checksum_get_string(sums[i]));
    g_clear_pointer(&sums[i], g_checksum_free);
  }
  return good;
}

static gboolean document(const ChkLook *look, const char *key, WgDocFormat format,
                         const char *bytes, gsize size, JsonObject *values, GError **error) {
  if (!chk_asks(look, key))
    return TRUE;
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, format, problems);
  if (doc == NULL || wg_problems_refuse(problems)) {
    const WgProblem *first = wg_problems_n(problems) > 0 ? wg_problems_at(problems, 0) : NULL;
    g_autofree char *why =
        g_strdup_printf("%s is no %s: line %u: %s", look->subject, key, first ? first->line : 0,
                        first ? first->text : "it is empty");
    json_object_set_string_member(values, "error", why);
    return TRUE; /* that it is none was found out: the value is absent */
  }
  json_object_set_member(values, key, json_node_copy(wg_doc_root(doc)));
  return TRUE;
}

/* {"section": {"key": "value"}}; keys before the first section stand in the section "". A key that
 * comes twice has its last value. */
static JsonObject *ini(const char *text) {
  JsonObject *all = json_object_new(), *section = NULL;
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree char *name = g_strdup("");

  for (guint i = 0; lines[i]; i++) {
    char *line = g_strstrip(lines[i]), *equal = strchr(line, '=');
    gsize length = strlen(line);
    if (length == 0 || *line == '#' || *line == ';')
      continue;
    if (*line == '[' && line[length - 1] == ']') {
      g_free(name);
      name = g_strndup(line + 1, length - 2);
      section = NULL;
    }
    if (section == NULL) {
      section = json_object_has_member(all, name)
                    ? json_object_get_object_member(all, name)
                    : (json_object_set_object_member(all, name, json_object_new()),
                       json_object_get_object_member(all, name));
    }
    if (*line == '[' || equal == NULL)
      continue;
    *equal = 0;
    json_object_set_string_member(section, g_strchomp(line), g_strchug(equal + 1));
  }
  return all;
}

static gboolean texts(const ChkLook *look, JsonObject *values, GError **error) {
  gsize max = (gsize)chk_option_bytes(look, "max-size", SIZE_DEFAULT), size = 0;
  gboolean any = FALSE;

  for (guint i = 0; i < 4; i++)
    any = any || chk_asks(look, ((const char *[]){"content", "json", "yaml", "ini"})[i]);
  if (!any)
    return TRUE;
  g_autofree char *bytes = chk_local_read(look, look->subject, max, &size, error);
  if (bytes == NULL)
    return FALSE;
  if (chk_asks(look, "content"))
    chk_set_text_n(values, "content", bytes, size);
  if (chk_asks(look, "ini")) {
    g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)size);
    json_object_set_object_member(values, "ini", ini(valid));
  }
  return document(look, "json", WG_DOC_JSON, bytes, size, values, error) &&
         document(look, "yaml", WG_DOC_YAML, bytes, size, values, error);
}

gboolean chk_file_content(const ChkLook *look, const struct stat *st, JsonObject *values,
                          GError **error) {
  static const char *const keys[] = {"md5",     "sha1", "sha256", "sha384", "sha512",
                                     "content", "json", "yaml",   "ini",    NULL};

  if (look->wanted == NULL) {
    g_autoptr(GError) unreadable = NULL; /* the digest is absent then */
    return !S_ISREG(st->st_mode) || digest(look, values, &unreadable) || TRUE;
  }
  for (guint i = 0; !S_ISREG(st->st_mode) && keys[i]; i++)
    if (chk_asks(look, keys[i]))
      return refuse(error, look->subject, "is no regular file, so it has no content to look at");
  return digest(look, values, error) && texts(look, values, error);
}
