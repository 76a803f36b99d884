/* edges.h: who may send to whom, where somebody has written it down.
 *
 * Rules are in edges.conf and edges.conf.d of the configuration's directories (messaged.conf(5)).
 * Without any rule everybody may send to everybody. With rules the first one that is about a sender
 * and a receiver decides, and what none is about is refused. Immutable and counted: a reload makes
 * new ones. Knows nothing of the store. */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct MsgEdges MsgEdges;

/* One end of an edge; borrowed strings. */
typedef struct {
  const char *name; /* of the agent; "": mail of uid:N */
  uid_t uid;
  char **roles, **topics; /* NULL: none */
} MsgEdgeEnd;

/* `dirs` as for wg_config_load_from(). Configuration: names file and line. */
MsgEdges *msg_edges_load(const char *const *dirs, GError **error);
MsgEdges *msg_edges_ref(MsgEdges *edges);
void msg_edges_unref(MsgEdges *edges);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MsgEdges, msg_edges_unref)
guint msg_edges_count(const MsgEdges *edges); /* rules; NULL: 0 */

/* `address` is what the sender wrote: "@all" is one of its own. FALSE: `*ret_why` says by which
 * rule of which file. */
gboolean msg_edges_allow(const MsgEdges *edges, const MsgEdgeEnd *from, const MsgEdgeEnd *to,
                         const char *address, char **ret_why);
