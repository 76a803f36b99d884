/* doc-build.c: nodes out of what a notation tells in order; see doc-private.h.
 *
 * A pointer is put together only for a problem: a document whose keys are long must not cost its
 * square. */
#include "common/doc-private.h"

#include <math.h>
#include <string.h>

#define DIGITS_MAX 18
#define NUMBER_MAX 64 /* characters */

typedef struct {
  JsonNode *node;
  char *key;       /* of the member that is read, in an object */
  gboolean within; /* a member or an element is being read */
  guint line;      /* its line */
} Frame;

static void frame_clear(gpointer data) {
  Frame *frame = data;

  g_clear_pointer(&frame->node, json_node_unref);
  g_clear_pointer(&frame->key, g_free);
}

void wg_build_init(WgBuild *build, const WgDocBounds *bounds, WgProblems *problems) {
  *build = (WgBuild){.bounds = bounds, .problems = problems};
  build->frames = g_array_new(FALSE, TRUE, sizeof(Frame));
  g_array_set_clear_func(build->frames, frame_clear);
  build->lines = g_hash_table_new(NULL, NULL);
}

void wg_build_clear(WgBuild *build) {
  g_array_unref(build->frames);
  g_clear_pointer(&build->lines, g_hash_table_unref);
  g_clear_pointer(&build->root, json_node_unref);
}

static Frame *top(const WgBuild *build) {
  return build->frames->len ? &g_array_index(build->frames, Frame, build->frames->len - 1) : NULL;
}

JsonNode *wg_build_top(const WgBuild *build) {
  return top(build) ? top(build)->node : NULL;
}

guint wg_build_depth(const WgBuild *build) {
  return build->frames->len;
}

static void append_key(GString *pointer, const char *key) {
  g_string_append_c(pointer, '/');
  for (const char *p = key; *p; p++)
    if (*p == '~' || *p == '/')
      g_string_append(pointer, *p == '~' ? "~0" : "~1");
    else
      g_string_append_c(pointer, *p);
}

static char *pointer_of(const WgBuild *build) {
  GString *pointer = g_string_new(NULL);

  for (guint i = 0; i < build->frames->len; i++) {
    const Frame *frame = &g_array_index(build->frames, Frame, i);
    if (frame->within && frame->key)
      append_key(pointer, frame->key);
    else if (frame->within)
      g_string_append_printf(pointer, "/%u",
                             json_array_get_length(json_node_get_array(frame->node)));
  }
  return g_string_free(pointer, FALSE);
}

gboolean wg_build_problem(WgBuild *build, guint line, guint column, const char *format, ...) {
  g_autofree char *pointer = pointer_of(build);
  const WgProblem place = {.line = line, .column = column, .pointer = pointer};
  va_list args;

  va_start(args, format);
  wg_problems_take(build->problems, &place, g_strdup_vprintf(format, args));
  va_end(args);
  return FALSE;
}

static gboolean count_text(WgBuild *build, const char *text, guint line) {
  build->text += strlen(text);
  return build->text <= build->bounds->bytes ||
         wg_build_problem(build, line, 0, "texts of more than %" G_GSIZE_FORMAT " bytes together",
                          build->bounds->bytes);
}

gboolean wg_build_key(WgBuild *build, const char *key, guint line) {
  Frame *frame = top(build);

  if (strlen(key) > WG_DOC_KEY_MAX)
    return wg_build_problem(build, line, 0, "a key longer than %d bytes", WG_DOC_KEY_MAX);
  g_free(frame->key);
  frame->key = g_strdup(key);
  frame->within = TRUE;
  frame->line = line;
  if (json_object_has_member(json_node_get_object(frame->node), key))
    wg_build_problem(build, line, 0, "'%.80s' is here twice; which one counts?", key);
  return count_text(build, key, line);
}

void wg_build_item(WgBuild *build, guint line) {
  Frame *frame = top(build);

  frame->within = TRUE;
  frame->line = line;
}

static gboolean begin(WgBuild *build, JsonNode *node, guint line) {
  const Frame *frame = top(build);

  g_hash_table_insert(build->lines, node, GUINT_TO_POINTER(frame ? frame->line : line));
  return ++build->nodes <= build->bounds->nodes ||
         wg_build_problem(build, line, 0, "more than %u values (what an alias stands for counts)",
                          build->bounds->nodes);
}

/* Takes `node`, which is whole. */
static void put(WgBuild *build, JsonNode *node) {
  Frame *frame = top(build);

  if (!frame) {
    build->root = node;
    return;
  }
  if (!frame->key)
    json_array_add_element(json_node_get_array(frame->node), node);
  else if (json_object_has_member(json_node_get_object(frame->node), frame->key))
    json_node_unref(node); /* it was told that it is there twice */
  else
    json_object_set_member(json_node_get_object(frame->node), frame->key, node);
  g_clear_pointer(&frame->key, g_free);
  frame->within = FALSE;
}

gboolean wg_build_value(WgBuild *build, JsonNode *node, guint line) {
  const char *text = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;

  if (!begin(build, node, line) || (text && !count_text(build, text, line))) {
    json_node_unref(node);
    return FALSE;
  }
  put(build, node);
  return TRUE;
}

gboolean wg_build_open(WgBuild *build, gboolean object, guint line) {
  Frame frame = {.node = json_node_new(object ? JSON_NODE_OBJECT : JSON_NODE_ARRAY)};

  if (build->frames->len >= build->bounds->depth || !begin(build, frame.node, line)) {
    if (build->frames->len >= build->bounds->depth)
      wg_build_problem(build, line, 0, "nested deeper than %u levels", build->bounds->depth);
    json_node_unref(frame.node);
    return FALSE;
  }
  if (object)
    json_node_take_object(frame.node, json_object_new());
  else
    json_node_take_array(frame.node, json_array_new());
  g_array_append_val(build->frames, frame);
  return TRUE;
}

JsonNode *wg_build_close(WgBuild *build) {
  JsonNode *node = g_steal_pointer(&top(build)->node);

  g_array_set_size(build->frames, build->frames->len - 1);
  put(build, node);
  return node;
}

/* ---- numbers ---- */
static gsize digits(const char **p) {
  gsize n = strspn(*p, "0123456789");

  *p += n;
  return n;
}

gsize wg_json_number_length(const char *text, const char **ret_bad, const char **ret_expected) {
  const char *p = text;

  *ret_bad = NULL;
  *ret_expected = "a digit";
  if (*p == '-')
    p++;
  if (*p == '0' && g_ascii_isdigit(p[1])) {
    *ret_expected = "a number without a zero before it";
    *ret_bad = p;
  } else if (!digits(&p))
    *ret_bad = p;
  if (!*ret_bad && *p == '.') {
    p++;
    if (!digits(&p))
      *ret_bad = p;
  }
  if (!*ret_bad && (*p == 'e' || *p == 'E')) {
    p++;
    if (*p == '+' || *p == '-')
      p++;
    if (!digits(&p))
      *ret_bad = p;
  }
  return *ret_bad ? 0 : (gsize)(p - text);
}

JsonNode *wg_build_number(WgBuild *build, const char *text, gsize size, guint line) {
  g_autofree char *number = g_strndup(text, size);
  JsonNode *node = json_node_new(JSON_NODE_VALUE);

  if (strpbrk(number, ".eE")) {
    double value = size <= NUMBER_MAX ? g_ascii_strtod(number, NULL) : INFINITY;
    if (isfinite(value)) {
      json_node_set_double(node, value);
      return node;
    }
    wg_build_problem(build, line, 0, "a number that is too large or too long");
  } else if (size <= DIGITS_MAX + (*number == '-')) {
    json_node_set_int(node, g_ascii_strtoll(number, NULL, 10));
    return node;
  } else
    wg_build_problem(build, line, 0, "a number with more than %d digits", DIGITS_MAX);
  json_node_unref(node);
  return NULL;
}
