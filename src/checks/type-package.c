/* type-package.c: an installed package.
 *
 * dpkg's status file is read directly: no program, no lock, also below another root. Where there is
 * none, rpm or pacman is asked. A stanza that lacks what it must have is damage, which is an error
 * and never "not installed". */
#include "checks/local.h"
#include "checks/program.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <errno.h>
#include <string.h>

#define STATUS_MAX (256 * 1024 * 1024)

static const ChkKey options[] = {
    {"manager", CHK_TEXT, "dpkg, rpm or pacman; default: the first one whose database is here"},
    {NULL},
};

static const ChkKey values[] = {
    {"installed", CHK_BOOL, "it is installed, completely"},
    {"version", CHK_TEXT, "its version, with the distribution's revision"},
    {"versions", CHK_TEXTS, "the versions of all architectures or parallel installations, sorted"},
    {"architectures", CHK_TEXTS, "the architectures it is installed for, sorted"},
    {"state", CHK_TEXT, "what dpkg says of it: installed, config-files, half-configured, ..."},
    {"held", CHK_BOOL, "its version is held back"},
    {NULL},
};

/* The value of a field of the stanza [stanza, end), or NULL. */
static char *field(const char *stanza, const char *end, const char *name) {
  gsize length = strlen(name);

  for (const char *line = stanza; line && line < end;) {
    const char *next = memchr(line, '\n', (gsize)(end - line));
    const char *stop = next ? next : end;
    if ((gsize)(stop - line) > length && g_ascii_strncasecmp(line, name, length) == 0 &&
        line[length] == ':') {
      char *value = g_strndup(line + length + 1, (gsize)(stop - line) - length - 1);
      return g_strstrip(value);
    }
    line = next ? next + 1 : NULL;
  }
  return NULL;
}

typedef struct {
  GPtrArray *versions, *architectures;
  gboolean installed, held;
  char *state, *version;
} Found;

static gboolean stanza_read(const char *stanza, const char *end, Found *found) {
  g_autofree char *status = field(stanza, end, "Status");
  g_autofree char *version = field(stanza, end, "Version");
  g_autofree char *architecture = field(stanza, end, "Architecture");
  g_auto(GStrv) words = status ? g_strsplit(status, " ", -1) : NULL;

  if (words == NULL || g_strv_length(words) != 3)
    return FALSE;
  gboolean installed = strcmp(words[2], "installed") == 0;
  if (installed && version == NULL)
    return FALSE;
  if (found->state == NULL || installed) {
    g_free(found->state);
    found->state = g_strdup(words[2]);
  }
  found->held = found->held || strcmp(words[0], "hold") == 0;
  if (!installed)
    return TRUE;
  found->installed = TRUE;
  if (found->version == NULL)
    found->version = g_strdup(version);
  g_ptr_array_add(found->versions, g_steal_pointer(&version));
  if (architecture)
    g_ptr_array_add(found->architectures, g_steal_pointer(&architecture));
  return TRUE;
}

static void found_clear(Found *found) {
  g_clear_pointer(&found->versions, g_ptr_array_unref);
  g_clear_pointer(&found->architectures, g_ptr_array_unref);
  g_free(found->state);
  g_free(found->version);
}

static void tell(Found *found, JsonObject *seen) {
  json_object_set_boolean_member(seen, "installed", found->installed);
  chk_set_text(seen, "state", found->state);
  chk_set_text(seen, "version", found->version);
  if (!found->installed)
    return;
  json_object_set_boolean_member(seen, "held", found->held);
  chk_set_sorted(seen, "versions", g_steal_pointer(&found->versions));
  if (found->architectures->len > 0)
    chk_set_sorted(seen, "architectures", g_steal_pointer(&found->architectures));
}

static const char *stanza_end(const char *stanza, const char *end) {
  const char *blank = memmem(stanza, (gsize)(end - stanza), "\n\n", 2);

  return blank ? blank : end;
}

/* All stanzas "Package: NAME". */
static void dpkg(const ChkLook *look, const char *text, gsize size, ChkSight *ret) {
  g_autofree char *name = g_strdup(look->subject);
  char *colon = strchr(name, ':'); /* NAME:ARCHITECTURE */
  const char *end = text + size;
  Found found = {.versions = g_ptr_array_new_with_free_func(g_free),
                 .architectures = g_ptr_array_new_with_free_func(g_free)};
  gboolean good = memchr(text, 0, size) == NULL;

  if (colon)
    *colon++ = 0;
  g_autofree char *line = g_strdup_printf("Package: %s\n", name);
  gsize length = strlen(line);
  for (const char *at = text; good && (at = memmem(at, (gsize)(end - at), line, length)); at++) {
    if (at != text && at[-1] != '\n')
      continue;
    const char *stop = stanza_end(at, end);
    g_autofree char *architecture = field(at, stop, "Architecture");
    if (colon == NULL || g_strcmp0(colon, architecture) == 0)
      good = stanza_read(at, stop, &found);
  }
  if (good) {
    JsonObject *seen = json_object_new();
    tell(&found, seen);
    chk_observed(ret, seen);
  } else {
    chk_unknown(ret, "dpkg's status file is damaged where it tells of %s: see dpkg --audit",
                look->subject);
  }
  found_clear(&found);
}

/* Both end with 1 then, and also when they cannot read their database or configuration; rpm says
 * even so that nothing is installed, beside an error. */
static gboolean is_absent(const char *program, const char *out, const char *err) {
  if (strcmp(program, "rpm") == 0)
    return strstr(out, "is not installed") != NULL && strstr(err, "error:") == NULL;
  return strstr(err, "was not found") != NULL;
}

/* A version a line. */
static void ask(const ChkLook *look, const char *const *argv, ChkSight *ret) {
  g_autoptr(GError) error = NULL;
  g_autofree char *out = NULL, *err = NULL;
  int status = chk_program(look, argv, &out, &err, &error);

  if (status < 0 || (status != 0 && !(status == 1 && is_absent(argv[0], out, err)))) {
    const char *why = error ? error->message : g_strchomp(err);
    chk_unknown(ret, "%s: %s", argv[0], *why ? why : "it failed");
    return;
  }
  JsonObject *seen = json_object_new();
  g_auto(GStrv) lines = g_strsplit(g_strchomp(out), "\n", -1);
  json_object_set_boolean_member(seen, "installed", status == 0);
  if (status == 0 && lines[0]) {
    GPtrArray *versions = g_ptr_array_new();
    for (guint i = 0; lines[i]; i++) {
      char *space = strchr(lines[i], ' '); /* pacman: NAME VERSION */
      g_ptr_array_add(versions, space ? space + 1 : lines[i]);
    }
    chk_set_text(seen, "version", versions->pdata[0]);
    chk_set_sorted(seen, "versions", versions);
  }
  chk_observed(ret, seen);
}

static gboolean available(const ChkLook *look, const char *program) {
  const char *manager = chk_option_text(look, "manager", NULL);
  g_autofree char *path = g_find_program_in_path(program);

  return path != NULL && (manager == NULL || strcmp(manager, program) == 0);
}

static void see(ChkLook *look, ChkSight *ret) {
  const char *root = chk_world_root(look->world);
  const char *rpm[] = {"rpm", "--root", *root ? root : "/",
                       "-q",  "--qf",   "%{VERSION}-%{RELEASE}\\n",
                       "--",  NULL,     NULL};
  const char *pacman[] = {"pacman", "--root", *root ? root : "/", "-Q", "--", NULL, NULL};
  g_autoptr(GError) error = NULL;
  struct stat st;
  gsize size = 0;
  int r = chk_local_stat(look, CHK_DPKG_STATUS, TRUE, &st);

  rpm[7] = pacman[5] = look->subject;
  if (r == 0 && strcmp(chk_option_text(look, "manager", "dpkg"), "dpkg") == 0) {
    g_autofree char *text = chk_local_read(look, CHK_DPKG_STATUS, STATUS_MAX, &size, &error);
    if (text)
      dpkg(look, text, size, ret);
    else
      chk_unknown(ret, "%s", error->message);
  } else if (available(look, "rpm")) {
    ask(look, rpm, ret);
  } else if (available(look, "pacman")) {
    ask(look, pacman, ret);
  } else {
    chk_not_applicable(ret, "neither dpkg nor rpm nor pacman keeps the packages here");
  }
}

const ChkType chk_type_package = {
    .name = "package",
    .subject_help = "name, or NAME:ARCHITECTURE",
    .options = options,
    .values = values,
    .default_value = "{\"installed\": true}",
    .sync = see,
    .validate = chk_subject_package,
};
