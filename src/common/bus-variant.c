/* bus-variant.c: see bus-variant.h. The recursion is bounded by sd-bus, which refuses
 * messages nested deeper than the D-Bus specification allows. Arrays of numbers are copied in
 * one piece; `b` is not among them, because it takes four bytes on the wire and one here. */
#include "common/bus-variant.h"

#include "common/error.h"

#include <errno.h>
#include <string.h>

/* Bytes of a type that looks the same on the wire and in a GVariant; 0 for all others. */
static gsize fixed_width(const char *type) {
  static const struct {
    char type;
    guint8 width;
  } widths[] = {{'y', 1}, {'n', 2}, {'q', 2}, {'i', 4}, {'u', 4}, {'x', 8}, {'t', 8}, {'d', 8}};

  if (type[0] == '\0' || type[1] != '\0')
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS(widths); i++)
    if (widths[i].type == type[0])
      return widths[i].width;
  return 0;
}

static GVariant *refuse(GError **error, int r) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the message cannot be read: %s",
              g_strerror(ABS(r)));
  return NULL;
}

static GVariant *read_basic(sd_bus_message *m, char type, GError **error) {
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
  int r = sd_bus_message_read_basic(m, type, &v);

  if (r < 0)
    return refuse(error, r);
  switch (type) {
  case 'y':
    return g_variant_new_byte(v.y);
  case 'b':
    return g_variant_new_boolean(v.b != 0);
  case 'n':
    return g_variant_new_int16(v.n);
  case 'q':
    return g_variant_new_uint16(v.q);
  case 'i':
    return g_variant_new_int32(v.i);
  case 'u':
    return g_variant_new_uint32(v.u);
  case 'x':
    return g_variant_new_int64(v.x);
  case 't':
    return g_variant_new_uint64(v.t);
  case 'd':
    return g_variant_new_double(v.d);
  case 's':
    return g_variant_new_string(v.s);
  case 'o':
    return g_variant_new_object_path(v.s);
  default:
    return g_variant_new_signature(v.s);
  }
}

static GVariant *read_fixed_array(sd_bus_message *m, const char *contents, gsize width,
                                  GError **error) {
  const void *data = NULL;
  gsize size = 0;
  int r = sd_bus_message_read_array(m, contents[0], &data, &size);

  if (r < 0)
    return refuse(error, r);
  return g_variant_new_fixed_array(G_VARIANT_TYPE(contents), data, size / width, width);
}

/* "as" for 'a' and "s", "(st)" for 'r' and "st", and so on. */
static char *type_of_container(char type, const char *contents) {
  switch (type) {
  case SD_BUS_TYPE_ARRAY:
    return g_strconcat("a", contents, NULL);
  case SD_BUS_TYPE_STRUCT:
    return g_strconcat("(", contents, ")", NULL);
  default:
    return g_strconcat("{", contents, "}", NULL);
  }
}

/* Reads values into `builder` until the container that `m` stands in ends. */
static gboolean read_until_end(sd_bus_message *m, GVariantBuilder *builder, GError **error) {
  for (;;) {
    int r = sd_bus_message_at_end(m, /* complete= */ FALSE);
    g_autoptr(GVariant) child = NULL;

    if (r > 0)
      return TRUE;
    if (r < 0) {
      refuse(error, r);
      return FALSE;
    }
    child = wg_variant_read(m, error);
    if (child == NULL)
      return FALSE;
    g_variant_builder_add_value(builder, child);
  }
}

static GVariant *read_container(sd_bus_message *m, char type, const char *contents,
                                GError **error) {
  /* `contents` belongs to the message and changes with the next step in it. */
  g_autofree char *inner = g_strdup(contents);
  g_autofree char *whole = type_of_container(type, inner);
  GVariantBuilder builder;
  int r = sd_bus_message_enter_container(m, type, inner);

  if (r < 0)
    return refuse(error, r);
  g_variant_builder_init(&builder, G_VARIANT_TYPE(whole));
  if (!read_until_end(m, &builder, error)) {
    g_variant_builder_clear(&builder);
    return NULL;
  }
  r = sd_bus_message_exit_container(m);
  if (r < 0) {
    g_variant_builder_clear(&builder);
    return refuse(error, r);
  }
  return g_variant_builder_end(&builder);
}

static GVariant *read_boxed(sd_bus_message *m, GError **error) {
  g_autoptr(GVariant) inner = wg_variant_read_inner(m, error);

  return inner != NULL ? g_variant_new_variant(inner) : NULL;
}

GVariant *wg_variant_read(sd_bus_message *m, GError **error) {
  char type;
  const char *contents = NULL;
  GVariant *value;
  int r = sd_bus_message_peek_type(m, &type, &contents);

  if (r <= 0)
    return refuse(error, r == 0 ? -ENXIO : r);
  if (type == SD_BUS_TYPE_UNIX_FD) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "a file descriptor is not taken here");
    return NULL;
  }
  if (contents == NULL)
    value = read_basic(m, type, error);
  else if (type == SD_BUS_TYPE_ARRAY && fixed_width(contents) > 0)
    value = read_fixed_array(m, contents, fixed_width(contents), error);
  else if (type == SD_BUS_TYPE_VARIANT)
    value = read_boxed(m, error);
  else
    value = read_container(m, type, contents, error);
  return value != NULL ? g_variant_take_ref(value) : NULL;
}

GVariant *wg_variant_read_inner(sd_bus_message *m, GError **error) {
  const char *contents;
  char type;
  int r = sd_bus_message_peek_type(m, &type, &contents);

  if (r > 0)
    r = type == SD_BUS_TYPE_VARIANT ? sd_bus_message_enter_container(m, type, contents) : -ENXIO;
  if (r <= 0)
    return refuse(error, r == 0 ? -ENXIO : r);
  g_autoptr(GVariant) value = wg_variant_read(m, error);
  if (value == NULL)
    return NULL;
  r = sd_bus_message_exit_container(m);
  return r < 0 ? refuse(error, r) : g_steal_pointer(&value);
}

GVariant *wg_variant_read_all(sd_bus_message *m, GError **error) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
  if (!read_until_end(m, &builder, error)) {
    g_variant_builder_clear(&builder);
    return NULL;
  }
  return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static int append_basic(sd_bus_message *m, GVariant *value) {
  char type = g_variant_get_type_string(value)[0];

  if (strchr("sog", type) != NULL)
    return sd_bus_message_append_basic(m, type, g_variant_get_string(value, NULL));
  if (type == 'b') {
    int b = g_variant_get_boolean(value);
    return sd_bus_message_append_basic(m, type, &b);
  }
  return sd_bus_message_append_basic(m, type, g_variant_get_data(value));
}

static int append_container(sd_bus_message *m, char type, const char *contents, GVariant *value) {
  int r = sd_bus_message_open_container(m, type, contents);

  if (r >= 0)
    r = wg_variant_append_children(m, value);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

/* Of measured values there may be a hundred thousand, and a GVariant for each part of each would
 * cost ten times as much. */
static int append_points(sd_bus_message *m, GVariant *value) {
  const struct {
    guint64 time;
    double value;
  } * points;
  gsize n = 0;
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "(td)");

  points = g_variant_get_fixed_array(value, &n, sizeof *points);
  for (gsize i = 0; r >= 0 && i < n; i++)
    r = sd_bus_message_append(m, "(td)", points[i].time, points[i].value);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_array(sd_bus_message *m, GVariant *value) {
  const char *contents = g_variant_get_type_string(value) + 1;
  gsize width = fixed_width(contents);

  if (strcmp(contents, "(td)") == 0)
    return append_points(m, value);
  if (width == 0)
    return append_container(m, SD_BUS_TYPE_ARRAY, contents, value);
  gsize n = 0;
  const void *data = g_variant_get_fixed_array(value, &n, width);
  return sd_bus_message_append_array(m, contents[0], data, n * width);
}

int wg_variant_append(sd_bus_message *m, GVariant *value) {
  const char *type = g_variant_get_type_string(value);

  switch (type[0]) {
  case 'a':
    return append_array(m, value);
  case 'v': {
    g_autoptr(GVariant) child = g_variant_get_variant(value);
    return append_container(m, SD_BUS_TYPE_VARIANT, g_variant_get_type_string(child), value);
  }
  case '(':
  case '{': {
    g_autofree char *contents = g_strndup(type + 1, strlen(type) - 2);
    return append_container(m, type[0] == '(' ? SD_BUS_TYPE_STRUCT : SD_BUS_TYPE_DICT_ENTRY,
                            contents, value);
  }
  default:
    return append_basic(m, value);
  }
}

int wg_variant_append_children(sd_bus_message *m, GVariant *tuple) {
  gsize n = g_variant_n_children(tuple);

  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) child = g_variant_get_child_value(tuple, i);
    int r = wg_variant_append(m, child);
    if (r < 0)
      return r;
  }
  return 0;
}

int wg_variant_append_entry(sd_bus_message *m, const char *key, GVariant *value) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, 's', key);
  if (r >= 0)
    r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, g_variant_get_type_string(value));
  if (r >= 0)
    r = wg_variant_append(m, value);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}
