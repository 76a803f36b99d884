/* deploy.c: see deploy.h. */
#include "client/deploy.h"

#include "client/body.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MANIFEST_MAX (4 * 1024 * 1024)

const CliOption cli_deploy_target_options[] = {
    {"target", 't', CLI_VALUE_REQUIRED, "NAME", "Only this target (may be given more than once)"},
    {"label", 'l', CLI_VALUE_REQUIRED, "KEY=VALUE", "Targets with this label"},
    {"domain", 'd', CLI_VALUE_REQUIRED, "NAME", "Targets of this domain"},
    {NULL},
};

gboolean cli_deploy_targets(const CliArgs *args, GVariantDict *options, GError **error) {
  GVariant *targets = cli_args_names(args, "target");
  g_autoptr(GVariant) labels = NULL;
  g_autoptr(GError) local = NULL;

  cli_args_pairs(args, "label", &labels, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
  }
  if (targets)
    g_variant_dict_insert_value(options, "targets", targets);
  if (labels)
    g_variant_dict_insert_value(options, "labels", labels);
  if (cli_args_has(args, "domain"))
    g_variant_dict_insert(options, "domain", "s", cli_args_get(args, "domain"));
  return TRUE;
}

static GByteArray *read_all(int fd, const char *file, GError **error) {
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  guint8 buffer[65536];

  for (;;) {
    gssize n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0)
      return g_steal_pointer(&bytes);
    if (n < 0 || bytes->len + (gsize)n > MANIFEST_MAX) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_BAD_FILE, "%s cannot be read: %s", file,
                  n < 0 ? g_strerror(errno) : "it is longer than 4 MiB");
      return NULL;
    }
    g_byte_array_append(bytes, buffer, (guint)n);
  }
}

/* What is deployed is what was read here, whatever happens to the file meanwhile. */
int cli_sealed(Cli *cli, const void *data, gsize size, GError **error) {
  int fd = memfd_create("waggle-manifest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd >= 0 && (size == 0 || write(fd, data, size) == (gssize)size) &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0 &&
      lseek(fd, 0, SEEK_SET) == 0) {
    g_array_append_val(cli->fds, fd);
    return fd;
  }
  g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "no memory for a file: %s", g_strerror(errno));
  if (fd >= 0)
    close(fd);
  return -1;
}

gboolean cli_deploy_manifest(Cli *cli, const char *file, int *ret_fd, char **ret_base,
                             GError **error) {
  gboolean is_stdin = g_str_equal(file, "-");
  int in = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

  if (in < 0) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_BAD_FILE, "%s cannot be read: %s", file,
                g_strerror(errno));
    return FALSE;
  }
  g_autoptr(GByteArray) bytes = read_all(in, is_stdin ? "stdin" : file, error);
  if (!is_stdin)
    close(in);
  int fd = bytes ? cli_sealed(cli, bytes->data, bytes->len, error) : -1;
  if (fd < 0)
    return FALSE;
  g_autofree char *whole = g_canonicalize_filename(is_stdin ? "manifest" : file, NULL);
  *ret_base = g_path_get_dirname(whole);
  *ret_fd = fd;
  return TRUE;
}

void cli_deploy_blame(Cli *cli, int fd, const char *base, GError *error) {
  if (!g_error_matches(error, CLI_ERROR, CLI_EXIT_USAGE))
    return;
  g_autoptr(GVariant) reply = cli_call(
      cli, "Validate", g_variant_new("(hs@a{sv})", fd, base, g_variant_new("a{sv}", NULL)), NULL);
  g_autoptr(GVariant) problems = reply ? g_variant_get_child_value(reply, 0) : NULL;
  for (gsize i = 0; problems && i < g_variant_n_children(problems); i++) {
    gboolean warning;
    g_variant_get_child(problems, i, "(u&sb&s)", NULL, NULL, &warning, NULL);
    if (!warning)
      error->code = CLI_EXIT_BAD_FILE;
  }
}

int cli_deploy_status(int code) {
  switch (code) {
  case CLI_EXIT_USAGE:
    return CLI_EXIT_WRONG_USAGE;
  case CLI_EXIT_TIMEOUT:
  case CLI_EXIT_UNREACHABLE:
    return CLI_EXIT_UNDETERMINED;
  default: /* past CliExit's own numbers it is a status of deployment already */
    return code > CLI_EXIT_CONFLICT ? code : CLI_EXIT_FAILURE;
  }
}

JsonNode *cli_deploy_json(Cli *cli, const char *method, GVariant *params, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, method, params, error);
  g_autoptr(GError) local = NULL;
  const char *text;

  if (!reply)
    return NULL;
  g_variant_get(reply, "(&s)", &text);
  JsonNode *node = json_from_string(text, &local);
  if (!node)
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "the answer of %s is no JSON: %s", method,
                local ? local->message : "it is empty");
  return node;
}

gboolean cli_deploy_id(const char *word, guint64 *ret, GError **error) {
  if (g_ascii_string_to_unsigned(*word == '#' ? word + 1 : word, 10, 1, G_MAXUINT64, ret, NULL))
    return TRUE;
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
              "\"%s\" is no number of a deployment; \"waggle deploy history\" lists them", word);
  return FALSE;
}
