/* policy-rules.c: what a policy says with a little language of its own: priorities, hours and days,
 * quiet hours. The members' types have been checked; a member of a wrong type is passed by, since
 * that was told already. */
#include "common/config.h"
#include "common/error.h"
#include "delivery/policy-private.h"

#include <string.h>

static gboolean take_priority(const char **p, guint *ret) {
  if (!g_ascii_isdigit(**p) || g_ascii_isdigit((*p)[1]))
    return FALSE;
  *ret = (guint)(*(*p)++ - '0');
  return TRUE;
}

gboolean dlv_priorities_parse(const char *text, guint16 *ret, GError **error) {
  static const char *const signs[] = {">=", "<=", ">", "<", "="};
  const char *p = text, *sign = "";
  guint low, high;

  for (guint i = 0; i < G_N_ELEMENTS(signs) && !*sign; i++)
    if (g_str_has_prefix(p, signs[i]))
      sign = signs[i];
  p += strlen(sign);
  gboolean good = take_priority(&p, &low);
  if (good && !*sign) { /* a bare number could mean "at least" or "only" */
    good = g_str_has_prefix(p, "..");
    p += good ? 2 : 0;
    good = good && take_priority(&p, &high) && low <= high;
  } else if (good) {
    high = *sign == '>' ? 9 : low - (sign[0] == '<' && !sign[1]);
    low = *sign == '<' ? 0 : low + (sign[0] == '>' && !sign[1]);
    good = low <= 9 && high <= 9;
  }
  if (!good || *p) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.40s' names no priorities; write \">=4\", \"<=3\", \"=5\" or \"4..7\" (0 to 9)",
                text);
    return FALSE;
  }
  *ret = (guint16)((1u << (high + 1)) - (1u << low));
  return TRUE;
}

static const char *text_of(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
             ? json_node_get_string(node)
             : NULL;
}

static gboolean read_priorities(DlvCheck *c, JsonObject *object, const char *name, guint16 *ret,
                                char **ret_text) {
  const char *text = text_of(object, name);
  GError *error = NULL;

  if (!text)
    return TRUE;
  *ret_text = g_strdup(text);
  if (dlv_priorities_parse(text, ret, &error))
    return TRUE;
  gsize before = dlv_check_enter(c, name);
  dlv_check_error(c, error);
  dlv_check_leave(c, before);
  return FALSE;
}

static gboolean add_hours(DlvCheck *c, DlvHours *hours, const char *text, guint8 days) {
  GError *error = NULL;

  return dlv_hours_add(hours, text, days, &error) || dlv_check_error(c, error);
}

static gboolean add_each(DlvCheck *c, DlvHours *hours, JsonArray *texts, guint8 days) {
  guint n = json_array_get_length(texts);
  gboolean good = n > 0 || dlv_check_problem(c, "'hours' is empty; leave it out for the whole day");

  for (guint i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element(texts, i);
    gsize before = dlv_check_enter_index(c, i);
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
      good &= add_hours(c, hours, json_node_get_string(node), days);
    dlv_check_leave(c, before);
  }
  return good;
}

/* The members "hours" and "days" of `object`; NULL in `ret` when neither is there. */
static gboolean read_hours(DlvCheck *c, JsonObject *object, DlvHours **ret) {
  JsonNode *node = json_object_get_member(object, "hours");
  const char *days_text = text_of(object, "days"), *text = text_of(object, "hours");
  g_autoptr(DlvHours) hours = dlv_hours_new();
  GError *error = NULL;
  guint8 days = 0;
  gboolean good = TRUE;

  if (!node && !days_text)
    return TRUE;
  if (days_text && !dlv_days_parse(days_text, &days, &error)) {
    gsize before = dlv_check_enter(c, "days");
    good = dlv_check_error(c, error);
    dlv_check_leave(c, before);
  }
  gsize before = node ? dlv_check_enter(c, "hours") : c->pointer->len;
  if (!node || text)
    good &= add_hours(c, hours, text, days);
  else if (JSON_NODE_HOLDS_ARRAY(node))
    good &= add_each(c, hours, json_node_get_array(node), days);
  dlv_check_leave(c, before);
  if (good)
    *ret = g_steal_pointer(&hours);
  return good;
}

gboolean dlv_read_conditions(DlvCheck *c, JsonObject *object, DlvConditions *ret) {
  JsonObject *conditions = NULL;
  JsonNode *node = json_object_get_member(object, "if");

  ret->priorities = DLV_PRIORITIES_ALL;
  if (!node || !JSON_NODE_HOLDS_OBJECT(node))
    return TRUE;
  conditions = json_node_get_object(node);
  gsize before = dlv_check_enter(c, "if");
  gboolean good = dlv_check_members(c, conditions, "if", NULL);
  good &= read_priorities(c, conditions, "priority", &ret->priorities, &ret->priority_text);
  good &= read_hours(c, conditions, &ret->hours);
  if (good)
    ret->idle = dlv_option_time(conditions, "idle", 0);
  dlv_check_leave(c, before);
  return good;
}

gboolean dlv_read_quiet(DlvCheck *c, JsonObject *object, DlvQuiet *ret) {
  gboolean good = dlv_check_members(c, object, "quiet", NULL);

  good &= read_priorities(c, object, "except-priority", &ret->except, &ret->except_text);
  good &= read_hours(c, object, &ret->hours);
  if (good && !ret->hours)
    good = dlv_check_problem(c, "neither 'hours' nor 'days': say when it is quiet");
  return good;
}
