/* perfdata.c: see perfdata.h. A part that is not well-formed is counted and left out; it never
 * spoils its neighbours. */
#include "checks/perfdata.h"

#include <math.h>
#include <string.h>

#define PARTS_MAX 4096

/* A decimal number that is all of [text, end): no hexadecimal, no "inf", no locale. */
static gboolean number_read(const char *text, gsize size, double *ret) {
  g_autofree char *copy = g_strndup(text, size);
  char *stop;

  if (size == 0 || strspn(copy, "0123456789+-.eE") != size)
    return FALSE;
  *ret = g_ascii_strtod(copy, &stop);
  return *stop == 0 && isfinite(*ret);
}

gboolean chk_range_parse(const char *text, ChkRange *ret) {
  *ret = (ChkRange){.set = TRUE, .end = INFINITY};
  if (*text == '@') {
    ret->inside = TRUE;
    text++;
  }
  const char *colon = strchr(text, ':'), *end = colon ? colon + 1 : text;
  if (*text == 0 || (colon == text && *end == 0))
    return FALSE;
  if (colon && colon - text == 1 && *text == '~')
    ret->start = -INFINITY;
  else if (colon && colon > text && !number_read(text, (gsize)(colon - text), &ret->start))
    return FALSE;
  if (*end != 0 && !number_read(end, strlen(end), &ret->end))
    return FALSE;
  return ret->start <= ret->end;
}

gboolean chk_range_alerts(const ChkRange *range, double value) {
  gboolean within = value >= range->start && value <= range->end;

  return range->set && within == range->inside;
}

static void perf_free(gpointer data) {
  ChkPerf *perf = data;

  g_free(perf->label);
  g_free(perf->uom);
  g_free(perf->warn_text);
  g_free(perf->critical_text);
  g_free(perf);
}

/* 'a ''quoted'' label' or a bare one up to '='; `*at` is behind the '=' then. */
static char *label_read(const char **at) {
  g_autoptr(GString) label = g_string_new(NULL);
  const char *p = *at;

  if (*p != '\'') {
    gsize length = strcspn(p, "= \t\r\n'");
    g_string_append_len(label, p, (gssize)length);
    p += length;
  } else {
    for (p++; *p && (*p != '\'' || p[1] == '\''); p++) {
      if (*p == '\'')
        p++;
      g_string_append_c(label, *p);
    }
    if (*p++ != '\'')
      return NULL;
  }
  if (*p != '=' || label->len == 0)
    return NULL;
  *at = p + 1;
  return g_string_free(g_steal_pointer(&label), FALSE);
}

static gboolean value_read(const char *field, ChkPerf *perf) {
  gsize digits = strspn(field, "0123456789+-.");

  /* an exponent, but not a unit that begins with 'e' */
  if (digits > 0 && (field[digits] == 'e' || field[digits] == 'E')) {
    gsize more = strspn(field + digits + 1, "+-0123456789");
    if (more > 0 && g_ascii_isdigit(field[digits + more]))
      digits += more + 1;
  }
  if (g_str_equal(field, "U")) {
    perf->unknown = TRUE;
    perf->uom = g_strdup("");
    return TRUE;
  }
  perf->uom = g_strdup(field + digits);
  return number_read(field, digits, &perf->value) && !strpbrk(perf->uom, "0123456789;'\"=");
}

static gboolean ranges_read(char **fields, guint n, ChkPerf *perf) {
  if (n > 1 && *fields[1]) {
    perf->warn_text = g_strdup(fields[1]);
    if (!chk_range_parse(fields[1], &perf->warn))
      return FALSE;
  }
  if (n > 2 && *fields[2]) {
    perf->critical_text = g_strdup(fields[2]);
    if (!chk_range_parse(fields[2], &perf->critical))
      return FALSE;
  }
  perf->has_min = n > 3 && *fields[3];
  perf->has_max = n > 4 && *fields[4];
  return (!perf->has_min || number_read(fields[3], strlen(fields[3]), &perf->min)) &&
         (!perf->has_max || number_read(fields[4], strlen(fields[4]), &perf->max));
}

/* One "label=value;..."; `*at` goes behind it in any case. */
static ChkPerf *part_read(const char **at) {
  ChkPerf *perf = g_new0(ChkPerf, 1);
  const char *begin = *at;

  perf->label = label_read(at);
  if (perf->label == NULL)
    *at = begin;
  gsize length = strcspn(*at, " \t\r\n");
  g_autofree char *rest = g_strndup(*at, length);
  g_auto(GStrv) fields = g_strsplit(rest, ";", -1);
  guint n = g_strv_length(fields);
  *at += length;
  if (perf->label && n >= 1 && n <= 6 && value_read(fields[0], perf) &&
      ranges_read(fields, n, perf))
    return perf;
  perf_free(perf);
  return NULL;
}

static void data_read(const char *text, ChkPlugin *ret) {
  for (const char *at = text + strspn(text, " \t\r\n"); *at; at += strspn(at, " \t\r\n")) {
    const char *begin = at;
    ChkPerf *perf = ret->perf->len < PARTS_MAX ? part_read(&at) : NULL;
    if (ret->perf->len >= PARTS_MAX)
      at += strlen(at);
    if (perf) {
      g_ptr_array_add(ret->perf, perf);
    } else {
      ret->bad++;
      if (ret->first_bad == NULL)
        ret->first_bad = g_strndup(begin, MIN((gsize)(at - begin), 80));
    }
  }
}

ChkPlugin *chk_plugin_parse(const char *output) {
  ChkPlugin *ret = g_new0(ChkPlugin, 1);
  const char *newline = strchr(output, '\n');
  g_autofree char *first =
      newline ? g_strndup(output, (gsize)(newline - output)) : g_strdup(output);
  g_autofree char *rest = g_strdup(newline ? newline + 1 : "");
  char *data = strchr(first, '|'), *more = strchr(rest, '|');

  ret->perf = g_ptr_array_new_with_free_func(perf_free);
  if (data)
    *data++ = 0;
  if (more)
    *more++ = 0;
  ret->text = g_strdup(g_strstrip(first));
  ret->long_text = g_strdup(g_strchomp(rest));
  if (data)
    data_read(data, ret);
  if (more)
    data_read(more, ret);
  return ret;
}

void chk_plugin_free(ChkPlugin *plugin) {
  g_free(plugin->text);
  g_free(plugin->long_text);
  g_free(plugin->first_bad);
  g_ptr_array_unref(plugin->perf);
  g_free(plugin);
}
