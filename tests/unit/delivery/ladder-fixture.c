/* ladder-fixture.c: see ladder-fixture.h. */
#include "ladder-fixture.h"

#include "common/amounts.h"

#include <string.h>

void world_init(World *w, const char *policy) {
  *w = (World){.policy = fixture_policy(policy)};
  w->rungs = g_new0(DlvRung, w->policy->n_entries);
  w->mail = g_ptr_array_new_with_free_func(g_free);
  w->now = (DlvNow){.boot = 1000 * SEC, .real = NOON, .zone = g_time_zone_new_utc()};
}

void world_clear(World *w) {
  g_clear_pointer(&w->report.cause, g_free);
  g_ptr_array_unref(w->mail);
  g_free(w->rungs);
  dlv_policy_unref(w->policy);
  g_time_zone_unref(w->now.zone);
}

void world_pass(World *w, gint64 usec) {
  w->now.boot += usec;
  w->now.real += usec;
}

DlvMail *world_mail(World *w, guint8 priority) {
  DlvMail *mail = g_new(DlvMail, 1);

  dlv_mail_init(mail, w->mail->len + 1, priority, w->now.real, 0, FALSE);
  g_ptr_array_add(w->mail, mail);
  return mail;
}

static void say_answer(GString *text, guint i, const DlvAnswer *answer) {
  g_autofree char *span = wg_span_text(answer->wait);

  switch (answer->verdict) {
  case DLV_RUN:
    g_assert_null(answer->why);
    break;
  case DLV_WAIT:
    g_assert_null(answer->why);
    g_string_append_printf(text, " | %u waits", i);
    break;
  case DLV_HOLD:
    g_assert_cmpuint(answer->wait, >, 0);
    g_string_append_printf(text, " | %u hold %s: %s", i, span, answer->why);
    break;
  case DLV_FINISHED:
    g_string_append_printf(text, " | %u finished: %s", i, answer->why);
    break;
  }
}

char *world_decide(World *w) {
  g_autoptr(DlvDecision) d = dlv_ladder_decide(
      w->policy, w->rungs, &w->agent, (DlvMail *const *)w->mail->pdata, w->mail->len, &w->now);
  GString *text = g_string_new(NULL);

  g_assert_cmpuint(d->n_answers, ==, w->mail->len);
  g_assert_cmpuint(strlen(d->explanation), >, 5);
  if (d->entry >= 0) {
    w->run = (DlvRun){.entry = (guint)d->entry};
    g_string_append_printf(text, "%s:", w->policy->entries[d->entry].name);
    for (guint i = 0; i < d->n_run; i++)
      g_string_append_printf(text, " %u", d->run[i]);
  } else
    g_string_append_c(text, '-');
  for (guint i = 0; i < d->n_answers; i++)
    say_answer(text, i, &d->answers[i]);
  return g_string_free(text, FALSE);
}

void world_expect(World *w, const char *expected) {
  g_autofree char *decision = world_decide(w);
  g_assert_cmpstr(decision, ==, expected);
}

void world_result(World *w, guint i, DlvResult result, guint64 retry, const char *expected) {
  static const char *const tells[] = {"", "ack", "nack", "fail", "crash", "terminate"};
  g_autofree char *why = g_strdup_printf("cause %u", i);
  g_autoptr(GString) text = g_string_new(NULL);

  g_free(w->report.cause);
  w->report = dlv_ladder_next(w->policy, w->rungs, &w->agent, &w->run, w->mail->pdata[i], result,
                              retry, why, &w->now);
  const DlvReport *r = &w->report;
  g_autofree char *span = wg_span_text(r->retry);
  g_assert_nonnull(strstr(r->cause, why));
  g_string_append(text, r->tell == DLV_TELL_REPORT ? r->result : tells[r->tell]);
  if (r->tell == DLV_TELL_REPORT)
    g_string_append_printf(text, " step %u", r->step);
  if (r->go_on)
    g_string_append(text, " continue");
  if (r->retry)
    g_string_append_printf(text, " retry %s", span);
  if (r->done)
    g_string_append(text, " done");
  g_assert_cmpstr(text->str, ==, expected);
}

void world_drop(World *w, guint i) {
  g_ptr_array_remove_index(w->mail, i);
}
