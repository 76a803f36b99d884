/* process-fixture.h: what a process that a test started finds itself to be, and what this process
 * has left. Without a shell or another program between what is tested and what is seen. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT

#include <glib.h>
#include <stdio.h>

/* Descriptors (but `out`), group, directory, signals and privileges, as a line each. */
void process_describe(FILE *out);
/* A child that hears no request to end. */
GPid process_deaf_child(void);

/* Descriptors and children that this process has. */
guint process_descriptors(void);
gboolean process_has_children(void);
/* Whether the process is there and is no zombie. */
gboolean process_lives(GPid pid);
