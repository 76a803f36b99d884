/* bus-agents.h: the agents as objects on the bus: a mirror of the engine's, kept up to date
 * by its notes, because property getters cannot ask another thread.
 *
 * ObjectManager and PropertiesChanged signals go to the message bus only: on the private socket
 * there are no match rules, and every client would get every change (Watch is for them).
 * PropertiesChanged comes a few times a second at most, however much mail moves. */
#pragma once

#include "messaging/bus.h"

typedef struct {
  MsgDaemon *daemon;
  char *name, *path;
  uid_t uid;
  GVariant *info; /* a{sv} as in ListAgents */
  MsgCounts counts;
  guint n_volatile;
  gboolean info_changed, counts_changed; /* on the dirty list when either is set */
} MsgAgentView;

void msg_agents_init(MsgDaemon *daemon);
void msg_agents_clear(MsgDaemon *daemon);
/* MSG_NOTE_AGENT, MSG_NOTE_COUNTS, MSG_NOTE_REMOVED. */
void msg_agents_note(MsgDaemon *daemon, const MsgNote *note);
/* Root properties that are no agent's (StoreState, Degraded) changed. */
void msg_agents_root_changed(MsgDaemon *daemon, const char *property);
/* Free with free(): it is sd-bus that makes it. */
char *msg_agent_path(const char *name);

/* For the fallback vtable and the enumerator. */
int msg_agents_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                    void **ret_found, sd_bus_error *error);
int msg_agents_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error);
/* Getters. */
int msg_agent_get_info(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error);
int msg_agent_get_count(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error);
int msg_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error);
