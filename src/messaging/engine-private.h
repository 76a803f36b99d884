/* engine-private.h: what the engine's files do for each other; the structs are in engine-state.h.
 *
 * Everything here belongs to the writer thread. Memory is a cache of the store: counts, windows and
 * caches can be thrown away at any time between batches and are built again from it (that is what a
 * rolled back batch does); leases and parked calls are the only state that memory alone holds, and
 * msg_undo_* brings leases back to what they were before the batch. */
#pragma once

#include "common/log.h"
#include "messaging/engine-state.h"

/* ---- schema.c ---- */
gboolean msg_schema_prepare(MsgEngine *e, GError **error);
void msg_schema_finalize(MsgEngine *e); /* the store was opened anew */
void msg_schema_forget(MsgEngine *e);   /* it was closed */
/* Runs a statement that returns no row, resets it; on failure rolls the batch back. */
gboolean msg_sql_run(MsgEngine *e, sqlite3_stmt *stmt);
/* A batch cannot go on: `e->failed` is set until it is rolled back. */
void msg_fail(MsgEngine *e, const char *doing);
/* ---- sql.c: statements that are too rare to be kept ---- */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
/* NULL: the batch failed. */
sqlite3_stmt *msg_rare(MsgEngine *e, const char *text);
/* `%s` in `text` becomes "main" or "vol". */
sqlite3_stmt *msg_rare_in(MsgEngine *e, gboolean is_volatile, const char *text);
/* Runs one that returns no row; `stmt` stays the caller's. FALSE: the batch failed. */
gboolean msg_rare_run(MsgEngine *e, sqlite3_stmt *stmt);
/* The next row; FALSE: there is none, or the batch failed. */
gboolean msg_rare_row(MsgEngine *e, sqlite3_stmt *stmt);
gboolean msg_meta_put(MsgEngine *e, const char *key, gint64 value);

static inline sqlite3_stmt *msg_sql(MsgEngine *e, gboolean is_volatile, MsgSql which) {
  return e->sql[is_volatile ? 1 : 0][which];
}

/* ---- message.c ---- */
gboolean msg_message_store(MsgEngine *e, MsgMessage *message); /* and caches it when it is small */
/* NULL: there is none (error UnknownMessage), or it is damaged (quarantined). A reference. */
MsgMessage *msg_message_load(MsgEngine *e, guint64 seq, gboolean with_body, GError **error);
void msg_message_forget(MsgEngine *e, guint64 seq);
void msg_message_cache_clear(MsgEngine *e);
/* The same for a caller: it must be the sender's uid, the owner of a recipient, or an
 * administrator. */
MsgMessage *msg_message_for(MsgEngine *e, const MsgJob *job, guint64 seq, gboolean with_body,
                            GError **error);
/* message-show.c: how messages and deliveries are shown. */
GVariant *msg_message_head(const MsgMessage *message); /* a{sv}, full; NULL: none */
/* The traceparent that a stored message carries, as it was given; NULL: none. (transfer full) */
char *msg_message_trace(MsgEngine *e, guint64 seq);
char *msg_message_from(MsgEngine *e, const MsgMessage *message);
/* The keys that Receive gives, too, and message, from, size; not the body. */
void msg_message_fields(MsgEngine *e, const MsgMessage *message, GVariantBuilder *into);
void msg_field_put(GVariantBuilder *into, const char *key, GVariant *value); /* a{sv} */
char *msg_live_reason(const MsgLive *live); /* cause of the last receipt with one; NULL: none */
/* Whether the caller may see and act on this delivery: it sent it, or owns its agent, or is an
 * administrator. */
gboolean msg_delivery_visible(MsgEngine *e, const MsgJob *job, const MsgMessage *message,
                              const MsgAgent *agent);
/* A delivery that may be final. Borrowed or `*ret_done` (the caller's) and the same; NULL: none. */
const MsgLive *msg_delivery_get(MsgEngine *e, guint64 place, MsgLive **ret_done);
/* The place of the message's delivery to `agent`; 0 if it was not sent there. */
guint64 msg_message_place(const MsgMessage *message, guint agent);

/* ---- live.c ---- */
void msg_live_read(MsgLive *live); /* just unpacked: which rows stand beside it */
/* live-mend.c: what a damaged record becomes; its rows beside it are written with it. */
MsgLive *msg_live_rebuild(MsgEngine *e, guint64 place, const void *bytes, gsize size);
/* Its message is damaged: a dead letter. */
void msg_live_corrupt(MsgEngine *e, MsgAgent *agent, MsgLive *live);
/* A row of `due` or `calendar` was not true: makes it what the delivery says. */
void msg_live_time_row(MsgEngine *e, guint64 place, gboolean calendar);
/* The hash of an agent and an ordering key; never 0, which stands for none. */
guint64 msg_key_hash(guint agent, const char *key);
/* Reads a delivery that is not final: cache, lease or store. Borrowed; NULL: none such. */
MsgLive *msg_live_get(MsgEngine *e, guint64 place);
/* Between batches only, since lives are lent out within one: drops those that are not leased when
 * there are many. */
void msg_live_cache_trim(MsgEngine *e, gboolean all);
/* A final delivery; owned by the caller; NULL: none. */
MsgLive *msg_done_get(MsgEngine *e, guint64 place);
gboolean msg_done_put(MsgEngine *e, MsgLive *live); /* after a later receipt */
/* Takes a new delivery over: inserts, counts, puts it in its window. */
void msg_live_add(MsgEngine *e, MsgAgent *agent, MsgLive *live);
/* Takes over one that is final already: it is stored as that and freed. Tells nobody. */
void msg_live_add_final(MsgEngine *e, MsgAgent *agent, MsgLive *live);
/* Moves a delivery to `state` with its receipt and writes it; a final state frees `live`.
 * Everything that depends on it follows: counts, windows, ordering key, waiters, watchers. */
void msg_live_move(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState state,
                   const MsgActor *actor, const char *cause);
/* A receipt that changes no state. */
void msg_live_save(MsgEngine *e, MsgLive *live); /* other fields than the state changed */
void msg_live_note(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState event,
                   const MsgActor *actor, const char *cause);
/* Back to the queue (or dead, or expired) after a lease ended without an ack. `delay` us,
 * G_MAXUINT64: the back-off. */
void msg_live_return(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgNackMode mode, guint64 delay,
                     const MsgActor *actor, const char *cause);
/* A delivery of `agent` goes from one state to another, for the counts; MSG_STATE_NONE: none. */
void msg_count_move(MsgEngine *e, MsgAgent *agent, guint64 place, MsgState from, MsgState to);
/* Adds it to what its agent and its sender have outstanding. */
void msg_live_count_size(MsgEngine *e, MsgAgent *agent, MsgLive *live);
void msg_live_index(MsgEngine *e, MsgLive *live); /* writes the rows beside it anew */
guint32 msg_actor_row(MsgEngine *e, const MsgActor *actor);
char *msg_actor_text(MsgEngine *e, guint32 row); /* "uid:0 pid:1 unit:x", free */

/* ---- ready-window.c: the queued deliveries of a level, and whose turn it is ---- */
void msg_level_clear(MsgLevel *level);
void msg_window_add(MsgLevel *level, guint32 sender, guint64 seq); /* queued; may find no room */
void msg_window_pass(MsgLevel *level, guint64 seq);   /* queued, and not to be handed out now */
void msg_window_remove(MsgLevel *level, guint64 seq); /* its sender goes to the end */
void msg_window_put(MsgLevel *level, MsgTurn *turn, guint64 seq); /* whether there is room or not */
/* What the sender has in the store alone begins at `seq` now; 0: there is nothing. */
void msg_window_take_up(MsgLevel *level, MsgTurn *turn, guint64 seq);
/* The first of the rotation, when it has no number, goes to the end or away. FALSE: it has. */
gboolean msg_window_next(MsgLevel *level);
void msg_window_complete(MsgLevel *level); /* the store has nothing beyond */
guint64 msg_window_first(const MsgLevel *level, const MsgTurn *turn); /* it must have one */
guint64 msg_window_after(const MsgLevel *level, guint64 seq);         /* 0: none */

/* ---- ready.c: which delivery is next ---- */
void msg_ready_insert(MsgEngine *e, MsgAgent *agent, MsgLive *live); /* now queued */
void msg_ready_remove(MsgEngine *e, MsgAgent *agent, guint64 place); /* no longer queued */
void msg_ready_key_freed(MsgEngine *e, MsgAgent *agent,
                         guint64 okey); /* its first delivery ended */
/* The next delivery of the agent by priority and age; borrowed; NULL: none. */
MsgLive *msg_ready_peek(MsgEngine *e, MsgAgent *agent);
/* The first number of the level's window after `seq`; 0: none. */
guint64 msg_ready_after(MsgAgent *agent, guint rank, gboolean is_volatile, guint64 seq);
/* Up to which number the window knows the store; G_MAXUINT64: all of it. */
guint64 msg_ready_loaded(const MsgAgent *agent, guint rank, gboolean is_volatile);
/* It comes before all others of its ordering key, and none of them is being handled. */
gboolean msg_ready_is_turn(MsgEngine *e, const MsgLive *live);
void msg_touch(MsgEngine *e,
               MsgAgent *agent); /* look after this batch whether somebody waits for its mail */

/* ---- lease.c ---- */
/* Leases `live` (queued) and gives what the receiver gets; NULL when the message is damaged (then
 * it is dead). */
typedef struct {
  MsgActor *actor;
  guint64 lease;
  gboolean detach, no_body, bound; /* bound: to the caller's connection */
} MsgLeaseTerms;
MsgDelivery *msg_lease_take(MsgEngine *e, MsgAgent *agent, MsgLive *live,
                            const MsgLeaseTerms *terms);
MsgLease *msg_lease_restore(MsgEngine *e, MsgAgent *agent, MsgLive *live); /* detached, at start */
MsgLease *msg_lease_of(MsgEngine *e, const MsgLive *live); /* NULL: none in memory */
gboolean msg_lease_has_key(MsgEngine *e, guint64 okey);    /* one of this ordering key is handled */
void msg_lease_drop(MsgEngine *e,
                    MsgLease *lease); /* forgets it (undoable), gives the live back to the cache */
void msg_lease_changed(MsgEngine *e, MsgLease *lease); /* keep a copy before changing it */
void msg_lease_timeout(MsgEngine *e, MsgLease *lease);
void msg_lease_free(MsgLease *lease);
/* What a receiver is given; `to`: the recipient, for mail that was not sent to a group. */
MsgDelivery *msg_delivery_make(MsgEngine *e, const MsgMessage *message, const MsgLive *live,
                               const char *to, gboolean no_body);
void msg_undo_commit(MsgEngine *e);
void msg_undo_rollback(MsgEngine *e, guint64 batch);

/* ---- pressure.c ---- */
void msg_pressure_relieve(MsgEngine *e);
/* Nothing more is pushed to this connection before a lease of it ends. */
gboolean msg_pressure_holds(const MsgEngine *e, const MsgClient *client);
/* A lease of it has ended: the agents that it subscribes to are looked at. */
void msg_pressure_touch(MsgEngine *e, const MsgClient *client);

/* ---- receive.c ---- */
void msg_commit_note(MsgEngine *e); /* after each commit: what becomes of its mail on the disk */
void msg_receive_finish(MsgEngine *e,
                        MsgReceiveJob *job);      /* parked: completes it with what it has */
void msg_dispatch(MsgEngine *e, MsgAgent *agent); /* ready mail to those who wait */
void msg_receive_unpark_batch(MsgEngine *e, guint64 batch);

/* ---- clients.c ---- */
MsgClient *msg_client_get(MsgEngine *e, guint64 caller, gboolean make);
void msg_client_check(MsgEngine *e, MsgClient *client); /* frees it when it holds nothing */

/* ---- timers.c ---- */
void msg_timer_add(MsgEngine *e, MsgTimer *timer, gint64 when);
void msg_timer_remove(MsgEngine *e, MsgTimer *timer);
void msg_timers_run(MsgEngine *e); /* those that are due */
void msg_timers_tell(
    MsgEngine *e); /* before the commit: MSG_NOTE_WAKE when something is due earlier than armed */
/* FALSE: the store takes nothing now; what is due waits, and ticks look again every 2 s. */
gboolean msg_may_write(MsgEngine *e);
void msg_wake_now(MsgEngine *e); /* another tick at once: a long job goes on in its next slice */

/* ---- agents.c, agent-store.c, agent-calls.c, recipients.c ---- */
gboolean msg_agents_load(MsgEngine *e, GError **error);
void msg_agent_free(MsgAgent *agent);
/* After a roll-back: counts and windows anew, and the rows when the batch changed some. */
void msg_agents_reload(MsgEngine *e);
/* Writes the agent's row, so that a roll-back knows to read the rows again. */
gboolean msg_agent_write(MsgEngine *e, MsgAgent *agent);
/* The row, everything that is derived from it, and a note. */
void msg_agent_changed(MsgEngine *e, MsgAgent *agent);
/* agent-options.c: `info` with `options` put over it, as a new full reference; NULL: one of them
 * cannot be. Knows "unset"; leaves "uid" to the caller. */
GVariant *msg_agent_merge(GVariant *info, GVariant *options, GError **error);
/* agent-remove.c: a removed agent's mail becomes dead letters, slice by slice. */
void msg_sweep_step(MsgEngine *e);
guint64 msg_agent_waiting(const MsgAgent *agent); /* all that is not final */
void msg_log(MsgEngine *e, int level, const char *id, const char *agent, guint64 seq,
             const char *format, ...) G_GNUC_PRINTF(6, 7); /* MSG_NOTE_LOG */
MsgAgent *msg_agent_find(MsgEngine *e, const char *name,
                         GError **error); /* UnknownAgent with near names */
MsgAgent *msg_agent_by_id(MsgEngine *e, guint id);
gboolean msg_agent_may(MsgEngine *e, const MsgAgent *agent, const MsgActor *actor, gboolean admin,
                       GError **error);
/* Somebody waits for its mail, or took some a moment ago. */
gboolean msg_agent_reads(MsgEngine *e, const MsgAgent *agent);
void msg_agent_dirty(MsgEngine *e, MsgAgent *agent);
void msg_agents_flush(MsgEngine *e);
void msg_agent_apply_info(MsgAgent *agent);                    /* parsed fields from agent->info */
void msg_agent_finish_settings(MsgEngine *e, MsgAgent *agent); /* defaults of the configuration */
GVariant *msg_agent_entry(MsgEngine *e, const MsgAgent *agent,
                          gboolean private_too);    /* a{sv} of ListAgents */
void msg_agent_note(MsgEngine *e, MsgAgent *agent); /* MSG_NOTE_AGENT */
void msg_agent_resume(MsgEngine *e, MsgAgent *agent);
gboolean msg_agent_is_paused(MsgEngine *e, MsgAgent *agent);
MsgAgent *msg_agent_create(MsgEngine *e, const char *name, uid_t uid, GVariant *options,
                           GError **error);
/* Mail of agent `id` is there, but its row is not: it is given to root. NULL: it cannot be. */
MsgAgent *msg_agent_adopt(MsgEngine *e, guint id);
/* Agents that `to` stands for; adds to `into`. FALSE: error set, also when `from` may not send to
 * one of them. `*ret_group`: role, topic or @all. */
gboolean msg_recipients(MsgEngine *e, const MsgEdgeEnd *from, const char *to, GPtrArray *into,
                        gboolean *ret_group, GError **error);
/* Whether the rules allow that mail; `from` as of msg_edge_from(). NotAuthorized: names the rule.
 */
gboolean msg_edge_check(MsgEngine *e, const MsgEdgeEnd *from, const MsgAgent *to,
                        const char *address, GError **error);
MsgEdgeEnd msg_edge_from(MsgEngine *e, const MsgSender *sender); /* lives as long as the agent */

/* ---- senders.c, limits.c ---- */
MsgSender *msg_sender_get(MsgEngine *e, uid_t uid, const char *name); /* NULL: the batch failed */
MsgSender *msg_sender_by_id(MsgEngine *e, guint32 id);
guint msg_sender_hash(gconstpointer sender);
gboolean msg_sender_equal(gconstpointer a, gconstpointer b);
void msg_sender_free(MsgSender *sender);
void msg_sender_dirty(MsgEngine *e, MsgSender *sender);
void msg_senders_flush(MsgEngine *e);
char *msg_sender_text(const MsgSender *sender); /* "name" or "uid:N" */
gboolean msg_quota_check(MsgEngine *e, MsgAgent *agent, MsgSender *sender, guint64 size,
                         guint64 *ret_retry, GError **error);
void msg_quota_take(MsgEngine *e, MsgAgent *agent, MsgSender *sender); /* the rate's tokens */

/* ---- pairs.c: each sender's numbers at each receiver ---- */
/* The next one; 0: the batch failed. */
guint64 msg_pair_next(MsgEngine *e, gboolean is_volatile, guint32 sender, guint agent);
/* What the message has at `agent`; 0: none (imported, or of an older version). */
guint64 msg_message_sequence(const MsgMessage *message, guint agent);
/* A message with a number goes, or gets another one: this commit writes the last numbers. */
void msg_pairs_keep(MsgEngine *e);
void msg_pairs_flush(MsgEngine *e);  /* before the commit */
void msg_pairs_forget(MsgEngine *e); /* memory is not what the store has */
void msg_pairs_salvaged(MsgEngine *e);
void msg_pairs_init(MsgEngine *e);
void msg_pairs_free(MsgEngine *e);

/* ---- replies.c: who still owes an answer ---- */
void msg_reply_expect(MsgEngine *e, guint64 seq, guint64 within);
void msg_reply_came(MsgEngine *e, guint64 seq);
/* Message `seq` is agent `from`'s answer to the delivery at `place`. */
void msg_reply_note(MsgEngine *e, MsgAgent *from, guint64 place, guint64 seq,
                    const MsgActor *actor);
void msg_replies_run(MsgEngine *e);    /* those overdue */
gint64 msg_replies_next(MsgEngine *e); /* lasting time, 0: none */

/* ---- notes, waits, watches ---- */
MsgNote *msg_note_add(MsgEngine *e, MsgNoteKind kind);
MsgNote *msg_note_add_early(MsgEngine *e, MsgNoteKind kind);
void msg_note_free(MsgNote *note);
void msg_notes_send(MsgEngine *e);
/* A receipt was recorded: tell who waits for it or watches. */
void msg_event_happened(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                        const MsgActor *actor, const char *cause);
void msg_waits_init(MsgEngine *e);
void msg_waits_run(MsgEngine *e); /* end of a batch */
void msg_waits_unpark_batch(MsgEngine *e, guint64 batch);
void msg_watches_tell(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                      const MsgActor *actor, const char *cause);
void msg_call_finish(MsgEngine *e, MsgCallJob *job); /* a parked call: its answer by its kind */

/* ---- the rare calls: each sets job->result or job->base.job.error ---- */
typedef WgJobResult (*MsgCallFunc)(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_register_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_update_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unregister_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_agents(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_pause_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_resume_agent(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_cancel(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_hold(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_release(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_message(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_receipts(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_wait(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_find_message(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_messages(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_list_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_requeue_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_purge_dead(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_get_statistics(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_import(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_check(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_subscribe(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_add_credits(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unsubscribe(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_watch(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_unwatch(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_register_courier(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_lease_attempts(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_report_attempts(MsgEngine *e, MsgCallJob *job);
WgJobResult msg_call_take_attempts(MsgEngine *e, MsgCallJob *job);
/* slices.c: a call in small steps, one each tick. `state` is copied, plain memory. `last`: answer
 * with what there is, the client is gone or the service leaves. TRUE: the answer is made. */
typedef gboolean (*MsgSliceFunc)(MsgEngine *e, MsgCallJob *job, gpointer state, gboolean last);
WgJobResult msg_slices_park(MsgEngine *e, MsgCallJob *job, MsgSliceFunc step, gconstpointer state,
                            gsize size);
void msg_slices_step(MsgEngine *e);
void msg_slices_finish(MsgEngine *e, MsgCallJob *job);
void msg_slices_rollback(MsgEngine *e, guint64 writer_batch);
/* retention.c: writes the newest number, so that it never comes again though its row may go. */
void msg_numbers_keep(MsgEngine *e);
/* recover.c. At the start and after the store was opened anew; reports by a note. */
void msg_recover(MsgEngine *e, gboolean salvaged);
void msg_recover_step(MsgEngine *e); /* in a tick: what could not be written then */
void msg_recover_reopened(MsgEngine *e, gboolean salvaged);
void msg_recount(MsgEngine *e); /* all counts from the rows */
/* One agent's, without last_seen. */
void msg_count_rows(MsgEngine *e, const MsgAgent *agent, gboolean is_volatile, MsgCounts *ret);
/* engine.c: memory as the store has it, between batches. */
void msg_memory_reset(MsgEngine *e);
/* Slices of background work, in tick jobs. */
void msg_retention_step(MsgEngine *e);
/* Couriers: mail of `agent` is ready and nobody waits for it. */
void msg_courier_offer(MsgEngine *e, MsgAgent *agent);
void msg_courier_gone(MsgEngine *e, MsgClient *client);
void msg_attempts_finish(MsgEngine *e, MsgCallJob *job); /* a parked LeaseAttempts */
void msg_attempts_unpark_batch(MsgEngine *e, guint64 batch);
void msg_courier_init(MsgEngine *e);
void msg_courier_free(MsgEngine *e);
void msg_attempt_timeout(MsgEngine *e, gpointer attempt);
void msg_absence_timeout(MsgEngine *e, gpointer absence);
/* Forgets who was missed, and finds it out again: at the start, with new settings. */
void msg_absences_look_again(MsgEngine *e);
void msg_attempt_queued(MsgEngine *e, MsgAgent *agent, guint64 place); /* it is in the queue */
/* It belongs to another user now: the couriers of the old one have nothing to do with its mail. */
void msg_attempts_of_moved(MsgEngine *e, MsgAgent *agent);
/* It has another policy: what waits for its next attempt and was not announced is offered at once,
 * from the first step on. */
void msg_attempts_of_policy(MsgEngine *e, MsgAgent *agent);
void msg_attempts_look_on(MsgEngine *e); /* in a tick: what a batch had no time to look at */
gboolean msg_attempt_waits(MsgEngine *e, MsgAgent *agent);
void msg_attempts_commit(MsgEngine *e);
void msg_watch_gone(MsgEngine *e, MsgClient *client);
void msg_subscription_free(MsgEngine *e, MsgSubscription *subscription);
void msg_watches_free(MsgEngine *e);
void msg_watches_rollback(MsgEngine *e); /* those that this batch made */
void msg_subscriptions_rollback(MsgEngine *e);
void msg_subscription_change(MsgEngine *e, MsgSubscription *s); /* before its credits change */
