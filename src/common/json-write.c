/* json-write.c: see json-write.h. The recursion is bounded by sd-bus, which refuses messages that
 * are nested deeper than the D-Bus specification allows. */
#include "common/json-write.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static gboolean is_plain(guchar c) {
  return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void append_escaped(GString *out, guchar c) {
  static const char digits[] = "0123456789abcdef", short_of[] = "\"\"\\\\\bb\ff\nn\rr\tt";

  g_string_append_c(out, '\\');
  for (const char *p = short_of; *p; p += 2)
    if ((guchar)*p == c) {
      g_string_append_c(out, p[1]);
      return;
    }
  g_string_append(out, "u00");
  g_string_append_c(out, digits[c >> 4]);
  g_string_append_c(out, digits[c & 15]);
}

void wg_json_append_string(GString *out, const char *text, gsize size) {
  const char *end = text + size, *from = text;

  g_string_append_c(out, '"');
  for (const char *p = text; p < end; p++) {
    if (is_plain((guchar)*p))
      continue;
    g_string_append_len(out, from, p - from);
    append_escaped(out, (guchar)*p);
    from = p + 1;
  }
  g_string_append_len(out, from, end - from);
  g_string_append_c(out, '"');
}

/* JSON has no number for the others. */
static void append_double(GString *out, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite(value)) {
    g_string_append(out, "null");
    return;
  }
  g_ascii_dtostr(text, sizeof text, value);
  g_string_append(out, text);
  if (!strpbrk(text, ".e"))
    g_string_append(out, ".0");
}

void wg_json_append_number(GString *out, guint64 value) {
  char text[24], *p = text + sizeof text;

  do
    *--p = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  g_string_append_len(out, p, text + sizeof text - p);
}

static void append_int(GString *out, gint64 value) {
  if (value < 0)
    g_string_append_c(out, '-');
  wg_json_append_number(out, value < 0 ? -(guint64)value : (guint64)value);
}

static int append_basic(GString *out, sd_bus_message *m, char type) {
  union {
    guint8 y;
    gint16 n;
    guint16 q;
    gint32 i;
    guint32 u;
    gint64 x;
    guint64 t;
    double d;
    int b;
    const char *s;
  } v;

  if (type == SD_BUS_TYPE_UNIX_FD)
    return -EBADMSG;
  int r = sd_bus_message_read_basic(m, type, &v);
  if (r <= 0)
    return r < 0 ? r : -ENXIO;
  switch (type) {
  case 'y':
    append_int(out, v.y);
    break;
  case 'b':
    g_string_append(out, v.b ? "true" : "false");
    break;
  case 'n':
    append_int(out, v.n);
    break;
  case 'q':
    append_int(out, v.q);
    break;
  case 'i':
    append_int(out, v.i);
    break;
  case 'u':
    append_int(out, v.u);
    break;
  case 'x':
    append_int(out, v.x);
    break;
  case 't':
    wg_json_append_number(out, v.t);
    break;
  case 'd':
    append_double(out, v.d);
    break;
  default: /* s, o, g */
    wg_json_append_string(out, v.s, strlen(v.s));
  }
  return 0;
}

/* A key is a string whatever its type. */
static int append_key(GString *out, sd_bus_message *m) {
  g_autoptr(GString) key = NULL;
  char type;
  int r = sd_bus_message_peek_type(m, &type, NULL);

  if (r <= 0)
    return r < 0 ? r : -ENXIO;
  if (strchr("sog", type) != NULL)
    return append_basic(out, m, type);
  key = g_string_new(NULL);
  r = append_basic(key, m, type);
  wg_json_append_string(out, key->str, key->len);
  return r;
}

static int append_entry(GString *out, sd_bus_message *m, const char *contents) {
  int r = sd_bus_message_enter_container(m, SD_BUS_TYPE_DICT_ENTRY, contents);

  if (r >= 0)
    r = append_key(out, m);
  g_string_append_c(out, ':');
  if (r >= 0)
    r = wg_json_append_value(out, m);
  return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

static int append_until_end(GString *out, sd_bus_message *m) {
  const char *contents;
  char type;
  int r;

  for (guint n = 0; (r = sd_bus_message_at_end(m, /* complete= */ FALSE)) == 0; n++) {
    if (n > 0)
      g_string_append_c(out, ',');
    r = sd_bus_message_peek_type(m, &type, &contents);
    if (r > 0 && type == SD_BUS_TYPE_DICT_ENTRY) {
      g_autofree char *of = g_strdup(contents); /* the message's goes with the next step */
      r = append_entry(out, m, of);
    } else if (r > 0) {
      r = wg_json_append_value(out, m);
    }
    if (r < 0)
      return r;
  }
  return r < 0 ? r : 0;
}

static int append_container(GString *out, sd_bus_message *m, char type, const char *contents) {
  gboolean object = type == SD_BUS_TYPE_ARRAY && contents[0] == '{';
  g_autofree char *of = g_strdup(contents);
  int r = sd_bus_message_enter_container(m, type, of);

  if (r < 0)
    return r;
  if (type == SD_BUS_TYPE_VARIANT) {
    r = wg_json_append_value(out, m);
  } else {
    g_string_append_c(out, object ? '{' : '[');
    r = append_until_end(out, m);
    g_string_append_c(out, object ? '}' : ']');
  }
  return r >= 0 ? sd_bus_message_exit_container(m) : r;
}

int wg_json_append_value(GString *out, sd_bus_message *m) {
  const char *contents = NULL;
  char type;
  int r = sd_bus_message_peek_type(m, &type, &contents);

  if (r <= 0)
    return r < 0 ? r : -ENXIO;
  r = contents != NULL ? append_container(out, m, type, contents) : append_basic(out, m, type);
  return MIN(r, 0);
}
