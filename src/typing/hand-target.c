/* hand-target.c: which window is meant. All conditions that are given must hold; which of several
 * windows is meant is never guessed. */
#include "typing/hand.h"

#include "common/error.h"

#include <string.h>

struct HandTarget {
  char *class, *unit;
  GPatternSpec *title;
  GRegex *regex;
  guint pid, window;
  int x, y;
  gboolean has_point, empty;
};

HandTarget *hand_target_new(GVariant *args, GError **error) {
  g_autoptr(HandTarget) target = g_new0(HandTarget, 1);
  const char *title = NULL, *regex = NULL;

  gboolean any = g_variant_lookup(args, "class", "s", &target->class);
  any |= g_variant_lookup(args, "unit", "s", &target->unit);
  any |= g_variant_lookup(args, "pid", "u", &target->pid);
  any |= g_variant_lookup(args, "window", "u", &target->window);
  if (g_variant_lookup(args, "title", "&s", &title))
    target->title = g_pattern_spec_new(title);
  if (g_variant_lookup(args, "title-regex", "&s", &regex)) {
    target->regex = g_regex_new(regex, G_REGEX_OPTIMIZE, 0, error);
    if (!target->regex)
      return NULL;
  }
  gboolean x = g_variant_lookup(args, "x", "i", &target->x);
  gboolean y = g_variant_lookup(args, "y", "i", &target->y);
  if (x != y) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "A point needs both coordinates, x and y");
    return NULL;
  }
  target->has_point = x;
  target->empty = !any && !title && !regex && !x;
  return g_steal_pointer(&target);
}

void hand_target_free(HandTarget *target) {
  g_free(target->class);
  g_free(target->unit);
  g_clear_pointer(&target->title, g_pattern_spec_free);
  g_clear_pointer(&target->regex, g_regex_unref);
  g_free(target);
}

gboolean hand_target_is_empty(const HandTarget *target) {
  return target->empty;
}

gboolean hand_target_point(const HandTarget *target, int *ret_x, int *ret_y) {
  *ret_x = target->x;
  *ret_y = target->y;
  return target->has_point;
}

/* The window's own unit, or the unit of something that runs below it: an agent in a terminal. */
static gboolean in_unit(const HandTarget *target, const HandWindow *window, const GArray *members) {
  if (g_str_equal(window->unit, target->unit))
    return TRUE;
  for (guint i = 0; i < members->len; i++)
    if (window->pid && hand_process_descends(g_array_index(members, guint, i), window->pid))
      return TRUE;
  return FALSE;
}

static gboolean matches(const HandTarget *target, const HandWindow *window) {
  if (target->window && target->window != window->id)
    return FALSE;
  if (target->class && g_ascii_strcasecmp(target->class, window->class) != 0 &&
      g_ascii_strcasecmp(target->class, window->instance) != 0)
    return FALSE;
  if (target->title && !g_pattern_spec_match_string(target->title, window->title))
    return FALSE;
  if (target->regex && !g_regex_match(target->regex, window->title, 0, NULL))
    return FALSE;
  return !target->pid || hand_process_related(target->pid, window->pid);
}

void hand_target_filter(Hand *hand, const HandTarget *target, GPtrArray *windows) {
  g_autoptr(GArray) members = target->unit ? hand_process_in_unit(target->unit) : NULL;
  Window at = target->has_point ? hand_window_at(hand, windows, target->x, target->y) : None;

  for (guint i = windows->len; i > 0; i--) {
    const HandWindow *window = windows->pdata[i - 1];
    if (!matches(target, window) || (target->has_point && window->id != at) ||
        (members && !in_unit(target, window, members)))
      g_ptr_array_remove_index(windows, i - 1);
  }
}
