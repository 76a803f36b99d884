/* rehearse-unit.c: see rehearse-unit.h. */
#include "deployment/rehearse-unit-private.h"

#include "common/error.h"

#include <string.h>

/* Settings of [Service] that concern the process alone. */
static const char *const kept[] = {
    "AmbientCapabilities",
    "CapabilityBoundingSet",
    "DynamicUser",
    "Environment",
    "EnvironmentFile",
    "ExecStart",
    "Group",
    "GuessMainPID",
    "KeyringMode",
    "KillSignal",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "NotifyAccess",
    "PassEnvironment",
    "Personality",
    "RemainAfterExit",
    "SecureBits",
    "SuccessExitStatus",
    "SupplementaryGroups",
    "Type",
    "UMask",
    "UnsetEnvironment",
    "User",
    "WorkingDirectory",
    NULL,
};
static const char *const kept_prefixes[] = {
    "Limit",    "LoadCredential", "Memory",     "Private",  "Protect",
    "Restrict", "SetCredential",  "SystemCall", "TasksMax", NULL};
/* begins with a prefix, and is about the unit */
static const char *const not_kept[] = {"Restart",
                                       "RestartSec",
                                       "RestartSteps",
                                       "RestartMaxDelaySec",
                                       "RestartPreventExitStatus",
                                       "RestartForceExitStatus",
                                       "RestartMode",
                                       NULL};

/* What the program finds its directories by; they are empty ones of the rehearsal. */
static const struct {
  const char *key, *variable, *below;
} directories[] = {
    {"StateDirectory", "STATE_DIRECTORY", "state"},
    {"CacheDirectory", "CACHE_DIRECTORY", "cache"},
    {"LogsDirectory", "LOGS_DIRECTORY", "logs"},
    {"RuntimeDirectory", "RUNTIME_DIRECTORY", "run"},
};

static gboolean is_kept(const char *key) {
  if (g_strv_contains(kept, key))
    return TRUE;
  for (guint i = 0; kept_prefixes[i]; i++)
    if (g_str_has_prefix(key, kept_prefixes[i]))
      return !g_strv_contains(not_kept, key);
  return FALSE;
}

void dpl_unit_leave_out(GPtrArray *left_out, const char *key) {
  if (left_out && !g_ptr_array_find_with_equal_func(left_out, key, g_str_equal, NULL))
    g_ptr_array_add(left_out, g_strdup(key));
}

/* ---- values ---- */
/* The name of the unit is another one, so what is made of it is put in here. */
void dpl_unit_expand_names(GString *value, const char *original) {
  const char *dot = strrchr(original, '.'), *at = strchr(original, '@');
  g_autofree char *stem = dot ? g_strndup(original, (gsize)(dot - original)) : g_strdup(original);
  g_autofree char *prefix = at ? g_strndup(original, (gsize)(at - original)) : g_strdup(stem);
  const char *instance = at ? stem + (at + 1 - original) : "";
  g_autoptr(GString) out = g_string_new(NULL);

  for (const char *p = value->str; *p; p++) {
    const char *word = NULL;
    if (*p == '%' && p[1])
      word = p[1] == 'n'   ? original
             : p[1] == 'N' ? stem
             : p[1] == 'p' ? prefix
             : p[1] == 'i' ? instance
                           : NULL;
    if (word)
      g_string_append(out, word);
    else
      g_string_append_c(out, *p);
    if (*p == '%' && p[1]) {
      if (!word)
        g_string_append_c(out, p[1]);
      p++;
    }
  }
  g_string_assign(value, out->str);
}

/* Paths over the link lead into the release, whatever serves. */
static void redirect(GString *value, const char *current, const char *release) {
  gsize n = strlen(current);
  char *at = value->str;

  while ((at = strstr(at, current)) != NULL) {
    gsize offset = (gsize)(at - value->str);
    if (at[n] == '\0' || strchr("/ \t\"':;,", at[n])) {
      g_string_erase(value, (gssize)offset, (gssize)n);
      g_string_insert(value, (gssize)offset, release);
      offset += strlen(release);
    } else {
      offset += n;
    }
    at = value->str + offset;
  }
}

/* ---- lines ---- */
/* Settings as systemd puts them together: a line that ends in a backslash goes on in the next,
 * comments between them do not. */
static GPtrArray *settings_of(const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GString) whole = g_string_new(NULL);

  for (guint i = 0; lines[i]; i++) {
    const char *line = g_strstrip(lines[i]);
    gsize n = strlen(line);
    if (*line == '#' || *line == ';' || (n == 0 && whole->len == 0))
      continue;
    gboolean more = n > 0 && line[n - 1] == '\\';
    g_string_append_len(whole, line, (gssize)(more ? n - 1 : n));
    if (more) {
      g_string_append_c(whole, ' ');
      continue;
    }
    g_ptr_array_add(all, g_strdup(whole->str));
    g_string_truncate(whole, 0);
  }
  if (whole->len > 0)
    g_ptr_array_add(all, g_strdup(whole->str));
  return all;
}

void dpl_unit_settings(const char *text, const char *section, DplSettingFunc each, gpointer data) {
  g_autoptr(GPtrArray) all = settings_of(text);
  gboolean inside = FALSE;

  for (guint i = 0; i < all->len; i++) {
    char *line = all->pdata[i], *equals = strchr(line, '=');
    if (*line == '[') {
      inside = strcmp(line, section) == 0;
      continue;
    }
    if (!inside || !equals)
      continue;
    *equals = '\0';
    each(g_strstrip(line), g_strstrip(equals + 1), data);
  }
}

typedef struct {
  const DplIsolation *how;
  GPtrArray *left_out;
  GString *service;
  char *type;
  gboolean has_start, has_bus_name, has_sockets, has[G_N_ELEMENTS(directories)];
} Making;

static void take(const char *key, const char *given, gpointer data) {
  Making *m = data;
  g_autoptr(GString) value = g_string_new(given);

  for (guint i = 0; i < G_N_ELEMENTS(directories); i++)
    if (strcmp(key, directories[i].key) == 0 && *given)
      m->has[i] = TRUE;
  if (strcmp(key, "BusName") == 0)
    m->has_bus_name = *given != '\0';
  if (strcmp(key, "Sockets") == 0) /* an empty one takes back what was said before */
    m->has_sockets = *given != '\0';
  if (strcmp(key, "Sockets") == 0 && m->how->n_sockets > 0) /* those are handed to it */
    return;
  if (!is_kept(key)) {
    dpl_unit_leave_out(m->left_out, key);
    return;
  }
  dpl_unit_expand_names(value, m->how->original);
  redirect(value, m->how->current, m->how->release);
  if (strcmp(key, "Type") == 0) {
    g_free(m->type);
    m->type = g_strdup(value->str);
    return;
  }
  m->has_start = m->has_start || (strcmp(key, "ExecStart") == 0 && value->len > 0);
  g_string_append_printf(m->service, "%s=%s\n", key, value->str);
}

/* ---- what isolates it ---- */
static void add_seconds(GString *out, const char *key, guint64 usec) {
  g_string_append_printf(out, "%s=%" G_GUINT64_FORMAT "us\n", key, MAX(usec, 1));
}

static void add_directories(const Making *m, GString *out) {
  const char *name = m->how->name;

  g_string_append_printf(out, "RuntimeDirectory=%s", name);
  for (guint i = 0; i < G_N_ELEMENTS(directories); i++)
    if (m->has[i])
      g_string_append_printf(out, " %s/%s", name, directories[i].below);
  g_string_append(out, "\nRuntimeDirectoryMode=0700\n");
  for (guint i = 0; i < G_N_ELEMENTS(directories); i++)
    if (m->has[i])
      g_string_append_printf(out, "Environment=%s=%%t/%s/%s\n", directories[i].variable, name,
                             directories[i].below);
}

/* A path as systemd reads it. */
static char *quoted(const char *path) {
  g_autoptr(GString) text = g_string_new(path);

  g_string_replace(text, "\\", "\\\\", 0);
  g_string_replace(text, "\"", "\\\"", 0);
  g_string_replace(text, "%", "%%", 0);
  return g_strdup_printf("\"%s\"", text->str);
}

static void add_walls(const Making *m, GString *out) {
  static const char walls[] =
      "PrivateNetwork=yes\nPrivateIPC=yes\nPrivateTmp=yes\nProtectSystem=strict\n"
      "ProtectControlGroups=yes\nNoNewPrivileges=yes\n"
      /* sockets of other services: the bus, databases, the managers */
      "TemporaryFileSystem=%t:ro\n"
      "BindReadOnlyPaths=-%t/systemd/notify -%t/systemd/journal\n";
  const DplIsolation *how = m->how;
  g_autofree char *release = quoted(how->release), *current = quoted(how->current);

  g_string_append(out, walls);
  g_string_append_printf(out, "BindPaths=%%t/%s\n", how->name);
  if (how->user_scope) /* a user's manager can shut nothing without it */
    g_string_append(out, "PrivateUsers=yes\n");
  else
    g_string_append(out, "CapabilityBoundingSet=~CAP_SYS_ADMIN CAP_SYS_BOOT CAP_KILL\n");
  /* a program that has the link built in finds its own release there, too */
  g_string_append_printf(out, "BindReadOnlyPaths=%s:%s\n", release, current);
  for (guint i = 0; how->scratch && how->scratch[i]; i++) {
    g_autofree char *path = quoted(how->scratch[i]);
    g_string_append_printf(out, "TemporaryFileSystem=%s:mode=1777\n", path);
  }
}

void dpl_isolation_add_unit(const DplIsolation *how, const char *original, GString *out) {
  g_string_append_printf(out,
                         "# Made by waggle-deployd for a rehearsal; it goes when that is over.\n"
                         "[Unit]\nDescription=Rehearsal of %s of %s\n",
                         original, how->target);
  if (how->bind_to)
    g_string_append_printf(out, "BindsTo=%s\nAfter=%s\n", how->bind_to, how->bind_to);
}

static void add_sockets(const DplIsolation *how, GString *out) {
  for (guint i = 0; i < how->n_sockets; i++)
    g_string_append_printf(out, "Requires=%s-%u.socket\nAfter=%s-%u.socket\n", how->name, i,
                           how->name, i);
}

static void hand_sockets(const DplIsolation *how, GString *out) {
  for (guint i = 0; i < how->n_sockets; i++)
    g_string_append_printf(out, "Sockets=%s-%u.socket\n", how->name, i);
}

static gboolean is_possible(const Making *m, GError **error) {
  const char *why = NULL;

  /* with a bus name and no type it is of this one */
  if (g_strcmp0(m->type, "dbus") == 0 || (m->type == NULL && m->has_bus_name))
    why = "it would ask for the bus name that the live service has (Type=dbus)";
  else if (m->has_sockets && m->how->n_sockets == 0)
    why = "it is handed its socket by systemd (Sockets=), and a rehearsal has none for it";
  else if (!m->has_start)
    why = "its unit file has no ExecStart=";
  if (why)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, why);
  return why == NULL;
}

char *dpl_isolated_unit(const char *text, const DplIsolation *how, GPtrArray *left_out,
                        GError **error) {
  g_autoptr(GString) service = g_string_new(NULL), out = g_string_new(NULL);
  Making m = {.how = how, .left_out = left_out, .service = service};

  dpl_unit_settings(text, "[Service]", take, &m);
  gboolean possible = is_possible(&m, error);
  g_autofree char *type = g_steal_pointer(&m.type);
  if (!possible)
    return NULL;
  m.type = type;
  dpl_isolation_add_unit(how, how->original, out);
  add_sockets(how, out);
  g_string_append(out, "\n[Service]\nProtectHome=read-only\n");
  /* what waits until nothing else is to be done would not be up in time */
  if (type)
    g_string_append_printf(out, "Type=%s\n", strcmp(type, "idle") == 0 ? "simple" : type);
  g_string_append(out, service->str);
  hand_sockets(how, out);
  add_directories(&m, out);
  add_walls(&m, out);
  g_string_append(out, "Restart=no\nStandardOutput=journal\nStandardError=journal\n"
                       "TimeoutStopSec=5s\nSendSIGKILL=yes\nKillMode=control-group\n"
                       "CPUWeight=20\nOOMScoreAdjust=500\n");
  add_seconds(out, "TimeoutStartSec", how->start_limit);
  add_seconds(out, "RuntimeMaxSec", how->life);
  return g_string_free(g_steal_pointer(&out), FALSE);
}

gboolean dpl_isolated_unit_is(const char *name) {
  return g_str_has_prefix(name, DPL_REHEARSAL_PREFIX) &&
         (g_str_has_suffix(name, ".service") || g_str_has_suffix(name, ".socket"));
}
