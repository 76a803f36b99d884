/* hand-restore.c: what a hand that is killed leaves behind, and how the next one undoes it.
 *
 * Before the first change of map or locks a file says what stood on the key codes, which keys may
 * be down, which locks were on; it goes when all that is put back. The file belongs to one life of
 * one X server: a token on the root window, which dies with the server, says so. Bytes from the
 * file are checked, for a half-true one would break the user's keyboard. Written by rename; not
 * synced, for a server does not outlive the boot either. */
#include "typing/hand.h"

#include "common/error.h"

#include <X11/Xatom.h>
#include <X11/extensions/XTest.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define GROUP "restore"
#define TOKEN "_WAGGLE_TYPIST_TOKEN"
#define PATIENCE (5 * G_TIME_SPAN_SECOND)
#define PER_MAX 64

/* The root's token, made when there is none. */
static char *token(Hand *hand, gboolean make) {
  gulong n;
  char *found = hand_x_property(hand, hand->root, TOKEN, XA_STRING, 8, &n);

  if (found || !make)
    return found;
  char *made = g_uuid_string_random();
  XChangeProperty(hand->display, hand->root, hand_x_atom(hand, TOKEN), XA_STRING, 8,
                  PropModeReplace, (const guchar *)made, (int)strlen(made));
  XSync(hand->display, False);
  return made;
}

static void set_numbers(GKeyFile *file, const char *key, const gulong *values, guint n) {
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; i < n; i++)
    g_string_append_printf(text, "%lu;", values[i]);
  g_key_file_set_value(file, GROUP, key, text->str);
}

gboolean hand_restore_write(Hand *hand, GError **error) {
  const HandMap *map = &hand->map;
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autofree char *mine = token(hand, TRUE);
  gulong codes[HAND_CODES_MAX];

  (void)hand_map_spares(hand);
  for (guint i = 0; i < map->n; i++)
    codes[i] = map->code[i];
  g_key_file_set_string(file, GROUP, "token", mine);
  g_key_file_set_uint64(file, GROUP, "per", map->per);
  set_numbers(file, "codes", codes, map->n);
  set_numbers(file, "keysyms", map->saved, map->n * map->per);
  g_key_file_set_uint64(file, GROUP, "locked", hand->state.locked_mods);
  g_key_file_set_uint64(file, GROUP, "group", hand->state.locked_group);
  g_key_file_set_uint64(file, GROUP, "controls", hand->controls);
  g_autofree char *text = g_key_file_to_data(file, NULL, NULL);
  g_autofree char *fresh = g_strconcat(hand->restore_file, ".new", NULL);
  if (g_file_set_contents_full(fresh, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, error)) {
    if (g_rename(fresh, hand->restore_file) == 0)
      return TRUE;
    wg_error_set_errno(error, errno, "Cannot write %s", hand->restore_file);
  }
  g_prefix_error(error, "Nothing was typed, for a crash could not be undone: ");
  return FALSE;
}

void hand_restore_remove(Hand *hand) {
  (void)g_unlink(hand->restore_file);
}

/* The numbers of a list; their count is `want`, each at most `max`. */
static gulong *get_numbers(GKeyFile *file, const char *key, gsize want, guint64 max) {
  gsize n = 0;
  g_auto(GStrv) items = g_key_file_get_string_list(file, GROUP, key, &n, NULL);

  if (!items || n != want)
    return NULL;
  g_autofree gulong *values = g_new0(gulong, n + 1);
  for (gsize i = 0; i < n; i++) {
    guint64 value;
    if (!g_ascii_string_to_unsigned(items[i], 10, 0, max, &value, NULL))
      return NULL;
    values[i] = (gulong)value;
  }
  return g_steal_pointer(&values);
}

static void release(Hand *hand) {
  char down[32];

  XQueryKeymap(hand->display, down);
  for (int code = 8; code < 256; code++)
    if (down[code / 8] & (1 << (code % 8)))
      XTestFakeKeyEvent(hand->display, (guint)code, False, CurrentTime);
}

static gboolean undo(Hand *hand, GKeyFile *file) {
  g_autofree char *theirs = g_key_file_get_string(file, GROUP, "token", NULL);
  g_autofree char *mine = token(hand, FALSE);
  guint64 per = g_key_file_get_uint64(file, GROUP, "per", NULL);
  guint64 locked = g_key_file_get_uint64(file, GROUP, "locked", NULL);
  guint64 group = g_key_file_get_uint64(file, GROUP, "group", NULL);
  gsize n = 0;
  g_auto(GStrv) items = g_key_file_get_string_list(file, GROUP, "codes", &n, NULL);
  int first, last;

  if (!mine || g_strcmp0(mine, theirs) != 0 || per == 0 || per > PER_MAX || n > HAND_CODES_MAX)
    return FALSE;
  XDisplayKeycodes(hand->display, &first, &last);
  g_autofree gulong *codes = get_numbers(file, "codes", n, (guint64)last);
  g_autofree gulong *syms = get_numbers(file, "keysyms", n * per, G_MAXUINT32);
  if (!codes || !syms)
    return FALSE;
  KeyCode keys[HAND_CODES_MAX];
  for (gsize i = 0; i < n; i++) {
    keys[i] = (KeyCode)codes[i];
    if (codes[i] < (gulong)first)
      return FALSE;
  }
  release(hand);
  hand_map_revert(hand, keys, syms, (guint)n, (guint)per);
  XkbLockModifiers(hand->display, XkbUseCoreKbd, 0xff, locked & 0xff);
  XkbLockGroup(hand->display, XkbUseCoreKbd, group & 3);
  hand_state_controls(hand, (guint)g_key_file_get_uint64(file, GROUP, "controls", NULL));
  XSync(hand->display, False);
  return TRUE;
}

gboolean hand_restore_run(Hand *hand) {
  g_autoptr(GKeyFile) file = g_key_file_new();
  gboolean done = FALSE;

  if (hand->map.changed) { /* it is ours, and we know better */
    hand_map_put_back(hand);
    return TRUE;
  }
  if (g_key_file_load_from_file(file, hand->restore_file, G_KEY_FILE_NONE, NULL))
    done = undo(hand, file);
  hand_restore_remove(hand);
  return done;
}

/* Held until the process ends. */
gboolean hand_restore_lock(Hand *hand, GError **error) {
  g_autofree char *path = g_strconcat(hand->restore_file, ".lock", NULL);
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  gint64 until = g_get_monotonic_time() + PATIENCE;

  if (fd < 0)
    return wg_error_set_errno(error, errno, "Cannot open %s", path);
  while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EINTR && (errno != EWOULDBLOCK || g_get_monotonic_time() > until)) {
      wg_error_set_errno(error, errno, "Another hand holds %s", path);
      close(fd);
      return FALSE;
    }
    g_usleep(20 * G_TIME_SPAN_MILLISECOND); /* it is leaving: it saw its typist go */
  }
  return TRUE;
}
