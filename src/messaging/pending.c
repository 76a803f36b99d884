/* pending.c: duties that are not there yet; each call says so. */
#include "messaging/engine-private.h"

static WgJobResult pending(MsgCallJob *job) {
  g_set_error_literal(&job->base.job.error, WG_ERROR, WG_ERROR_FAILED,
                      "This call is not there yet");
  return WG_JOB_DONE;
}
WgJobResult msg_call_cancel(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_hold(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_release(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_get_message(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_get_receipts(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_find_message(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_list_messages(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_list_dead(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_requeue_dead(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_purge_dead(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_get_statistics(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_import(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_check(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_watch(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_unwatch(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_register_courier(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_lease_attempts(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
void msg_retention_step(MsgEngine *e) {
}
void msg_check_step(MsgEngine *e) {
}
void msg_courier_offer(MsgEngine *e, MsgAgent *agent) {
}
void msg_courier_gone(MsgEngine *e, MsgClient *client) {
}
void msg_attempts_finish(MsgEngine *e, MsgCallJob *job) {
}
void msg_attempts_unpark_batch(MsgEngine *e, guint64 batch) {
}
void msg_courier_init(MsgEngine *e) {
}
void msg_courier_free(MsgEngine *e) {
}
void msg_attempt_timeout(MsgEngine *e, gpointer attempt) {
}
void msg_watch_gone(MsgEngine *e, MsgClient *client) {
}
void msg_watches_free(MsgEngine *e) {
}
void msg_watches_rollback(MsgEngine *e) {
}
void msg_watches_tell(MsgEngine *e, MsgAgent *agent, guint64 seq, MsgState state,
                      const MsgActor *actor, const char *cause) {
}
void msg_reply_expect(MsgEngine *e, guint64 seq, guint64 within) {
}
void msg_reply_came(MsgEngine *e, guint64 seq) {
}
void msg_replies_run(MsgEngine *e) {
}
gint64 msg_replies_next(MsgEngine *e) {
  return 0;
}
