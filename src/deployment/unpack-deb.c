/* unpack-deb.c: a Debian package is an ar of debian-binary, control.tar.* and data.tar.*, in that
 * order. The control part is read, the data part unpacked as any tar; nothing of it is run. */
#include "deployment/archive-read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CONFFILES_MAX (1024 * 1024)

typedef struct {
  DplArchive *outer;
  DplArchiveInput *input;
  char *control, *conffiles;
  gsize control_size, conffiles_size;
  GPtrArray *scripts;
} Package;

static gboolean bad(DplArchiveInput *input, GError **error, const char *text) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the package %s is refused: %s",
              input->name, text);
  return FALSE;
}

static gboolean is_script(const char *name) {
  static const char *const names[] = {"preinst", "postinst", "prerm", "postrm",
                                      "config",  "triggers", NULL};
  return g_strv_contains(names, name);
}

static gboolean control_entry(Package *p, DplArchive *tar, struct archive_entry *entry,
                              GError **error) {
  g_autofree char *name = dpl_path_clean(archive_entry_pathname(entry));

  if (!name)
    return bad(p->input, error, "its control part has a path that leads out of it");
  if (is_script(name))
    g_ptr_array_add(p->scripts, g_strdup(name));
  if (archive_entry_filetype(entry) != AE_IFREG)
    return TRUE;
  if (strcmp(name, "control") == 0 && !p->control)
    p->control =
        dpl_archive_slurp(tar, p->input, entry, DPL_DEB_CONTROL_MAX, &p->control_size, error);
  else if (strcmp(name, "conffiles") == 0 && !p->conffiles)
    p->conffiles =
        dpl_archive_slurp(tar, p->input, entry, CONFFILES_MAX, &p->conffiles_size, error);
  else
    return TRUE;
  return strcmp(name, "control") == 0 ? p->control != NULL : p->conffiles != NULL;
}

static gboolean read_control(Package *p, GError **error) {
  g_autoptr(DplArchive) tar = dpl_archive_open_member(p->outer, p->input, error);
  struct archive_entry *entry;
  GError *failure = NULL;

  if (!tar)
    return FALSE;
  while (dpl_archive_next(tar, p->input, &entry, &failure))
    if (!control_entry(p, tar, entry, error))
      return FALSE;
  if (!failure)
    return p->control || bad(p->input, error, "its control part has no file \"control\"");
  g_propagate_error(error, failure);
  return FALSE;
}

static gboolean check_version(Package *p, struct archive_entry *entry, GError **error) {
  gsize size;
  g_autofree char *text = dpl_archive_slurp(p->outer, p->input, entry, 64, &size, error);

  if (!text)
    return FALSE;
  return g_str_has_prefix(text, "2.") ||
         bad(p->input, error, "it is of another version of the format than 2");
}

/* TRUE with `last` FALSE: go on. */
static gboolean member(Package *p, struct archive_entry *entry, guint n, DplSink *sink,
                       gboolean *ret_last, GError **error) {
  const char *name = archive_entry_pathname(entry);

  *ret_last = FALSE;
  if (n == 0)
    return strcmp(name, "debian-binary") == 0
               ? check_version(p, entry, error)
               : bad(p->input, error, "its first member is not debian-binary");
  if (!p->control) {
    *ret_last = sink == NULL;
    return g_str_has_prefix(name, "control.tar")
               ? read_control(p, error)
               : *name == '_' || bad(p->input, error, "its second member is not control.tar");
  }
  if (!g_str_has_prefix(name, "data.tar"))
    return *name == '_' || bad(p->input, error, "it has a member that no package has");
  g_autoptr(DplArchive) tar = dpl_archive_open_member(p->outer, p->input, error);
  *ret_last = TRUE;
  return tar && dpl_unpack_tar(tar, p->input, sink, error);
}

static gboolean read_members(Package *p, DplSink *sink, GError **error) {
  struct archive_entry *entry;
  GError *failure = NULL;
  gboolean last = FALSE;

  for (guint n = 0; !last && dpl_archive_next(p->outer, p->input, &entry, &failure); n++)
    if (!member(p, entry, n, sink, &last, error))
      return FALSE;
  if (failure) {
    g_propagate_error(error, failure);
    return FALSE;
  }
  return last || bad(p->input, error, "it ends before its data; was it written to its end?");
}

static DplDeb *describe(Package *p, GError **error) {
  g_autoptr(DplDeb) deb = dpl_deb_parse(p->control, p->control_size, error);

  if (!deb) {
    g_prefix_error(error, "the package %s is refused: ", p->input->name);
    return NULL;
  }
  if (p->conffiles)
    dpl_deb_parse_conffiles(deb, p->conffiles, p->conffiles_size);
  g_strfreev(deb->scripts);
  g_ptr_array_add(p->scripts, NULL);
  deb->scripts = g_strdupv((char **)p->scripts->pdata);
  return g_steal_pointer(&deb);
}

DplDeb *dpl_unpack_deb(DplArchiveInput *input, DplSink *sink, GError **error) {
  g_autoptr(DplArchive) outer = dpl_archive_open_ar(input, error);
  g_autoptr(GPtrArray) scripts = g_ptr_array_new_with_free_func(g_free);
  Package p = {.outer = outer, .input = input, .scripts = scripts};

  DplDeb *deb = outer && read_members(&p, sink, error) ? describe(&p, error) : NULL;
  g_free(p.control);
  g_free(p.conffiles);
  return deb;
}

DplDeb *dpl_deb_read(int fd, const char *name, GError **error) {
  g_auto(DplArchiveInput) input = {0};
  g_auto(DplArchiveLocale) locale = {0};

  if (lseek(fd, 0, SEEK_SET) < 0) {
    dpl_error_errno(error, errno, "cannot read the package %s", name);
    return NULL;
  }
  dpl_archive_locale_enter(&locale);
  dpl_archive_input_open(&input, fd, name, NULL);
  return dpl_unpack_deb(&input, NULL, error);
}
