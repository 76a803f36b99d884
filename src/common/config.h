/* config.h: configuration as systemd does it.
 *
 * NAME.conf in the vendor directory, overridden as a whole by NAME.conf in /etc,
 * then every NAME.conf.d/X.conf of both directories in the order of X (a file in /etc
 * hides one of the same name), each key by itself. INI, through GKeyFile. An unknown section or key
 * and a value that does not parse are errors that name file and line's key and the nearest known
 * key. A WgConfig is immutable: a reload makes a new one and swaps it. */
#pragma once

#include <glib.h>

typedef enum {
  WG_CONFIG_BOOL,
  WG_CONFIG_UINT,  /* decimal, bounded by min and max */
  WG_CONFIG_BYTES, /* 4096, 64K, 16M, 1G (1024) */
  WG_CONFIG_USEC,  /* 5s, 500ms, 1min 30s, infinity = G_MAXUINT64; a bare number is seconds */
  WG_CONFIG_STRING,
  WG_CONFIG_USEC_LIST, /* white space between: "1s 5s 30s" needs no unit spaces */
} WgConfigType;

typedef struct {
  const char *section, *key;
  WgConfigType type;
  const char *default_text; /* parsed like a file's value */
  guint64 min, max;         /* 0: no bound on that side; for a list of each member */
  const char *help;         /* one line, for the man page test */
} WgConfigKey;

typedef struct WgConfig WgConfig;

/* `name`: "messaged" reads messaged.conf. Keys end with a NULL section. Directories come from
 * $WAGGLE_CONFIG_PATH or are the ones the build was configured with. */
WgConfig *wg_config_load(const char *name, const WgConfigKey *keys, GError **error);
/* The same from directories given, weakest first; wg_config_dirs() makes the list of the
 * system's (vendor, /etc), for the user manager with $XDG_CONFIG_HOME/waggle at the end. */
WgConfig *wg_config_load_from(const char *const *dirs, const char *name, const WgConfigKey *keys,
                              GError **error);
char **wg_config_dirs(gboolean user);

/* For files of another form, found in the same way. */
typedef struct {
  char *path;
  char *data; /* valid UTF-8 */
} WgConfigFile;
/* The files that count, in the order in which they apply. (element-type WgConfigFile) */
GPtrArray *wg_config_files_read(const char *const *dirs, const char *name, GError **error);

WgConfig *wg_config_ref(WgConfig *config);
void wg_config_unref(WgConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgConfig, wg_config_unref)

/* These abort on a key that is not in the table, which is a bug of the caller. */
guint64 wg_config_u64(const WgConfig *config, const char *section,
                      const char *key); /* UINT, BYTES, USEC */
gboolean wg_config_bool(const WgConfig *config, const char *section, const char *key);
const char *wg_config_string(const WgConfig *config, const char *section, const char *key);
const guint64 *wg_config_list(const WgConfig *config, const char *section, const char *key,
                              gsize *ret_n);

/* Parsers, also for command lines. Sources: systemd.time(7) for spans. */
gboolean wg_parse_usec(const char *text, guint64 *ret, GError **error);
gboolean wg_parse_bytes(const char *text, guint64 *ret, GError **error);
