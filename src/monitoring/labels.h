/* labels.h: the labels of a series or an alert: an immutable, sorted list of pairs.
 *
 * Interned: equal lists are the same pointer, so that comparing is free and a unit's forty series
 * share one list. Counted; on the loop's thread only. A name stands at most once, and an empty
 * value is the same as none (as Prometheus has it). Text is UTF-8; whoever takes names from outside
 * has to check them before. */
#pragma once

#include <glib.h>

typedef struct MonLabels MonLabels;

/* name, value, ..., NULL; a NULL or empty value leaves the label out. (transfer full) */
MonLabels *mon_labels_new(const char *first_name, ...) G_GNUC_NULL_TERMINATED;
/* name, value, name, value, ...; of a name that is given twice the last counts. (transfer full) */
MonLabels *mon_labels_from(const char *const *pairs, guint n_pairs);
MonLabels *mon_labels_ref(const MonLabels *labels);
void mon_labels_unref(const MonLabels *labels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonLabels, mon_labels_unref)

const char *mon_labels_get(const MonLabels *labels, const char *name); /* NULL: absent */
guint mon_labels_n(const MonLabels *labels);
void mon_labels_nth(const MonLabels *labels, guint i, const char **name, const char **value);
/* The same with `name` set; a NULL or empty value drops it. (transfer full) */
MonLabels *mon_labels_with(const MonLabels *labels, const char *name, const char *value);
/* XXH3 over names and values: the same in every run and on every machine. */
guint64 mon_labels_hash(const MonLabels *labels);
gboolean mon_labels_equal(const MonLabels *a, const MonLabels *b);
/* {a="b",c="d"}, escaped as in the exposition format; "{}" for none. Free with g_free(). */
char *mon_labels_text(const MonLabels *labels);
/* The same, kept with the list, and empty for none: what is exposed again and again. Borrowed. */
const char *mon_labels_peek(const MonLabels *labels, gsize *ret_n);
/* Name NUL value NUL ..., as it is stored. Borrowed. */
gconstpointer mon_labels_bytes(const MonLabels *labels, gsize *ret_n);

/* How many lists are alive: for tests and for the service's own figures. */
guint mon_labels_n_alive(void);
/* For g_hash_table_new(). */
guint mon_labels_hash_func(gconstpointer labels);
