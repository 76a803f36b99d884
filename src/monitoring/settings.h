/* settings.h: monitord.conf(5): the table of keys and what becomes of it.
 *
 * The frame's own keys; a room that has keys adds its rows to the table and its members here. */
#pragma once

#include "common/config.h"

/* Texts are borrowed from the configuration. */
typedef struct {
  gboolean watch_units;  /* ask the manager of units and keep it in sight */
  gboolean read_journal; /* what the journal tells of units becomes events */
  guint64 evaluate;      /* us; how often rules are evaluated whose group does not say */
  guint64 call_timeout;  /* us; every call to the bus */
  guint queue_max;       /* notifications that wait for one way of a receiver */
  const char *sendmail;  /* of receivers of e-mail */
  /* metrics */
  guint64 interval; /* us between collections */
  guint64 suite_interval;
  guint64 fresh; /* us: a scrape takes values that are younger as they are */
  const char *cgroup_root, *proc;
  gboolean devices;      /* input and output of units by device, too */
  guint series_per_unit; /* from control groups and IP accounting */
  guint64 ip_interval;   /* us between two questions for IP accounting; 0: none */
  gboolean keep_history;
  guint64 history_bytes, history_raw, history_month, history_year;
  /* HTTP */
  const char *http_listen; /* "127.0.0.1:0 /run/x": besides the sockets of systemd; "" */
  const char *http_hosts;  /* names in Host that are ours besides the machine's; "" */
  const char *http_web;    /* who may read over TCP (web-config.h); "": whoever reaches it */
  gboolean compat, created;
  guint probes_max;        /* looks at a time */
  const char *exec_socket; /* of waggle-probe-exec; "": where its unit has it */
} MonSettings;

extern const WgConfigKey mon_config_keys[];

gboolean mon_settings_load(const WgConfig *config, MonSettings *ret, GError **error);
