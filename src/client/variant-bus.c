/* variant-bus.c: see variant-bus.h. Every type of D-Bus is walked; depth is bounded by D-Bus itself
 * (64 levels), which sd-bus checks before a message reaches us. */
#include "client/variant-bus.h"

#include <errno.h>
#include <fcntl.h>

static int append_one(sd_bus_message *m, GVariant *v);

static int append_members(sd_bus_message *m, GVariant *v) {
  GVariantIter iter;
  g_variant_iter_init(&iter, v);
  for (;;) {
    g_autoptr(GVariant) child = g_variant_iter_next_value(&iter);
    if (!child)
      return 0;
    int r = append_one(m, child);
    if (r < 0)
      return r;
  }
}

static int append_container(sd_bus_message *m, char type, const char *contents, GVariant *v) {
  int r = sd_bus_message_open_container(m, type, contents);
  if (r < 0)
    return r;
  r = append_members(m, v);
  return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The signature between the brackets of a tuple's or dict entry's type. */
static char *inner_signature(GVariant *v) {
  const char *type = g_variant_get_type_string(v);
  return g_strndup(type + 1, strlen(type) - 2);
}

static int append_array(sd_bus_message *m, GVariant *v) {
  const char *contents = g_variant_get_type_string(v) + 1;

  if (g_str_equal(contents, "y")) {
    gsize n;
    gconstpointer data = g_variant_get_fixed_array(v, &n, 1);
    return sd_bus_message_append_array(m, 'y', data, n);
  }
  return append_container(m, SD_BUS_TYPE_ARRAY, contents, v);
}

static int append_one(sd_bus_message *m, GVariant *v) {
  g_autofree char *inner = NULL;

  switch (g_variant_classify(v)) {
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_OBJECT_PATH:
  case G_VARIANT_CLASS_SIGNATURE:
    return sd_bus_message_append_basic(m, g_variant_get_type_string(v)[0],
                                       g_variant_get_string(v, NULL));
  case G_VARIANT_CLASS_BOOLEAN: {
    int b = g_variant_get_boolean(v); /* sd-bus takes an int, GVariant keeps a byte */
    return sd_bus_message_append_basic(m, 'b', &b);
  }
  case G_VARIANT_CLASS_ARRAY:
    return append_array(m, v);
  case G_VARIANT_CLASS_TUPLE:
    inner = inner_signature(v);
    return append_container(m, SD_BUS_TYPE_STRUCT, inner, v);
  case G_VARIANT_CLASS_DICT_ENTRY:
    inner = inner_signature(v);
    return append_container(m, SD_BUS_TYPE_DICT_ENTRY, inner, v);
  case G_VARIANT_CLASS_VARIANT: {
    g_autoptr(GVariant) child = g_variant_get_variant(v);
    return append_container(m, SD_BUS_TYPE_VARIANT, g_variant_get_type_string(child), v);
  }
  case G_VARIANT_CLASS_MAYBE:
    return -EINVAL; /* not a type of D-Bus */
  default:
    return sd_bus_message_append_basic(m, g_variant_get_type_string(v)[0], g_variant_get_data(v));
  }
}

int cli_variant_append(sd_bus_message *m, GVariant *params) {
  g_return_val_if_fail(g_variant_is_of_type(params, G_VARIANT_TYPE_TUPLE), -EINVAL);
  return append_members(m, params);
}

static int read_one(sd_bus_message *m, GArray *fds, GVariant **ret);

static int read_basic(sd_bus_message *m, char type, GArray *fds, GVariant **ret) {
  union {
    guint64 any;
    const char *s;
    int i;
  } value = {.any = 0};

  int r = sd_bus_message_read_basic(m, type, &value);
  if (r < 0)
    return r;
  if (strchr("sog", type)) {
    char signature[] = {type, 0};
    *ret = g_variant_new(signature, value.s);
    return 0;
  }
  if (type == 'b') {
    *ret = g_variant_new_boolean(value.i);
    return 0;
  }
  if (type == 'h') {
    int fd = fcntl(value.i, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
      return -errno;
    g_array_append_val(fds, fd);
    *ret = g_variant_new_handle(fd);
    return 0;
  }
  const char signature[] = {type, 0};
  gsize size = strchr("nq", type) ? 2 : strchr("iu", type) ? 4 : type == 'y' ? 1 : 8;
  gpointer copy = g_memdup2(&value, size);
  *ret = g_variant_new_from_data(G_VARIANT_TYPE(signature), copy, size, TRUE, g_free, copy);
  return 0;
}

static int read_bytes(sd_bus_message *m, GVariant **ret) {
  const void *data;
  size_t n;

  int r = sd_bus_message_read_array(m, 'y', &data, &n);
  if (r < 0)
    return r;
  *ret = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, n, 1);
  return 0;
}

static int read_container(sd_bus_message *m, char type, const char *contents, GArray *fds,
                          GVariant **ret) {
  g_autofree char *signature = type == SD_BUS_TYPE_ARRAY        ? g_strdup_printf("a%s", contents)
                               : type == SD_BUS_TYPE_STRUCT     ? g_strdup_printf("(%s)", contents)
                               : type == SD_BUS_TYPE_DICT_ENTRY ? g_strdup_printf("{%s}", contents)
                                                                : g_strdup("v");
  g_auto(GVariantBuilder) builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE(signature));
  int r = sd_bus_message_enter_container(m, type, contents);
  if (r < 0)
    return r;
  while ((r = sd_bus_message_at_end(m, FALSE)) == 0) {
    GVariant *child = NULL;
    r = read_one(m, fds, &child);
    if (r < 0)
      return r;
    g_variant_builder_add_value(&builder, child);
  }
  if (r < 0)
    return r;
  *ret = g_variant_builder_end(&builder);
  return sd_bus_message_exit_container(m);
}

static int read_one(sd_bus_message *m, GArray *fds, GVariant **ret) {
  const char *contents;
  char type;

  int r = sd_bus_message_peek_type(m, &type, &contents);
  if (r < 0)
    return r;
  if (r == 0)
    return -EBADMSG;
  if (type == SD_BUS_TYPE_ARRAY && g_str_equal(contents, "y"))
    return read_bytes(m, ret);
  if (strchr("arve", type))
    return read_container(m, type, contents, fds, ret);
  return read_basic(m, type, fds, ret);
}

int cli_variant_read(sd_bus_message *m, GArray *fds, GVariant **ret) {
  g_auto(GVariantBuilder) builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_TUPLE);
  int r;
  while ((r = sd_bus_message_at_end(m, TRUE)) == 0) {
    GVariant *child = NULL;
    r = read_one(m, fds, &child);
    if (r < 0)
      return r;
    g_variant_builder_add_value(&builder, child);
  }
  if (r < 0)
    return r;
  *ret = g_variant_ref_sink(g_variant_builder_end(&builder));
  g_variant_get_data(
      *ret); /* in one piece now: later it would pull strings away from who borrowed them */
  return 0;
}
