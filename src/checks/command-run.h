/* command-run.h: what the types that run a program of the user share: its options, where it runs,
 * and its end.
 *
 * argv only, never a shell. As root, or under a user's manager, it is a transient unit with limits;
 * else, and where no manager answers, a process of ours in a group of its own, which ends with us.
 * Limits that only a unit can keep are never silently dropped. The loop's thread. */
#pragma once

#include "checks/pending.h"

#include "common/run.h"

/* Rows for a type's table of options. */
#define CHK_COMMAND_OPTIONS                                                                        \
  {"argv", CHK_TEXTS, "the program and its arguments; the subject is a name only then"},           \
      {"env", CHK_TEXTS,                                                                           \
       "NAME=value: added to PATH, HOME, LANG and TRACEPARENT, which is all it gets"},             \
      {"inherit", CHK_BOOL, "true: all of the environment of the verification besides"},           \
      {"directory", CHK_TEXT, "where it runs"},                                                    \
      {"stdin", CHK_TEXT, "what it can read; default: nothing"},                                   \
      {"user", CHK_TEXT, "who it runs as; needs a manager, and the right"},                        \
      {"sandbox", CHK_BOOL, "without new privileges, the system read-only; needs a manager"},      \
      {"network", CHK_BOOL, "false: without any network; needs a manager"},                        \
      {"memory-max", CHK_BYTES, "ended beyond that; needs a manager"},                             \
      {"tasks-max", CHK_INT, "no more threads than that; needs a manager"}, {                      \
    "max-output", CHK_BYTES, "bytes of stdout and of stderr that are kept (1M)"                    \
  }

typedef struct ChkCommand ChkCommand;

/* `end`: borrowed. Called once, never from inside the start; the handle is gone after it. */
typedef void (*ChkCommandFunc)(const WgRunEnd *end, gpointer user_data);

/* `argv` NULL: the option argv, else the subject split as a shell would, without anything else a
 * shell does. `timeout`: us. NULL with an error. */
ChkCommand *chk_command_start(ChkLook *look, const char *const *argv, guint64 timeout,
                              ChkCommandFunc done, gpointer user_data, GError **error);
void chk_command_drop(ChkCommand *command);
/* What was written, as UTF-8. */
char *chk_command_text(GBytes *bytes);
/* TRUE when it ran and ended by itself or by a signal or a limit, so that there is something to
 * observe; else ends `sight` with the reason. */
gboolean chk_command_ran(const WgRunEnd *end, const char *what, ChkSight *sight);
