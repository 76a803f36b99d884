/* load-graph.c: what binds checks together: requirements (without a cycle), groups, waivers. */
#include "checks/load-internal.h"

#include "common/nearest.h"

#include <stdlib.h>
#include <string.h>

static guint line_of(const ChkLoad *load, const char *pointer) {
  return load->doc ? wg_doc_line(load->doc, pointer) : 0;
}

static void add_unique(GArray *list, guint i) {
  for (guint k = 0; k < list->len; k++)
    if (g_array_index(list, guint, k) == i)
      return;
  g_array_append_val(list, i);
}

/* A name or "@tag": the indexes it stands for, without `self`. FALSE: it stands for nothing. */
static gboolean resolve(const ChkLoad *load, const char *name, guint self, GArray *into) {
  gpointer found = g_hash_table_lookup(load->names, name);
  gboolean any = FALSE;

  if (found) {
    add_unique(into, GPOINTER_TO_UINT(found) - 1);
    return TRUE;
  }
  for (guint i = 0; *name == '@' && i < load->plan->checks->len; i++) {
    const ChkCheck *check = g_ptr_array_index(load->plan->checks, i);
    if (!g_strv_contains((const char *const *)check->tags, name + 1))
      continue;
    any = TRUE;
    if (i != self)
      add_unique(into, i);
  }
  return any;
}

static void unknown(ChkLoad *load, const char *pointer, const char *name) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();

  for (guint i = 0; i < load->plan->checks->len; i++) {
    const ChkCheck *check = g_ptr_array_index(load->plan->checks, i);
    g_strv_builder_add(names, check->name);
    for (char **tag = check->tags; *name == '@' && *tag; tag++) {
      g_autofree char *at = g_strconcat("@", *tag, NULL);
      g_strv_builder_add(names, at);
    }
  }
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known);
  wg_problems_add(load->problems, line_of(load, pointer), pointer, "no check %s \"%s\"%s%s",
                  *name == '@' ? "has the tag" : "is named", *name == '@' ? name + 1 : name,
                  hint ? "; " : "", hint ? hint : "");
}

/* Depth first; colours: 0 new, 1 on the path, 2 done. */
typedef struct {
  ChkLoad *load;
  guint8 *colour;
  GArray *path;
} Walk;

static void tell_cycle(Walk *w, guint back) {
  g_autoptr(GString) s = g_string_new(NULL);
  gboolean in = FALSE;

  for (guint k = 0; k < w->path->len; k++) {
    guint i = g_array_index(w->path, guint, k);
    const ChkCheck *check = g_ptr_array_index(w->load->plan->checks, i);
    in = in || i == back;
    if (in)
      g_string_append_printf(s, "\"%s\" requires ", check->name);
  }
  const ChkCheck *check = g_ptr_array_index(w->load->plan->checks, back);
  const char *pointer = g_ptr_array_index(w->load->pointers, back);
  g_autofree char *place = g_strconcat(pointer, "/requires", NULL);
  wg_problems_add(w->load->problems, line_of(w->load, place), place,
                  "the requirements go in a circle: %s\"%s\"", s->str, check->name);
}

static void walk(Walk *w, guint i) {
  const ChkCheck *check = g_ptr_array_index(w->load->plan->checks, i);

  w->colour[i] = 1;
  g_array_append_val(w->path, i);
  for (guint k = 0; k < check->needs->len; k++) {
    guint next = g_array_index(check->needs, guint, k);
    if (w->colour[next] == 1)
      tell_cycle(w, next);
    else if (w->colour[next] == 0)
      walk(w, next);
  }
  g_array_set_size(w->path, w->path->len - 1);
  w->colour[i] = 2;
}

void chk_load_requires(ChkLoad *load) {
  guint n = load->plan->checks->len;
  g_autofree guint8 *colour = g_new0(guint8, n + 1);
  g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(guint));
  Walk w = {load, colour, path};

  for (guint i = 0; i < n; i++) {
    ChkCheck *check = g_ptr_array_index(load->plan->checks, i);
    char **names = g_ptr_array_index(load->requires, i);
    const char *pointer = g_ptr_array_index(load->pointers, i);
    g_autofree char *place = g_strconcat(pointer, "/requires", NULL);
    for (; *names; names++)
      if (!resolve(load, *names, i, check->needs))
        unknown(load, place, *names);
  }
  for (guint i = 0; i < n; i++)
    if (colour[i] == 0)
      walk(&w, i);
}

/* "80%", or a number of members. */
static void read_share(WgReader *reader, ChkGroup *group) {
  JsonNode *node = wg_reader_node(reader, "at-least");
  GType type = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;
  double n = -1;
  char *end = NULL;

  if (type == G_TYPE_INT64) {
    n = (double)json_node_get_int(node);
    group->at_least = (guint)CLAMP(n, 0, G_MAXUINT16);
    if ((n >= 1 && n <= group->members->len) || group->members->len == 0)
      return; /* without members there is another problem already */
    wg_reader_problem(reader, "at-least", "the group has %u members: a number from 1 to that",
                      group->members->len);
    return;
  }
  if (type == G_TYPE_STRING)
    n = g_ascii_strtod(json_node_get_string(node), &end);
  if (end && strcmp(end, "%") == 0 && n > 0 && n <= 100)
    group->share = n / 100;
  else
    wg_reader_problem(reader, "at-least",
                      "a share like \"80%%\" (above 0, up to 100%%) or a number "
                      "of members is needed");
}

void chk_load_group(ChkLoad *load, JsonNode *node, const char *pointer) {
  WgReader *reader = wg_reader_new(load->doc, node, pointer, load->problems);
  ChkGroup *group = g_new0(ChkGroup, 1);
  const char *name = wg_reader_need(reader, "name");
  g_auto(GStrv) names = wg_reader_texts(reader, "checks");
  g_autofree char *place = g_strconcat(pointer, "/checks", NULL);

  group->name = g_strdup(name ? name : "");
  group->members = g_array_new(FALSE, FALSE, sizeof(guint));
  for (char **n = names; *n; n++)
    if (!resolve(load, *n, G_MAXUINT, group->members))
      unknown(load, place, *n);
  if (!*names)
    wg_reader_problem(reader, "checks", "a group without checks asserts nothing");
  read_share(reader, group);
  group->level = (ChkLevel)wg_reader_word(reader, "level", chk_level_words, CHK_REQUIRED);
  group->hint = g_strdup(wg_reader_text(reader, "hint", NULL));
  for (guint k = 0; k < group->members->len; k++) {
    ChkCheck *check =
        g_ptr_array_index(load->plan->checks, g_array_index(group->members, guint, k));
    check->grouped = TRUE;
  }
  for (guint i = 0; i < load->plan->groups->len; i++)
    if (strcmp(((ChkGroup *)g_ptr_array_index(load->plan->groups, i))->name, group->name) == 0)
      wg_reader_problem(reader, "name", "two groups are named \"%s\"", group->name);
  g_ptr_array_add(load->plan->groups, group);
  wg_reader_end(reader);
}

/* YYYY-MM-DD: the last day, in local time, on which it is in force. */
static gboolean day_over(const char *text, gboolean *ret_over) {
  g_autoptr(GDateTime) now = g_date_time_new_now_local();
  g_autofree char *today = g_date_time_format(now, "%Y-%m-%d");
  int year, month, day, n = 0;

  if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) != 3 || n != 10 || text[n] != '\0' ||
      !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
    return FALSE;
  *ret_over = strcmp(text, today) < 0;
  return TRUE;
}

static void waive(ChkLoad *load, WgReader *reader, const ChkWaiver *waiver) {
  g_autoptr(GPatternSpec) glob = g_pattern_spec_new(waiver->glob);
  gboolean any = FALSE;

  for (guint i = 0; i < load->plan->checks->len; i++) {
    ChkCheck *check = g_ptr_array_index(load->plan->checks, i);
    if (!g_pattern_spec_match_string(glob, check->name))
      continue;
    any = TRUE;
    if (!waiver->expired && !check->waiver)
      check->waiver = waiver;
  }
  if (!any)
    wg_problems_warn(load->problems, line_of(load, wg_reader_pointer(reader)),
                     wg_reader_pointer(reader), "this waiver is for no check: none is named \"%s\"",
                     waiver->glob);
}

static void load_waiver(ChkLoad *load, WgReader *reader) {
  ChkWaiver *w = g_new0(ChkWaiver, 1);

  w->glob = g_strdup(wg_reader_need(reader, "check"));
  w->reason = g_strdup(wg_reader_need(reader, "reason"));
  w->owner = g_strdup(wg_reader_need(reader, "owner"));
  w->expires = g_strdup(wg_reader_need(reader, "expires"));
  g_ptr_array_add(load->plan->waivers, w);
  if (w->expires && !day_over(w->expires, &w->expired))
    wg_reader_problem(reader, "expires", "\"%s\" is no day; write it like 2027-01-31", w->expires);
  if (w->glob && w->expires) {
    waive(load, reader, w);
    if (w->expired)
      wg_problems_warn(
          load->problems, line_of(load, wg_reader_pointer(reader)), wg_reader_pointer(reader),
          "the waiver of \"%s\" expired on %s and is not in force", w->glob, w->expires);
  }
  wg_reader_end(reader);
}

void chk_load_waivers(ChkLoad *load, WgReader *file) {
  for (guint i = 0; i < wg_reader_length(file, "waivers"); i++) {
    WgReader *reader = wg_reader_element(file, "waivers", i);
    if (reader)
      load_waiver(load, reader);
  }
}
