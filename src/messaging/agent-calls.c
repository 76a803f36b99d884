/* agent-calls.c: agents are registered, changed, shown, paused and resumed. */
#include "messaging/engine-private.h"

#include <stdarg.h>
#include <string.h>

void msg_log(MsgEngine *e, int level, const char *id, const char *agent, guint64 seq,
             const char *format, ...) {
  MsgNote *note = msg_note_add(e, MSG_NOTE_LOG);
  va_list args;

  note->log_level = level;
  note->log_id = id;
  note->name = g_strdup(agent);
  note->seq = seq;
  va_start(args, format);
  note->cause = g_strdup_vprintf(format, args);
  va_end(args);
}

void msg_agent_changed(MsgEngine *e, MsgAgent *agent) {
  msg_agent_apply_info(agent);
  msg_agent_finish_settings(e, agent);
  g_clear_pointer(&e->roles, g_hash_table_unref);
  g_clear_pointer(&e->topics, g_hash_table_unref);
  msg_agent_write(e, agent);
  msg_agent_note(e, agent);
  msg_touch(e, agent);
}

static MsgAgent *find_own(MsgEngine *e, const MsgCallJob *job, const char *name, GError **error) {
  MsgAgent *agent = msg_agent_find(e, name, error);

  return agent && msg_agent_may(e, agent, job->base.actor, job->base.admin, error) ? agent : NULL;
}

/* The uid that option "uid" gives the agent to. */
static gboolean owner_of(const MsgCallJob *job, GVariant *options, uid_t present, uid_t *ret,
                         GError **error) {
  guint32 uid = present;

  g_variant_lookup(options, "uid", "u", &uid);
  *ret = uid;
  if (uid == job->base.actor->uid || uid == present || job->base.admin || job->base.actor->uid == 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
              "Only an administrator may give an agent to uid %u", uid);
  return FALSE;
}

static void update(MsgEngine *e, MsgCallJob *job, MsgAgent *agent, GVariant *options, uid_t uid) {
  g_autoptr(GVariant) info = msg_agent_merge(agent->info, options, &job->base.job.error);

  if (!info)
    return;
  if (g_variant_equal(info, agent->info) && uid == agent->uid)
    return;
  g_autofree char *policy = g_strdup(agent->policy); /* it is the old info's */
  g_variant_unref(agent->info);
  agent->info = g_steal_pointer(&info);
  if (agent->uid != uid)
    msg_attempts_of_moved(e, agent);
  agent->uid = uid;
  msg_agent_changed(e, agent);
  if (g_strcmp0(policy, agent->policy) != 0)
    msg_attempts_of_policy(e, agent);
}

WgJobResult msg_call_register_agent(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *name;
  g_autoptr(GVariant) options = NULL;
  uid_t uid;

  g_variant_get(job->args, "(&s@a{sv})", &name, &options);
  if (!owner_of(job, options, job->base.actor->uid, &uid, error))
    return WG_JOB_DONE;
  MsgAgent *agent = g_hash_table_lookup(e->agents_by_name, name);
  gboolean created = agent == NULL;
  if (created) {
    agent = msg_agent_create(e, name, uid, options, error);
    if (agent)
      msg_log(e, LOG_INFO, WG_MSG_AGENT_REGISTERED, name, 0,
              "Agent '%s' was registered for uid %u by uid %u", name, uid, job->base.actor->uid);
  } else if (agent->uid != uid) {
    g_set_error(error, WG_ERROR, WG_ERROR_AGENT_EXISTS,
                "Agent '%s' belongs to uid %u already; choose another name", name, agent->uid);
  } else {
    update(e, job, agent, options, uid);
  }
  if (!*error)
    job->result = g_variant_ref_sink(g_variant_new("(sb)", name, created));
  return WG_JOB_DONE;
}

WgJobResult msg_call_update_agent(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *name;
  g_autoptr(GVariant) options = NULL;
  uid_t uid;

  g_variant_get(job->args, "(&s@a{sv})", &name, &options);
  MsgAgent *agent = find_own(e, job, name, error);
  if (!agent || !owner_of(job, options, agent->uid, &uid, error))
    return WG_JOB_DONE;
  update(e, job, agent, options, uid);
  if (!*error)
    job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

static gboolean sees_private(const MsgCallJob *job, const MsgAgent *agent) {
  return job->base.admin || job->base.actor->uid == 0 || job->base.actor->uid == agent->uid;
}

static gboolean has(GVariant *filter, const char *key, char **names) {
  const char *want;

  return !g_variant_lookup(filter, key, "&s", &want) ||
         g_strv_contains((const char *const *)names, want);
}

static gboolean matches(GVariant *filter, const MsgAgent *agent) {
  const char *glob = "*";
  guint32 uid = agent->uid;

  g_variant_lookup(filter, "name", "&s", &glob);
  g_variant_lookup(filter, "uid", "u", &uid);
  return uid == agent->uid && g_pattern_match_simple(glob, agent->name) &&
         has(filter, "role", agent->roles) && has(filter, "topic", agent->topics) &&
         has(filter, "tag", agent->tags) && has(filter, "capability", agent->capabilities);
}

WgJobResult msg_call_list_agents(MsgEngine *e, MsgCallJob *job) {
  g_autoptr(GVariant) filter = g_variant_get_child_value(job->args, 0);
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
  for (guint i = 0; i < e->agents->len; i++) {
    const MsgAgent *agent = e->agents->pdata[i];
    if (agent && !agent->removed && matches(filter, agent))
      g_variant_builder_add_value(&list, msg_agent_entry(e, agent, sees_private(job, agent)));
  }
  job->result = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
  return WG_JOB_DONE;
}

WgJobResult msg_call_get_agent(MsgEngine *e, MsgCallJob *job) {
  const char *name;

  g_variant_get(job->args, "(&s)", &name);
  MsgAgent *agent = msg_agent_find(e, name, &job->base.job.error);
  if (agent)
    job->result = g_variant_ref_sink(
        g_variant_new("(@a{sv})", msg_agent_entry(e, agent, sees_private(job, agent))));
  return WG_JOB_DONE;
}

#define REASON_MAX 1024

WgJobResult msg_call_pause_agent(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *name, *reason = NULL;
  g_autoptr(GVariant) options = NULL;
  guint64 until = 0;

  g_variant_get(job->args, "(&s@a{sv})", &name, &options);
  g_variant_lookup(options, "until", "t", &until);
  g_variant_lookup(options, "reason", "&s", &reason);
  MsgAgent *agent = find_own(e, job, name, error);
  if (!agent)
    return WG_JOB_DONE;
  if ((until > 0 && until <= (guint64)e->now_real) || until > G_MAXINT64 ||
      (reason && strlen(reason) > REASON_MAX)) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        until > 0 && until <= (guint64)e->now_real
                            ? "Option 'until' lies in the past; it is a time, not a duration"
                            : "Option 'until' is out of range, or 'reason' over 1024 bytes");
    return WG_JOB_DONE;
  }
  agent->paused = TRUE;
  agent->paused_until = until;
  g_free(agent->pause_reason);
  agent->pause_reason = g_strdup(reason);
  e->due_changed = TRUE; /* the end of the pause is looked for */
  msg_agent_changed(e, agent);
  msg_log(e, LOG_NOTICE, WG_MSG_AGENT_PAUSED, name, 0,
          "Agent '%s' was paused by uid %u%s%s; its mail waits", name, job->base.actor->uid,
          reason ? ": " : "", reason ? reason : "");
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

void msg_agent_resume(MsgEngine *e, MsgAgent *agent) {
  if (!agent->paused)
    return;
  agent->paused = FALSE;
  agent->paused_until = 0;
  g_clear_pointer(&agent->pause_reason, g_free);
  msg_agent_changed(e, agent);
}

WgJobResult msg_call_resume_agent(MsgEngine *e, MsgCallJob *job) {
  const char *name;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(&s@a{sv})", &name, &options);
  MsgAgent *agent = find_own(e, job, name, &job->base.job.error);
  if (!agent)
    return WG_JOB_DONE;
  msg_agent_resume(e, agent);
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}
