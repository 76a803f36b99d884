/* probe.h: questions to a daemon that block until they are answered. An error that is not asked
 * for ends the program. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* `topic` may be NULL. */
void probe_register(sd_bus *bus, const char *agent, const char *topic);

typedef struct {
  char *error; /* its name; NULL: the message is stored */
  char *text;
  guint64 number, retry_after;
} ProbeSent;
void probe_send(sd_bus *bus, const char *to, const void *body, gsize size, ProbeSent *ret_sent);
void probe_sent_clear(ProbeSent *sent);
/* A Send of one byte that must succeed: its number. */
guint64 probe_send_one(sd_bus *bus, const char *to);

/* One delivery, or FALSE when nothing waits. `wait` in us. */
gboolean probe_receive(sd_bus *bus, const char *agent, guint64 wait, guint64 *ret_number,
                       guint64 *ret_token);
void probe_ack(sd_bus *bus, guint64 token);

/* A number of an agent: "queued", "in-flight", ... */
guint64 probe_agent(sd_bus *bus, const char *agent, const char *key);
/* How many deliveries ListMessages shows of an agent in a state. */
guint64 probe_listed(sd_bus *bus, const char *agent, const char *state);
/* The state of a delivery by GetMessage; g_free(). */
char *probe_state(sd_bus *bus, guint64 number, const char *agent);
/* A number, or a text, of GetStatistics. */
guint64 probe_statistic(sd_bus *bus, const char *key);
char *probe_statistic_text(sd_bus *bus, const char *key);
/* Check: what it found, one finding a line; empty when all is sound. */
char *probe_check(sd_bus *bus);
