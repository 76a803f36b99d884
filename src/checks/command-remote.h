/* command-remote.h: a command that runs in a unit of its own behind a socket, where the one who
 * wants it has no right to start units.
 *
 * One connection is one command (systemd starts an instance of waggle-probe-exec@.service for it),
 * and its end ends the command. Both sides say one line (common/lines.h), a JSON object:
 *
 *   {"argv": [...], "env": ["NAME=value"], "directory": "/", "stdin": "...", "timeout": US,
 *    "output-max": BYTES}
 *   {"how": "exited", "code": 0, "text": "exited with status 0", "out": "...", "err": "...",
 *    "cut": false, "duration": US}
 *
 * The loop's thread; never blocks. */
#pragma once

#include "common/run.h"

#define CHK_REMOTE_LINE_MAX (16 * 1024 * 1024)
#define CHK_REMOTE_QUEUE_MAX (32 * 1024 * 1024)

typedef struct ChkRemote ChkRemote;

/* Of `options`: argv, env, directory, timeout, output_max; `input`: text for its stdin, or NULL.
 * Never NULL: what cannot be sent ends as NOT_STARTED. done() is called once, never from inside,
 * and the handle is gone after it. */
ChkRemote *chk_remote_start(const char *socket, const WgRunOptions *options, const char *input,
                            WgRunFunc done, gpointer user_data);
/* Ends it without done(). */
void chk_remote_forget(ChkRemote *remote);

/* Words of WgRunEndHow. */
const char *chk_remote_word(WgRunEndHow how);

/* probe-exec.c: the other side, the program waggle-probe-exec. */
int chk_probe_exec_main(int argc, char **argv);
