/* goss-resources.c: the resources of goss as checks. One table says which attribute of which
 * resource is which value of which type; what is no value has a function. */
#include "checks/goss-file.h"

#include <string.h>

typedef struct {
  GossFile *g;
  const GossResource *resource;
  JsonObject *given; /* attributes */
  JsonObject *check, *expect;
  const char *pointer;
} Item;

/* What is more than a value that is asserted. FALSE: a problem was told. */
typedef gboolean (*Special)(Item *item, JsonNode *node, const char *at);

typedef struct {
  const char *name, *value; /* ours; NULL with `special` */
  ChkGossShape shape;
  Special special;
} Attribute;

struct GossResource {
  const char *name, *type, *alias; /* alias: the attribute that stands for the key */
  Attribute attributes[16];
};

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static gboolean problem(Item *item, const char *at, const char *text) {
  wg_problems_add(item->g->problems, 0, at, "%s", text);
  return FALSE;
}

static void option_text(Item *item, const char *name, const char *text) {
  json_object_set_string_member(item->check, name, text);
}

/* ---- attributes that are more ---- */
static gboolean nothing(Item *item, JsonNode *node, const char *at) {
  return TRUE;
}
static gboolean timeout(Item *item, JsonNode *node, const char *at) {
  gint64 msec = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_int(node) : 0;
  g_autofree char *span = g_strdup_printf("%" G_GINT64_FORMAT "ms", msec);

  if (msec > 0)
    option_text(item, "timeout", span);
  return msec >= 0 || problem(item, at, "a time limit is a number of milliseconds");
}

static gboolean server(Item *item, JsonNode *node, const char *at) {
  if (is_text(node) && *json_node_get_string(node))
    option_text(item, "server", json_node_get_string(node));
  return TRUE;
}

/* goss writes names as DNS does, with a dot at the end. */
static JsonNode *without_dots(JsonNode *node) {
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_array_new();
    for (guint i = 0; i < json_array_get_length(json_node_get_array(node)); i++)
      json_array_add_element(array,
                             without_dots(json_array_get_element(json_node_get_array(node), i)));
    JsonNode *all = json_node_init_array(json_node_alloc(), array);
    json_array_unref(array);
    return all;
  }
  g_autofree char *text = is_text(node) ? g_strdup(json_node_get_string(node)) : NULL;
  if (!text)
    return json_node_copy(node);
  if (g_str_has_suffix(text, ".") && strlen(text) > 1)
    text[strlen(text) - 1] = 0;
  return json_node_init_string(json_node_alloc(), text);
}

static gboolean assert_value(Item *item, const char *value, ChkGossShape shape, JsonNode *node,
                             const char *at) {
  gboolean empty = FALSE;
  JsonNode *matcher = chk_goss_match(node, shape, at, item->g->problems, &empty);

  if (matcher)
    json_object_set_member(item->expect, value, matcher);
  return matcher != NULL || empty;
}

static gboolean addresses(Item *item, JsonNode *node, const char *at) {
  g_autoptr(JsonNode) plain = without_dots(node);

  return assert_value(item, "answers", CHK_GOSS_LIST, plain, at);
}

/* "0.0.0.0" is "0.0.0.0:PORT" here. */
static gboolean listen_addresses(Item *item, JsonNode *node, const char *at) {
  const char *port = strrchr(json_object_get_string_member(item->check, "port"), ':');
  JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  g_autoptr(JsonArray) all = json_array_new();

  for (guint i = 0; array && i < json_array_get_length(array); i++) {
    JsonNode *one = json_array_get_element(array, i);
    const char *ip = is_text(one) ? json_node_get_string(one) : NULL;
    if (!ip)
      return problem(item, at, "the addresses of a port are texts");
    g_autofree char *text = g_strdup_printf(strchr(ip, ':') ? "[%s]%s" : "%s%s", ip, port);
    json_array_add_string_element(all, text);
  }
  if (!array)
    return problem(item, at, "the addresses of a port are a list");
  g_autoptr(JsonNode) list = json_node_init_array(json_node_alloc(), all);
  return assert_value(item, "addresses", CHK_GOSS_LIST, list, at);
}

static gboolean insecure(Item *item, JsonNode *node, const char *at) {
  json_object_set_boolean_member(item->check, "insecure", json_node_get_boolean(node));
  return TRUE;
}

static gboolean no_redirects(Item *item, JsonNode *node, const char *at) {
  json_object_set_boolean_member(item->check, "follow-redirects", !json_node_get_boolean(node));
  return TRUE;
}

static JsonObject *headers_of(Item *item) {
  if (!json_object_has_member(item->check, "headers"))
    json_object_set_object_member(item->check, "headers", json_object_new());
  return json_object_get_object_member(item->check, "headers");
}

static gboolean request_headers(Item *item, JsonNode *node, const char *at) {
  JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  if (!array)
    return problem(item, at, "request headers are a list of \"Name: value\"");
  for (guint i = 0; i < json_array_get_length(array); i++) {
    const char *line = json_array_get_string_element(array, i);
    g_auto(GStrv) parts = g_strsplit(line ? line : "", ":", 2);
    if (!parts[0] || !parts[1])
      return problem(item, at, "a header is \"Name: value\"");
    json_object_set_string_member(headers_of(item), g_strstrip(parts[0]), g_strstrip(parts[1]));
  }
  return TRUE;
}

/* Name and password stand in the file already, so they may stand in the request. */
static gboolean password(Item *item, JsonNode *node, const char *at) {
  const char *user = json_object_get_string_member_with_default(item->given, "username", "");
  const char *secret = is_text(node) ? json_node_get_string(node) : "";
  g_autofree char *pair = g_strdup_printf("%s:%s", user, secret);
  g_autofree char *encoded = g_base64_encode((const guchar *)pair, strlen(pair));
  g_autofree char *basic = g_strconcat("Basic ", encoded, NULL);

  if (*user)
    json_object_set_string_member(headers_of(item), "Authorization", basic);
  return TRUE;
}

static gboolean as_option(Item *item, JsonNode *node, const char *at) {
  const char *name = strrchr(at, '/') + 1;

  if (is_text(node) && *json_node_get_string(node))
    option_text(item, g_str_equal(name, "request-body") ? "body" : name,
                json_node_get_string(node));
  return TRUE;
}

static gboolean content(Item *item, JsonNode *node, const char *at) {
  json_object_set_member(item->check, "content", json_node_copy(node));
  return TRUE;
}

/* A link is looked at itself, as lstat(2) does. */
static gboolean file_type(Item *item, JsonNode *node, const char *at) {
  if (is_text(node) && g_str_equal(json_node_get_string(node), "symlink"))
    json_object_set_boolean_member(item->check, "follow", FALSE);
  return assert_value(item, "type", CHK_GOSS_SCALAR, node, at);
}

static const GossResource resources[] = {
    {"addr",
     "tcp",
     "address",
     {{"reachable", "connected", CHK_GOSS_SCALAR, NULL},
      {"timeout", NULL, 0, timeout},
      {"local-address", NULL, 0, as_option}}},
    {"command",
     "command",
     "exec",
     {{"exit-status", "exit-status", CHK_GOSS_SCALAR, NULL},
      {"stdout", "stdout", CHK_GOSS_LINES, NULL},
      {"stderr", "stderr", CHK_GOSS_LINES, NULL},
      {"timeout", NULL, 0, timeout}}},
    {"dns",
     "dns",
     "resolve",
     {{"resolvable", "resolvable", CHK_GOSS_SCALAR, NULL},
      {"resolveable", "resolvable", 0, NULL},
      {"addrs", NULL, 0, addresses},
      {"server", NULL, 0, server},
      {"timeout", NULL, 0, timeout}}},
    {"file",
     "file",
     "path",
     {{"exists", "exists", 0, NULL},
      {"mode", "mode", 0, NULL},
      {"owner", "owner", 0, NULL},
      {"group", "group", 0, NULL},
      {"uid", "uid", 0, NULL},
      {"gid", "gid", 0, NULL},
      {"size", "size", 0, NULL},
      {"filetype", NULL, 0, file_type},
      {"linked-to", "link-target", 0, NULL},
      {"contents", "content", CHK_GOSS_LINES, NULL},
      {"contains", "content", CHK_GOSS_LINES, NULL},
      {"md5", "md5", 0, NULL},
      {"sha256", "sha256", 0, NULL},
      {"sha512", "sha512", 0, NULL}}},
    {"group", "group", "groupname", {{"exists", "exists", 0, NULL}, {"gid", "gid", 0, NULL}}},
    {"http",
     "http",
     "url",
     {{"status", "status", 0, NULL},
      {"allow-insecure", NULL, 0, insecure},
      {"no-follow-redirects", NULL, 0, no_redirects},
      {"timeout", NULL, 0, timeout},
      {"request-headers", NULL, 0, request_headers},
      {"headers", "header-lines", CHK_GOSS_LINES, NULL},
      {"body", "body", CHK_GOSS_LINES, NULL},
      {"username", NULL, 0, nothing},
      {"password", NULL, 0, password},
      {"ca-file", NULL, 0, as_option},
      {"method", NULL, 0, as_option},
      {"request-body", NULL, 0, as_option},
      {"cert-file", NULL, 0, as_option},
      {"key-file", NULL, 0, as_option},
      {"proxy", NULL, 0, as_option}}},
    {"interface",
     "interface",
     "name",
     {{"exists", "exists", 0, NULL},
      {"addrs", "addresses", CHK_GOSS_LIST, NULL},
      {"mtu", "mtu", 0, NULL}}},
    {"kernel-param", "kernel-parameter", "name", {{"value", "value", 0, NULL}}},
    {"matching",
     "value",
     NULL,
     {{"content", NULL, 0, content},
      {"matches", "value", CHK_GOSS_ANY, NULL},
      {"as-reader", NULL, 0, nothing}}},
    {"mount",
     "mount",
     "mountpoint",
     {{"exists", "exists", 0, NULL},
      {"opts", "options", CHK_GOSS_LIST, NULL},
      {"vfs-opts", "options", CHK_GOSS_LIST, NULL},
      {"source", "source", 0, NULL},
      {"filesystem", "filesystem", 0, NULL},
      {"usage", "usage", 0, NULL},
      {"timeout", NULL, 0, timeout}}},
    {"package",
     "package",
     "name",
     {{"installed", "installed", 0, NULL}, {"versions", "versions", CHK_GOSS_LIST, NULL}}},
    {"port",
     "port",
     "port",
     {{"listening", "listening", 0, NULL}, {"ip", NULL, 0, listen_addresses}}},
    {"process", "process", "comm", {{"running", "running", 0, NULL}}},
    {"service",
     "unit",
     "name",
     {{"enabled", "enabled", 0, NULL},
      {"running", "running", 0, NULL},
      {"runlevels", "runlevels", CHK_GOSS_LIST, NULL}}},
    {"user",
     "user",
     "username",
     {{"exists", "exists", 0, NULL},
      {"uid", "uid", 0, NULL},
      {"gid", "gid", 0, NULL},
      {"groups", "groups", CHK_GOSS_LIST, NULL},
      {"home", "home", 0, NULL},
      {"shell", "shell", 0, NULL}}},
};

/* ---- one resource ---- */
/* What is not there has no other attributes. */
static gboolean is_gone(JsonObject *given) {
  static const char *const names[] = {"exists",    "installed", "listening",
                                      "reachable", "running",   "resolvable"};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    JsonNode *node = json_object_get_member(given, names[i]);
    if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
        !json_node_get_boolean(node) && !json_object_has_member(given, "enabled"))
      return TRUE;
  }
  return FALSE;
}

static gboolean attribute(Item *item, const char *name, JsonNode *node) {
  static const char *const common[] = {"title", "meta", "skip", "name", NULL};
  g_autofree char *at = g_strdup_printf("%s/%s", item->pointer, name);

  for (const Attribute *a = item->resource->attributes; a->name; a++) {
    if (strcmp(a->name, name) != 0)
      continue;
    if (a->special)
      return a->special(item, node, at);
    gboolean other = is_gone(item->given) && JSON_NODE_HOLDS_VALUE(node) == FALSE;
    return other || assert_value(item, a->value, a->shape, node, at);
  }
  if (g_strv_contains(common, name) || g_strcmp0(name, item->resource->alias) == 0)
    return TRUE;
  return problem(item, at, "goss has no such attribute of this resource");
}

/* The subject as ours. */
static void set_subject(Item *item, const char *subject) {
  const char *type = item->resource->type, *colon = strchr(subject, ':');

  if (g_str_equal(type, "tcp") && g_str_has_prefix(subject, "tcp://")) {
    option_text(item, type, subject + strlen("tcp://"));
  } else if (g_str_equal(type, "port") &&
             (g_str_has_prefix(subject, "tcp:") || g_str_has_prefix(subject, "udp:"))) {
    /* to goss "tcp" is IPv4 alone */
    g_autofree char *four = g_strdup_printf("%.3s4%s", subject, subject + 3);
    option_text(item, type, four);
  } else if (g_str_equal(type, "dns") && colon && colon - subject <= 5) {
    g_autofree char *record = g_strndup(subject, (gsize)(colon - subject));
    option_text(item, "record", record);
    option_text(item, type, colon + 1);
  } else if (g_str_equal(type, "command")) {
    /* goss hands a command to the shell, with all of its own environment */
    JsonArray *argv = json_array_new();
    for (const char *const *word = (const char *const[]){"sh", "-c", NULL}; *word; word++)
      json_array_add_string_element(argv, *word);
    json_array_add_string_element(argv, subject);
    json_object_set_array_member(item->check, "argv", argv);
    json_object_set_boolean_member(item->check, "inherit", TRUE);
    option_text(item, type, subject);
  } else {
    option_text(item, type, subject);
  }
}

static void keep(GossFile *g, const char *name, JsonObject *check) {
  JsonNode *node = json_node_alloc();

  json_node_init_object(node, check);
  if (!g_hash_table_contains(g->checks, name))
    g_ptr_array_add(g->order, g_strdup(name));
  g_hash_table_replace(g->checks, g_strdup(name), node);
}

void goss_resource(GossFile *g, const GossResource *r, const char *key, JsonNode *node,
                   const char *pointer) {
  g_autoptr(JsonObject) check = json_object_new();
  JsonObject *given = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autofree char *name = g_strdup_printf("%s %s", r->name, key);
  Item item = {g, r, given, check, json_object_new(), pointer};

  json_object_set_object_member(check, "expect", item.expect);
  if (!given) {
    problem(&item, pointer, "a resource is a map of attributes");
    return;
  }
  if (json_object_get_boolean_member_with_default(given, "skip", FALSE))
    return;
  JsonNode *alias = r->alias ? json_object_get_member(given, r->alias) : NULL;
  g_autofree char *text = alias && !is_text(alias) ? json_to_string(alias, FALSE) : NULL;
  set_subject(&item, text ? text : alias ? json_node_get_string(alias) : key);
  option_text(&item, "name", name);
  if (is_text(json_object_get_member(given, "title") ?: node)) /* `node` is no text */
    option_text(&item, "hint", json_object_get_string_member(given, "title"));
  g_autoptr(GList) names = json_object_get_members(given);
  for (GList *l = names; l; l = l->next)
    attribute(&item, l->data, json_object_get_member(given, l->data));
  if (json_object_get_size(item.expect) == 0)
    wg_problems_warn(g->problems, 0, pointer, "nothing is asserted of it; left out");
  else
    keep(g, name, check);
}

const GossResource *goss_resource_find(const char *name) {
  for (guint i = 0; i < G_N_ELEMENTS(resources); i++)
    if (strcmp(resources[i].name, name) == 0)
      return &resources[i];
  return NULL;
}
