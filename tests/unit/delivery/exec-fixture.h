/* exec-fixture.h: commands for tests of the back-end "exec".
 *
 * The command is the test program itself, told by its first argument what to do: no shell and no
 * other program stands between what is tested and what is seen. */
#pragma once

#include "job-fixture.h"

/* First thing in main(): does what --exec=WHAT says and does not return then. */
void exec_act(int argc, char **argv);
/* A state whose command acts as WHAT with its arguments (JSON texts with a comma before each, or
 * ""), with further options ("" or ", ..."). Plain. */
gpointer exec_configure(const char *what, const char *arguments, const char *options);
/* The same, any way there is. */
gpointer exec_configure_any(const char *what, const char *arguments, const char *options);
/* One message to its end; its cause. */
char *exec_one(gpointer state, DlvResult result);
/* The cause must be so. */
void exec_ends(const char *what, const char *arguments, const char *options, DlvResult result,
               const char *cause);
