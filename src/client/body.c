/* body.c: see body.h. Nothing is ever cut: what does not fit inline goes by descriptor. */
#include "client/body.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define INLINE_MAX (256 * 1024)
#define READ_CHUNK (64 * 1024)

static GBytes *read_stdin(GError **error) {
  g_autoptr(GByteArray) all = g_byte_array_new();
  g_autofree guint8 *chunk = g_malloc(READ_CHUNK);

  for (;;) {
    ssize_t n = read(STDIN_FILENO, chunk, READ_CHUNK);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot read stdin: %s", g_strerror(errno));
      return NULL;
    }
    if (n == 0)
      return g_byte_array_free_to_bytes(g_steal_pointer(&all));
    if (all->len > (guint)G_MAXINT - READ_CHUNK) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "stdin is larger than any message may be");
      return NULL;
    }
    g_byte_array_append(all, chunk, (guint)n);
  }
}

static GBytes *read_file(const char *path, GError **error) {
  g_autoptr(GError) cause = NULL;
  char *data;
  gsize n;

  if (g_str_equal(path, "-"))
    return read_stdin(error);
  if (!g_file_get_contents(path, &data, &n, &cause)) {
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_FAILURE, cause->message);
    return NULL;
  }
  return g_bytes_new_take(data, n);
}

GBytes *cli_body_read(const CliArgs *args, guint first, GError **error) {
  const char *file = cli_args_get(args, "file");
  guint n;
  char **words = cli_args_words(args, &n);

  if (file && n > first) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "give a text or --file, not both");
    return NULL;
  }
  if (file)
    return read_file(file, error);
  if (n <= first) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                "nothing to send; give a text, \"-\" for stdin, or --file=PATH");
    return NULL;
  }
  if (n == first + 1 && g_str_equal(words[first], "-"))
    return read_stdin(error);
  char *text = g_strjoinv(" ", words + first);
  return g_bytes_new_take(text, strlen(text));
}

GVariant *cli_body_attach(Cli *cli, GBytes *body, GVariantDict *options, GError **error) {
  gsize n;
  const guint8 *data = g_bytes_get_data(body, &n);

  if (n <= INLINE_MAX)
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, data, n, 1);
  int fd = wg_memfd_sealed("waggle-body", data, n);
  if (fd < 0) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE,
                "cannot keep %" G_GSIZE_FORMAT " bytes in memory: %s", n, g_strerror(errno));
    return NULL;
  }
  g_array_append_val(cli->fds, fd);
  g_variant_dict_insert_value(options, "body-fd", g_variant_new_handle(fd));
  return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, NULL, 0, 1);
}

/* A descriptor is let go as soon as its body is mapped: an export may see thousands. */
static void let_go(Cli *cli, int fd) {
  for (guint i = 0; i < cli->fds->len; i++)
    if (g_array_index(cli->fds, int, i) == fd) {
      g_array_remove_index_fast(cli->fds, i);
      close(fd);
      return;
    }
}

GBytes *cli_body_of(Cli *cli, GVariant *fields, GVariant *inline_body, GError **error) {
  g_autoptr(GError) cause = NULL;
  gint32 fd;

  if (!g_variant_lookup(fields, "body-fd", "h", &fd))
    return inline_body ? g_variant_get_data_as_bytes(inline_body) : g_bytes_new(NULL, 0);
  g_autoptr(GMappedFile) file = g_mapped_file_new_from_fd(fd, FALSE, &cause);
  let_go(cli, fd);
  if (!file) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot read the body: %s", cause->message);
    return NULL;
  }
  return g_mapped_file_get_bytes(file);
}
