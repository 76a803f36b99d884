/* test-ladder-random.c: random agents on random ladders for hours of their time, with a model of
 * messaged and of each rule beside them: every job is compared with what may run, by rules that are
 * written here once more, and simpler. The seed is printed, and taken from LADDER_SEED. */
#include "ladder-fixture.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES 40
#define WORLDS 400
#define DURATION (8 * HOUR)
#define STEPS_MAX 30000

/* What messaged, and an onlooker, know of a message. */
typedef struct {
  DlvMail mail;
  guint stored_step;
  gboolean known;                 /* the courier remembers it */
  gboolean announced, over;       /* over: nothing may run for it again */
  guint announced_at;             /* rung */
  gint64 announced_time, offered; /* offered: BOOTTIME of the next offer */
} Letter;

/* What an onlooker knows of a rung. */
typedef struct {
  guint failed; /* jobs in a row */
  gint64 paused_until, open_until;
  gint64 pause;
} Seen;

typedef struct {
  World w;
  GRand *rand;
  Letter letters[MESSAGES];
  guint n_letters, n_rung; /* doorbells */
  Seen seen[DLV_POLICY_ENTRIES_MAX];
  gint64 begin;
  guint n_steps, bad; /* bad: a rung that hardly ever works, in some worlds */
  gboolean kind;      /* at the end everything works */
} Sim;

static guint pick(Sim *s, guint n) {
  return (guint)g_rand_int_range(s->rand, 0, (gint)n);
}

static const char *any(Sim *s, const char *const *texts, guint n) {
  return texts[pick(s, n)];
}
#define ANY(s, ...)                                                                                \
  any(s, (const char *const[]){__VA_ARGS__},                                                       \
      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* What the worlds together have seen, so that the test cannot become an empty one. */
static struct { guint jobs, escalations, opened, probes, restarts; } total;

/* ---- a policy ---- */
static void add_entry(Sim *s, GString *json, guint i) {
  g_string_append_printf(json, "%s{'name': 'e%u', 'use': %s", i ? ", " : "", i,
                         ANY(s, "'bell', 'place': 'x'", "'chime'", "'box'", "'worker'"));
  g_string_append(json, ANY(s, "", ", 'escalate': '1s'", ", 'escalate': '7min'"));
  g_string_append(json, ANY(s, "", ", 'hold-max': 0", ", 'hold-max': 40", ", 'hold-max': '1h'",
                            ", 'hold-max': 'infinity'"));
  g_string_append(json, ANY(s, "", "", ", 'retry': 1", ", 'retry': '5min'"));
  g_string_append_printf(json, ", 'if': {'x-none': 1%s%s%s}}",
                         ANY(s, "", "", ", 'priority': '>=5'", ", 'priority': '2..8'"),
                         ANY(s, "", "", "", ", 'idle': '2min'"),
                         ANY(s, "", "", "", ", 'hours': ['12:30-14:00', 'Mon 15:00-01:00']"));
}

static char *any_policy(Sim *s) {
  GString *json = g_string_new("{'backends': [");
  guint n = 1 + pick(s, 5);

  for (guint i = 0; i < n; i++)
    add_entry(s, json, i);
  g_string_append_printf(
      json, "]%s%s%s}",
      ANY(s, "", "",
          ", 'quiet': [{'hours': '13:00-13:45', 'except-priority': '>=7'},"
          "{'hours': ['13:40-14:10', '18:00-18:01']}]"),
      ANY(s, "", ", 'rate': {'max': 1, 'per': '10s'}", ", 'rate': {'max': 5, 'per': '10min'}"),
      ANY(s, "", "", ", 'digest': {'window': '30s'}"));
  return g_string_free(json, FALSE);
}

/* ---- the rules, once more ---- */
static void check_conditions(Sim *s, const DlvMail *mail, const DlvEntry *entry) {
  const DlvPolicy *policy = s->w.policy;
  const DlvNow *now = &s->w.now;

  g_assert_true(dlv_priorities_have(entry->conditions.priorities, mail->priority));
  g_assert_true(!entry->conditions.hours ||
                dlv_hours_holds(entry->conditions.hours, now->real, now->zone));
  g_assert_true(!entry->conditions.idle || s->w.agent.last_seen == 0 ||
                now->real - s->w.agent.last_seen >= (gint64)entry->conditions.idle);
  for (guint i = 0; i < policy->n_quiet; i++)
    g_assert_true(dlv_priorities_have(policy->quiet[i].except, mail->priority) ||
                  !dlv_hours_holds(policy->quiet[i].hours, now->real, now->zone));
}

static void check_may_run(Sim *s, const Letter *letter, guint rung) {
  const DlvEntry *entry = &s->w.policy->entries[rung];

  g_assert_false(letter->over);
  g_assert_cmpint(s->w.now.boot, >=, letter->offered);
  check_conditions(s, &letter->mail, entry);
  total.escalations += letter->announced;
  if (letter->announced) { /* a second time only as an escalation, further up, when it is time */
    const DlvEntry *before = &s->w.policy->entries[letter->announced_at];
    g_assert_cmpuint(before->escalate, >, 0);
    g_assert_cmpuint(rung, >, letter->announced_at);
    g_assert_cmpint(s->w.now.boot - letter->announced_time, >=, (gint64)before->escalate);
  }
}

static void check_job(Sim *s, const DlvDecision *d, Letter *const *offered) {
  const DlvEntry *entry = &s->w.policy->entries[d->entry];
  const Seen *seen = &s->seen[d->entry];
  guint best = 0;

  g_assert_cmpuint(d->n_run, >, 0);
  g_assert_true(!entry->class->max_messages || d->n_run <= entry->class->max_messages);
  g_assert_cmpint(s->w.now.boot, >=, seen->paused_until);
  g_assert_cmpint(s->w.now.boot, >=, seen->open_until);
  total.probes += seen->failed >= DLV_BREAKER_FAILURES;
  if (seen->failed >= DLV_BREAKER_FAILURES && !dlv_is_doorbell(entry->class))
    g_assert_cmpuint(d->n_run, ==, 1);
  for (guint i = 0; i < d->n_answers; i++)
    if (d->answers[i].verdict == DLV_RUN || d->answers[i].verdict == DLV_WAIT)
      best = MAX(best, offered[i]->mail.priority);
  g_assert_cmpuint(offered[d->run[0]]->mail.priority, ==, best);
  for (guint i = 0; i < d->n_run; i++) {
    g_assert_cmpint(d->answers[d->run[i]].verdict, ==, DLV_RUN);
    g_assert_cmpuint(d->answers[d->run[i]].step, ==, (guint)d->entry);
    check_may_run(s, offered[d->run[i]], (guint)d->entry);
  }
}

static void check_words(const DlvDecision *d, guint n_entries) {
  guint n_run = 0;

  g_assert_true(g_utf8_validate(d->explanation, -1, NULL));
  g_assert_null(strchr(d->explanation, '\n'));
  g_assert_cmpuint(strlen(d->explanation), >, 10);
  for (guint i = 0; i < d->n_answers; i++) {
    const DlvAnswer *a = &d->answers[i];
    n_run += a->verdict == DLV_RUN;
    if (a->verdict == DLV_WAIT)
      g_assert_cmpint(d->entry, >=, 0);
    if (a->verdict == DLV_HOLD) {
      g_assert_cmpuint(a->wait, >=, 1);
      g_assert_cmpuint(a->wait, <=, DLV_WAIT_MAX);
      g_assert_cmpuint(d->wait, <=, a->wait);
    }
    if (a->verdict == DLV_HOLD || a->verdict == DLV_FINISHED)
      g_assert_true(a->why && *a->why);
  }
  g_assert_cmpuint(n_run, ==, d->n_run);
  g_assert_true(d->n_passed == 0 || d->n_passed == n_entries);
}

/* ---- what comes of a job ---- */
static DlvResult any_result(Sim *s, guint rung) {
  const DlvBackendClass *class = s->w.policy->entries[rung].class;
  static const DlvResult plain[] = {DLV_ANNOUNCED, DLV_ANNOUNCED, DLV_FAILED, DLV_FAILED,
                                    DLV_HELD,      DLV_HELD,      DLV_PARTIAL};
  static const DlvResult leased[] = {DLV_ACKED,  DLV_LATER, DLV_REFUSED, DLV_FAILED,
                                     DLV_FAILED, DLV_HELD,  DLV_PARTIAL, DLV_CRASHED};

  if (s->kind)
    return class->flags & DLV_LEASES ? DLV_ACKED : DLV_ANNOUNCED;
  if (rung == s->bad && pick(s, 10))
    return DLV_FAILED;
  return (class->flags & DLV_LEASES ? leased : plain)[pick(s, G_N_ELEMENTS(plain))];
}

static void settle(Sim *s, Letter *letter, const DlvReport *r, guint rung) {
  gint64 now = s->w.now.boot;

  letter->offered = now + (gint64)r->retry;
  letter->over = r->done;
  if (r->tell == DLV_TELL_REPORT) {
    letter->stored_step = r->step;
    if (strcmp(r->result, "announced") == 0) {
      letter->announced = TRUE;
      letter->announced_at = rung;
      letter->announced_time = now;
    }
    g_assert_true(r->done || r->go_on || r->retry > 0);
    g_assert_false(r->go_on && (r->retry || r->done));
  }
  if ((r->tell == DLV_TELL_FAIL || r->tell == DLV_TELL_CRASH) && r->retry == 0)
    letter->offered = now + 10 * SEC;
  g_assert_true(g_str_has_prefix(r->cause, s->w.policy->entries[rung].name));
}

static void note_seen(Sim *s, guint rung, gboolean worked, gboolean failed) {
  Seen *seen = &s->seen[rung];
  gint64 now = s->w.now.boot;

  if (worked)
    *seen = (Seen){0};
  else if (failed) {
    seen->failed++;
    seen->paused_until = now + (gint64)s->w.policy->entries[rung].retry;
    if (seen->failed >= DLV_BREAKER_FAILURES) {
      seen->pause = seen->pause ? MIN(seen->pause * 2, 900 * SEC) : 30 * SEC;
      seen->open_until = now + seen->pause;
      total.opened++;
    }
  }
  g_assert_cmpuint(s->w.rungs[rung].breaker.failures, ==, seen->failed);
}

static void run_job(Sim *s, const DlvDecision *d, Letter *const *offered) {
  const DlvEntry *entry = &s->w.policy->entries[d->entry];
  DlvResult same = any_result(s, (guint)d->entry);
  gboolean each = entry->class->flags & DLV_EACH, worked = FALSE, failed = FALSE, rang = FALSE;
  DlvRun run = {.entry = (guint)d->entry};

  total.jobs++;
  if (pick(s, 2))
    world_pass(&s->w, pick(s, 20) * SEC);
  for (guint i = 0; i < d->n_run; i++) {
    Letter *letter = offered[d->run[i]];
    DlvResult result = each ? any_result(s, (guint)d->entry) : same;
    guint64 retry = pick(s, 3) ? 0 : (guint64)pick(s, 100) * SEC;
    DlvReport r = dlv_ladder_next(s->w.policy, s->w.rungs, &s->w.agent, &run, &letter->mail, result,
                                  result == DLV_HELD || result == DLV_LATER ? retry : 0,
                                  "something", &s->w.now);
    settle(s, letter, &r, run.entry);
    rang |= result == DLV_ANNOUNCED || result == DLV_PARTIAL;
    worked |= result != DLV_FAILED && result != DLV_HELD && result != DLV_PARTIAL;
    failed |= result == DLV_FAILED;
    g_free(r.cause);
  }
  note_seen(s, run.entry, worked, failed);
  s->n_rung += rang && dlv_is_doorbell(entry->class);
}

/* ---- the course of time ---- */
/* Decides once; FALSE: nothing ran. */
static gboolean decide(Sim *s) {
  Letter *offered[MESSAGES];
  DlvMail *mail[MESSAGES];
  guint n = 0;

  for (guint i = 0; i < s->n_letters; i++) {
    Letter *letter = &s->letters[i];
    if (letter->over || letter->offered > s->w.now.boot)
      continue;
    if (!letter->known)
      dlv_mail_init(&letter->mail, letter->mail.number, letter->mail.priority, letter->mail.time,
                    letter->stored_step, letter->announced);
    letter->known = TRUE;
    offered[n] = letter;
    mail[n++] = &letter->mail;
  }
  g_autoptr(DlvDecision) d =
      dlv_ladder_decide(s->w.policy, s->w.rungs, &s->w.agent, mail, n, &s->w.now);
  check_words(d, s->w.policy->n_entries);
  for (guint i = 0; i < n; i++) {
    if (d->answers[i].verdict == DLV_FINISHED) {
      g_assert_true(offered[i]->announced);
      offered[i]->over = TRUE;
    }
    if (d->answers[i].verdict == DLV_HOLD) {
      offered[i]->offered = s->w.now.boot + (gint64)d->answers[i].wait;
      offered[i]->stored_step = d->answers[i].step;
    }
  }
  if (d->entry < 0)
    return FALSE;
  check_job(s, d, offered);
  run_job(s, d, offered);
  return TRUE;
}

/* The courier starts anew: what it has learned is gone. */
static void restart(Sim *s) {
  total.restarts++;
  memset(s->w.rungs, 0, sizeof *s->w.rungs * s->w.policy->n_entries);
  memset(s->seen, 0, sizeof s->seen);
  for (guint i = 0; i < s->n_letters; i++)
    s->letters[i].known = FALSE;
}

static void happen(Sim *s) {
  if (s->n_letters < MESSAGES && pick(s, 3) == 0) {
    Letter *letter = &s->letters[s->n_letters++];
    *letter = (Letter){.mail = {.number = s->n_letters, .priority = (guint8)pick(s, 10)},
                       .offered = s->w.now.boot};
    letter->mail.time = s->w.now.real;
  }
  if (pick(s, 10) == 0)
    s->w.agent.last_seen = s->w.now.real;
  if (pick(s, 60) == 0)
    restart(s);
  if (pick(s, 60) == 0) /* the clock is set */
    s->w.now.real += ((gint64)pick(s, 7200) - 3600) * SEC;
}

/* To the next offer, or somewhere before it. */
static void pass(Sim *s) {
  gint64 next = s->w.now.boot + 10 * MIN_;

  for (guint i = 0; i < s->n_letters; i++)
    if (!s->letters[i].over && s->letters[i].offered > s->w.now.boot)
      next = MIN(next, s->letters[i].offered);
  gint64 left = next - s->w.now.boot;
  world_pass(&s->w, pick(s, 3) ? left : 1 + (gint64)(g_rand_double(s->rand) * (double)left));
}

static void check_rate(const Sim *s) {
  double past = (double)(s->w.now.boot - s->begin);

  if (s->w.policy->rate_max)
    g_assert_cmpuint(s->n_rung, <=,
                     s->w.policy->rate_max +
                         (guint)(past / (double)s->w.policy->rate_per * s->w.policy->rate_max) + 1);
}

/* Whatever happened: when everything works for long enough, no message is left that any back-end
 * takes. */
static void check_end(Sim *s) {
  gint64 end = s->w.now.boot + 9 * 24 * HOUR;
  guint16 taken = 0;

  s->kind = TRUE;
  for (guint i = 0; i < s->w.policy->n_entries; i++)
    taken |= s->w.policy->entries[i].conditions.priorities;
  while (s->w.now.boot < end) {
    while (decide(s))
      ;
    g_assert_cmpuint(s->n_steps++, <, STEPS_MAX);
    pass(s);
  }
  for (guint i = 0; i < s->n_letters; i++)
    g_assert_true(s->letters[i].over || !dlv_priorities_have(taken, s->letters[i].mail.priority));
}

static void one_world(guint32 seed) {
  Sim *s = g_new0(Sim, 1);

  s->rand = g_rand_new_with_seed(seed);
  g_autofree char *policy = any_policy(s);
  world_init(&s->w, policy);
  s->begin = s->w.now.boot;
  s->bad = pick(s, 2 * s->w.policy->n_entries);
  while (s->w.now.boot < s->begin + DURATION) {
    guint at_once = 0;
    happen(s);
    while (decide(s)) /* a round ends: what fails is paused, what is held waits */
      g_assert_cmpuint(++at_once, <, 20 * MESSAGES);
    check_rate(s);
    g_assert_cmpuint(s->n_steps++, <, STEPS_MAX);
    pass(s);
  }
  check_end(s);
  g_rand_free(s->rand);
  world_clear(&s->w);
  g_free(s);
}

static void test_worlds(void) {
  const char *given = g_getenv("LADDER_SEED");
  guint32 seed = given ? (guint32)strtoul(given, NULL, 10) : g_random_int();

  for (guint i = 0; i < (given ? 1 : WORLDS); i++) {
    g_test_message("LADDER_SEED=%u", seed + i);
    one_world(seed + i);
  }
  g_test_message("%u jobs, %u escalations, %u times opened, %u probes, %u restarts", total.jobs,
                 total.escalations, total.opened, total.probes, total.restarts);
  g_assert_true(given || (total.jobs > 9000 && total.escalations > 900 && total.opened > 100 &&
                          total.probes > 100 && total.restarts > 50));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ladder/random", test_worlds);
  return g_test_run();
}
