/* flaws.c: see flaws.h. */
#include "checks/flaws.h"

struct ChkFlaws {
  GPtrArray *list; /* (element-type ChkFlaw) */
};

static void flaw_free(gpointer data) {
  ChkFlaw *flaw = data;

  g_free(flaw->text);
  g_free(flaw);
}

ChkFlaws *chk_flaws_new(void) {
  ChkFlaws *flaws = g_new0(ChkFlaws, 1);

  flaws->list = g_ptr_array_new_with_free_func(flaw_free);
  return flaws;
}

void chk_flaws_free(ChkFlaws *flaws) {
  g_ptr_array_unref(flaws->list);
  g_free(flaws);
}

guint chk_flaws_n(const ChkFlaws *flaws) {
  return flaws->list->len;
}

const ChkFlaw *chk_flaws_at(const ChkFlaws *flaws, guint i) {
  return g_ptr_array_index(flaws->list, i);
}

static void take(ChkFlaws *flaws, const char *option, char *text) {
  ChkFlaw *flaw = g_new0(ChkFlaw, 1);

  *flaw = (ChkFlaw){option, text};
  g_ptr_array_add(flaws->list, flaw);
}

void chk_flaw(ChkFlaws *flaws, const char *option, const char *text) {
  take(flaws, option, g_strdup(text));
}

void chk_flaw_value(ChkFlaws *flaws, const char *option, const char *value, const char *what,
                    const char *right) {
  take(flaws, option, g_strdup_printf("'%s' is no %s: %s", value, what, right));
}

void chk_flaw_error(ChkFlaws *flaws, const char *option, GError *error) {
  if (error == NULL)
    return;
  take(flaws, option, g_strdup(error->message));
  g_error_free(error);
}
