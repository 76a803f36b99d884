/* pending.c: duties that are not there yet; each call says so. */
#include "messaging/engine-private.h"

static WgJobResult pending(MsgCallJob *job) {
  g_set_error_literal(&job->base.job.error, WG_ERROR, WG_ERROR_FAILED,
                      "This call is not there yet");
  return WG_JOB_DONE;
}
WgJobResult msg_call_import(MsgEngine *e, MsgCallJob *job) {
  return pending(job);
}
WgJobResult msg_call_check(MsgEngine *e, MsgCallJob *job) {
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
