/* deb.c: the control file of a Debian package (deb-control(5)), which is text from outside: one
 * paragraph of "Field: value" lines with continuation lines. Pure; keeps nothing but what deb.h
 * names. */
#include "deployment/deb.h"

#include <string.h>

void dpl_deb_free(DplDeb *deb) {
  if (!deb)
    return;
  g_free(deb->package);
  g_free(deb->version);
  g_free(deb->architecture);
  g_free(deb->depends);
  g_free(deb->pre_depends);
  g_free(deb->description);
  g_strfreev(deb->scripts);
  g_strfreev(deb->conffiles);
  g_free(deb);
}

typedef struct {
  const char *name;
  gsize offset;    /* of the text in DplDeb */
  gboolean folded; /* continuation lines belong to it */
} Field;

static const Field fields[] = {
    {"Package", G_STRUCT_OFFSET(DplDeb, package), FALSE},
    {"Version", G_STRUCT_OFFSET(DplDeb, version), FALSE},
    {"Architecture", G_STRUCT_OFFSET(DplDeb, architecture), FALSE},
    {"Depends", G_STRUCT_OFFSET(DplDeb, depends), TRUE},
    {"Pre-Depends", G_STRUCT_OFFSET(DplDeb, pre_depends), TRUE},
    {"Description", G_STRUCT_OFFSET(DplDeb, description), FALSE},
};

static gboolean bad(GError **error, guint line, const char *text) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "line %u of its control file %s", line,
              text);
  return FALSE;
}

static const Field *find(const char *name, gsize length) {
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    if (strlen(fields[i].name) == length && g_ascii_strncasecmp(fields[i].name, name, length) == 0)
      return &fields[i];
  return NULL;
}

static gboolean is_field_name(const char *name, gsize length) {
  if (length == 0 || *name == '#' || *name == '-')
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (name[i] <= ' ' || name[i] >= 0x7f)
      return FALSE;
  return TRUE;
}

typedef struct {
  DplDeb *deb;
  char **last; /* the text that continuation lines belong to; NULL: nobody wants them */
  gboolean any;
} Parse;

static gboolean continue_field(Parse *p, char *line) {
  if (!p->any)
    return FALSE;
  if (p->last) {
    char *joined = g_strstrip(g_strjoin(" ", *p->last, g_strstrip(line), NULL));
    g_free(*p->last);
    *p->last = joined;
  }
  return TRUE;
}

static gboolean parse_line(Parse *p, char *line, guint n, GError **error) {
  if (*line == ' ' || *line == '\t')
    return continue_field(p, line) || bad(error, n, "continues a field that is not there");
  const char *colon = strchr(line, ':');
  gsize length = colon ? (gsize)(colon - line) : 0;
  if (!is_field_name(line, length))
    return bad(error, n, "is no \"Field: value\"");
  const Field *field = find(line, length);
  p->any = TRUE;
  p->last = NULL;
  if (!field)
    return TRUE;
  char **text = G_STRUCT_MEMBER_P(p->deb, field->offset);
  if (*text)
    return bad(error, n, "names a field a second time");
  *text = g_strstrip(g_strdup(colon + 1));
  p->last = field->folded ? text : NULL;
  return TRUE;
}

/* Debian policy 5.6.1, 5.6.12 and, for architectures, the letters that there are. */
static gboolean is_made_of(const char *text, const char *letters) {
  return text && *text && strlen(text) <= 256 && text[strspn(text, letters)] == '\0' &&
         g_ascii_isalnum(*text);
}

static gboolean check(const DplDeb *deb, GError **error) {
  static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
  static const char version[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:~";
  const char *wrong = !is_made_of(deb->package, lower)        ? "Package"
                      : !is_made_of(deb->version, version)    ? "Version"
                      : !is_made_of(deb->architecture, lower) ? "Architecture"
                                                              : NULL;

  if (!wrong)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "its control file has no \"%s\", or one that no package may have", wrong);
  return FALSE;
}

DplDeb *dpl_deb_parse(const char *text, gsize size, GError **error) {
  g_autoptr(DplDeb) deb = g_new0(DplDeb, 1);
  Parse p = {.deb = deb};

  deb->scripts = g_new0(char *, 1);
  deb->conffiles = g_new0(char *, 1);
  if (size > DPL_DEB_CONTROL_MAX || !g_utf8_validate(text, (gssize)size, NULL)) {
    bad(error, 1, "is no UTF-8 text of a reasonable size");
    return NULL;
  }
  g_autofree char *copy = g_strndup(text, size);
  char *rest = copy;
  guint n = 1;
  for (char *line; (line = strsep(&rest, "\n")); n++) {
    g_strchomp(line);
    if (!*line && p.any && (!rest || !rest[strspn(rest, " \t\r\n")]))
      break;
    if (!*line && p.any) {
      bad(error, n, "ends the paragraph, and a package has only one");
      return NULL;
    }
    if (*line && !parse_line(&p, line, n, error))
      return NULL;
  }
  return check(deb, error) ? g_steal_pointer(&deb) : NULL;
}

void dpl_deb_parse_conffiles(DplDeb *deb, const char *text, gsize size) {
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *copy = g_strndup(text, size);
  g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    const char *line = g_strstrip(lines[i]);
    line = g_str_has_prefix(line, "remove-on-upgrade ") ? line + 18 : line;
    if (*line == '/' && line[1] && g_utf8_validate(line, -1, NULL))
      g_ptr_array_add(paths, g_strdup(line + 1));
  }
  g_ptr_array_add(paths, NULL);
  g_strfreev(deb->conffiles);
  deb->conffiles = g_strdupv((char **)paths->pdata);
}
