/* courier.h: the program waggle-courier: what its files share.
 *
 * Everything lives on the loop's thread. Mail comes in through links (link.h, one a messaging
 * service), waits at its agent (agent.h), is carried by tasks (task.h), and what came of it goes
 * back through the link. Nothing is kept on disk here: messaged has the books, and what is learned
 * (who fails, how often a bell rang) is memory. */
#pragma once

#include "common/service.h"
#include "delivery/backend.h"
#include "delivery/settings.h"

struct DlvCourier {
  WgService *service;
  const DlvBackendClass *const *classes; /* ends with NULL */
  DlvSettings settings;
  gboolean draining; /* nothing new is leased or started */
  GPtrArray *links;  /* of DlvLink */
  guint n_jobs;      /* under way, over all agents */
  GQueue pump;       /* of DlvAgent: may have something to do (agent-pump.c) */
  gboolean pumping;
  guint pump_source, sweep; /* sources */
  guint status, cancel;     /* sources: STATUS= soon; jobs are cancelled then */
  GTimeZone *zone;          /* the local one, as of `zone_at` (monotonic, us) */
  gint64 zone_at;
  struct DlvHandover *handover;
};

/* The program's main; `classes` are the back-ends it has, ending with NULL. */
int dlv_courier_main(int argc, char **argv, const DlvBackendClass *const *classes);
/* All that main.c has. */
extern const DlvBackendClass *const dlv_backend_classes[];

/* daemon.c: connections, agents or jobs are others now. */
void dlv_courier_changed(DlvCourier *courier);
/* Something that a drain waits for is over. */
void dlv_courier_work_done(DlvCourier *courier);

/* The local time zone; borrowed until the next call. Asking GLib each time costs a look at the
 * disk. */
GTimeZone *dlv_courier_zone(DlvCourier *courier);

/* bus-tables.c */
extern const WgServiceInterface dlv_interfaces[];
int dlv_tables_attach(DlvCourier *courier, sd_bus *bus);
/* bus-methods.c: handlers of the table; only the owner's uid and root get in. */
int dlv_method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_method_wake(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_method_list_agents(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_method_explain(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_method_check_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);
int dlv_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error);
