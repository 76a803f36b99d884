/* unit-ip.c: see unit-ip.h. A unit that has stopped meanwhile is answered like one without
 * accounting; a question that is never answered is given up, and whether the manager hangs is the
 * inventory's to find out. */
#include "monitoring/unit-ip.h"

#include "monitoring/inventory.h"

#include "common/clock.h"

#include <string.h>

#define PAUSE_MSEC 20
#define BLIND_MSEC 1000 /* while nothing can be asked */
/* What was told last counts for so long after the round that could not be, as in the inventory. */
#define STALE_USEC (30 * G_USEC_PER_SEC)

static const char *const properties[] = {"IPIngressBytes", "IPEgressBytes", "IPIngressPackets",
                                         "IPEgressPackets"};
#define N G_N_ELEMENTS(properties)

struct MonUnitIp {
  MonDaemon *daemon;
  MonUnitMetrics *units;
  GQueue wanted;     /* names of units, of this round */
  GHashTable *shown; /* names of units that had values in the last round */
  guint timer;       /* 0: the setting says never */
  gint64 round;      /* BOOTTIME us: this round's begin; 0: none yet */
  gint64 asked;      /* when, of what is under way */
  sd_bus_slot *slot; /* NULL: nothing is under way */
  char *unit;        /* that is asked about; NULL: none */
  guint64 run;       /* of it, when the first of its values was asked for */
  double values[N];
  guint at; /* the property that is next */
};

static gboolean step(gpointer data);

static void arm(MonUnitIp *ip, guint msec) {
  g_clear_handle_id(&ip->timer, g_source_remove);
  ip->timer = g_timeout_add(msec, step, ip);
}

/* ---- a round ---- */
static gboolean is_counted(const MonUnit *unit) {
  const WgUnitState *state = unit->state;

  return unit->known && state->ip_accounting && state->cgroup[0] != '\0' &&
         strcmp(state->active, "inactive") != 0 && strcmp(state->active, "failed") != 0;
}

static gboolean want(const MonUnit *unit, gpointer user_data) {
  MonUnitIp *ip = user_data;
  const char *name = unit->state->name;

  if (is_counted(unit))
    g_queue_push_tail(&ip->wanted, g_strdup(name));
  else if (g_hash_table_remove(ip->shown, name))
    mon_unit_metrics_ip(ip->units, name, 0, NULL);
  return TRUE;
}

static gint64 next_round(const MonUnitIp *ip) {
  return ip->round + (gint64)ip->daemon->settings.ip_interval;
}

/* In ms. */
static guint until_next(const MonUnitIp *ip) {
  return (guint)CLAMP((next_round(ip) - wg_time_boottime()) / 1000, PAUSE_MSEC, G_MAXINT);
}

static void hide(gpointer name, gpointer value, gpointer data) {
  mon_unit_metrics_ip(((MonUnitIp *)data)->units, name, 0, NULL);
}

static void hide_all(MonUnitIp *ip) {
  g_hash_table_foreach(ip->shown, hide, ip);
  g_hash_table_remove_all(ip->shown);
}

/* ---- a unit ---- */
/* A slice may have no invocation: it is one run as long as it is there. */
static guint64 run_of(const MonUnit *unit) {
  guint64 run = unit ? g_ascii_strtoull(unit->state->invocation + 16, NULL, 16) : 0;

  return run != 0 ? run : 1;
}

static void begin_unit(MonUnitIp *ip, char *name) {
  ip->unit = name;
  ip->run = run_of(mon_inventory_unit(ip->daemon->inventory, name));
  ip->at = 0;
}

static void end_unit(MonUnitIp *ip, gboolean has_values) {
  const MonUnit *unit = mon_inventory_unit(ip->daemon->inventory, ip->unit);
  g_autofree char *name = g_steal_pointer(&ip->unit);

  if (unit && run_of(unit) != ip->run)
    return; /* values of two runs: the next round has those of one */
  mon_unit_metrics_ip(ip->units, name, ip->run, unit && has_values ? ip->values : NULL);
  if (unit && has_values)
    g_hash_table_add(ip->shown, g_steal_pointer(&name));
  else
    g_hash_table_remove(ip->shown, name);
}

/* All ones: it does not count. */
static int on_value(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonUnitIp *ip = data;
  guint64 value = G_MAXUINT64;

  ip->slot = sd_bus_slot_unref(ip->slot);
  if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "t", &value) < 0 ||
      value == G_MAXUINT64) {
    end_unit(ip, FALSE);
    return 1;
  }
  ip->values[ip->at++] = (double)value;
  if (ip->at == N)
    end_unit(ip, TRUE);
  return 1;
}

static void give_up_late(MonUnitIp *ip) {
  gint64 limit = 2 * (gint64)ip->daemon->settings.call_timeout;

  if (ip->slot && wg_time_boottime() - ip->asked > limit)
    ip->slot = sd_bus_slot_unref(ip->slot);
}

/* In ms: when to look again. */
static guint ask_next(MonUnitIp *ip) {
  MonInventory *inventory = ip->daemon->inventory;

  give_up_late(ip);
  if (ip->slot)
    return PAUSE_MSEC;
  if (!ip->unit && g_queue_is_empty(&ip->wanted) && ip->round != 0 && until_next(ip) > PAUSE_MSEC)
    return until_next(ip);
  if (!mon_inventory_fresh(inventory)) {
    if (next_round(ip) + STALE_USEC < wg_time_boottime())
      hide_all(ip);
    return BLIND_MSEC;
  }
  if (!ip->unit && g_queue_is_empty(&ip->wanted)) {
    ip->round = wg_time_boottime();
    mon_inventory_each(inventory, want, ip);
    return g_queue_is_empty(&ip->wanted) ? until_next(ip) : PAUSE_MSEC;
  }
  if (!ip->unit)
    begin_unit(ip, g_queue_pop_head(&ip->wanted));
  if (!mon_inventory_unit(inventory, ip->unit)) {
    end_unit(ip, FALSE);
    return PAUSE_MSEC;
  }
  if (!mon_inventory_get(inventory, ip->unit, properties[ip->at], on_value, ip, &ip->slot))
    return BLIND_MSEC;
  ip->asked = wg_time_boottime();
  return PAUSE_MSEC;
}

static gboolean step(gpointer data) {
  MonUnitIp *ip = data;

  ip->timer = 0;
  arm(ip, ask_next(ip));
  return G_SOURCE_REMOVE;
}

/* ---- life ---- */
MonUnitIp *mon_unit_ip_new(MonDaemon *daemon, MonUnitMetrics *units) {
  MonUnitIp *ip = g_new0(MonUnitIp, 1);

  ip->daemon = daemon;
  ip->units = units;
  ip->shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init(&ip->wanted);
  mon_unit_ip_reload(ip);
  return ip;
}

static void stop(MonUnitIp *ip) {
  g_clear_handle_id(&ip->timer, g_source_remove);
  ip->slot = sd_bus_slot_unref(ip->slot);
  g_clear_pointer(&ip->unit, g_free);
  g_queue_clear_full(&ip->wanted, g_free);
  ip->at = 0;
}

void mon_unit_ip_reload(MonUnitIp *ip) {
  if (ip->daemon->settings.ip_interval > 0) {
    arm(ip, PAUSE_MSEC); /* looks anew how long it still is */
    return;
  }
  stop(ip);
  hide_all(ip);
}

void mon_unit_ip_free(MonUnitIp *ip) {
  if (!ip)
    return;
  stop(ip);
  g_hash_table_unref(ip->shown);
  g_free(ip);
}
