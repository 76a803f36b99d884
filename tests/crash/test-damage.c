/* test-damage.c: the database file is damaged between two runs.
 *
 * The daemon starts all the same, keeps what it could not read, counts and announces it, and
 * delivers the rest. What it delivers is what was sent: never a body that is not. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "ledger.h"
#include "probe.h"
#include "trial.h"

#include "common/names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES 600
#define PAGE 4096

typedef struct {
  guint delivered;
  guint64 dead, quarantined;
  guint kept; /* files kept aside */
} Outcome;

static void fill(Rig *rig, Ledger *ledger) {
  guint8 body[LEDGER_MAX_BODY];

  rig_start_daemon(rig);
  sd_bus *bus = rig_connect(rig);
  probe_register(bus, "ant", NULL);
  for (guint i = 0; i < MESSAGES; i++) {
    LedgerEntry *entry = ledger_new_entry(ledger, 1, FALSE, 0);
    ProbeSent sent;
    probe_send(bus, "ant", body, ledger_body(entry->index, body), &sent);
    g_assert_null(sent.error);
    ledger_numbered(ledger, entry, sent.number);
    probe_sent_clear(&sent);
  }
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(rig), ==, 0);
}

static int open_database(Rig *rig, gsize *ret_size) {
  g_autofree char *path = g_build_filename(rig->state, "messages.db", NULL);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat st;

  g_assert_cmpint(fd, >=, 0);
  g_assert_cmpint(fstat(fd, &st), ==, 0);
  *ret_size = st.st_size;
  return fd;
}

/* Sound bytes only: ledger_delivered() ends the program at any other. */
static guint receive_all(sd_bus *bus, Ledger *ledger) {
  guint n = 0;

  for (gboolean more = TRUE; more;) {
    sd_bus_message *reply = NULL;
    guint64 number, token;
    const void *body;
    size_t size;
    g_assert_cmpint(sd_bus_call_method(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, "Receive",
                                       NULL, &reply, "sa{sv}", "ant", 1, "max", "u", (guint32)64),
                    >=, 0);
    g_assert_cmpint(sd_bus_message_enter_container(reply, 'a', "(ttsaya{sv})"), >=, 0);
    for (more = FALSE; sd_bus_message_enter_container(reply, 'r', "ttsaya{sv}") > 0; n++) {
      g_assert_cmpint(sd_bus_message_read(reply, "tts", &number, &token, NULL), >=, 0);
      g_assert_cmpint(sd_bus_message_read_array(reply, 'y', &body, &size), >=, 0);
      g_assert_cmpint(sd_bus_message_skip(reply, "a{sv}"), >=, 0);
      g_assert_cmpint(sd_bus_message_exit_container(reply), >=, 0);
      ledger_delivered(ledger, 0, number, body, size);
      probe_ack(bus, token);
      more = TRUE;
    }
    sd_bus_message_unref(reply);
  }
  return n;
}

static guint kept_files(Rig *rig) {
  g_autoptr(GDir) dir = g_dir_open(rig->state, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name(dir)) != NULL)
    n += g_str_has_prefix(name, "messages.db.damaged") && !g_str_has_suffix(name, "-wal") &&
         !g_str_has_suffix(name, "-shm");
  return n;
}

/* Damages the file by `harm`, then looks at what is still there. */
static void trial(void (*harm)(int fd, gsize size), Outcome *ret) {
  Ledger ledger;
  gsize size;
  Rig rig;

  ledger_init(&ledger);
  trial_rig(&rig, NULL);
  fill(&rig, &ledger);
  int fd = open_database(&rig, &size);
  harm(fd, size);
  close(fd);
  rig_start_daemon(&rig);
  sd_bus *bus = rig_connect(&rig);
  probe_register(bus, "ant", NULL); /* it may be among what was lost */
  ret->delivered = receive_all(bus, &ledger);
  ret->quarantined = probe_statistic(bus, "quarantined");
  ret->kept = kept_files(&rig);
  ret->dead = probe_agent(bus, "ant", "dead");
  g_autofree char *findings = probe_check(bus);
  g_test_message("%u of %u delivered, %" G_GUINT64_FORMAT " dead, %" G_GUINT64_FORMAT
                 " in quarantine, %u files kept; Check: %s",
                 ret->delivered, MESSAGES, ret->dead, ret->quarantined, ret->kept, findings);
  /* whatever is missing, something tells of it */
  if (ret->delivered + ret->dead != MESSAGES)
    g_assert_true(ret->kept > 0 || *findings);
  if (ret->kept > 0) {
    trial_assert_logged(&rig, "The store was damaged; the damaged file is kept as");
    trial_assert_logged(&rig, "rows over into a new store");
  }
  /* and it works as before */
  probe_send_one(bus, "ant");
  guint64 number, token;
  g_assert_true(probe_receive(bus, "ant", 0, &number, &token));
  g_assert_null(g_hash_table_lookup(ledger.by_number, &number));
  sd_bus_close_unref(bus);
  g_assert_cmpint(rig_stop_daemon(&rig), ==, 0);
  ledger_clear(&ledger);
  rig_free(&rig);
}

static void overwrite(int fd, gsize at, gsize n) {
  for (gsize i = 0; i < n; i++) {
    guint8 byte = trial_dice(256);
    g_assert_cmpint(pwrite(fd, &byte, 1, at + i), ==, 1);
  }
}

static void harm_header(int fd, gsize size) {
  overwrite(fd, 0, PAGE);
}

static void test_header(void) {
  Outcome outcome;

  trial(harm_header, &outcome);
  g_assert_cmpuint(outcome.kept, ==, 1);
  g_assert_cmpuint(outcome.delivered, >, 0);
}

static void harm_length(int fd, gsize size) {
  g_assert_cmpint(ftruncate(fd, size / 2 / PAGE * PAGE), ==, 0);
}

static void test_truncated(void) {
  Outcome outcome;

  trial(harm_length, &outcome);
  g_assert_cmpuint(outcome.kept, ==, 1);
  g_assert_cmpuint(outcome.delivered, >, 0);
  g_assert_cmpuint(outcome.delivered, <, MESSAGES);
}

/* Whole pages anywhere but the first. */
static void harm_pages(int fd, gsize size) {
  for (guint i = 0; i < 3; i++)
    overwrite(fd, (1 + trial_dice(size / PAGE - 1)) * PAGE, PAGE);
}

static void test_pages(void) {
  Outcome outcome;

  trial(harm_pages, &outcome);
  if (outcome.delivered < MESSAGES) /* an unused page may have been hit */
    g_assert_cmpuint(outcome.kept + outcome.quarantined, >, 0);
  g_assert_cmpuint(outcome.delivered, >, MESSAGES / 4);
}

/* Single bits: SQLite itself sees few of them, the records' checksums do. */
static void harm_bits(int fd, gsize size) {
  for (guint i = 0; i < 20; i++) {
    gsize at = PAGE + trial_dice(size - PAGE);
    guint8 byte;
    g_assert_cmpint(pread(fd, &byte, 1, at), ==, 1);
    byte ^= 1u << trial_dice(8);
    g_assert_cmpint(pwrite(fd, &byte, 1, at), ==, 1);
  }
}

static void test_bits(void) {
  Outcome outcome;

  trial(harm_bits, &outcome);
  if (outcome.delivered < MESSAGES)
    g_assert_cmpuint(outcome.kept + outcome.quarantined, >, 0);
  g_assert_cmpuint(outcome.delivered, >, MESSAGES / 4);
}

/* A body is damaged where only the record's checksum can tell: that message alone is not
 * delivered. */
static void harm_one_body(int fd, gsize size) {
  guint8 body[LEDGER_MAX_BODY];
  gsize n = ledger_body(7, body);
  g_autofree guint8 *file = g_malloc(size);

  g_assert_cmpint(pread(fd, file, size, 0), ==, size);
  guint8 *at = memmem(file, size, body, n);
  g_assert_nonnull(at);
  at[n / 2] ^= 0x10;
  g_assert_cmpint(pwrite(fd, at + n / 2, 1, at + n / 2 - file), ==, 1);
}

static void test_one_body(void) {
  Outcome outcome;

  trial(harm_one_body, &outcome);
  g_assert_cmpuint(outcome.delivered, ==, MESSAGES - 1);
  g_assert_cmpuint(outcome.kept, ==, 0);
  g_assert_cmpuint(outcome.quarantined, ==, 1);
}

/* The state directory is somebody else's: the second daemon says whose, and leaves. */
static void test_second_daemon(void) {
  Rig first, second;

  trial_rig(&first, NULL);
  trial_rig(&second, NULL);
  rig_start_daemon(&first);
  sd_bus *bus = rig_connect(&first);
  probe_register(bus, "ant", NULL);
  g_free(second.state);
  second.state = g_strdup(first.state);
  rig_start_daemon(&second);
  int status = rig_wait_daemon(&second);
  g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0);
  g_autofree char *holder = g_strdup_printf("is in use by process %d", (int)first.daemon);
  trial_assert_logged(&second, holder);
  guint64 number, token;
  guint64 sent = probe_send_one(bus, "ant");
  g_assert_true(probe_receive(bus, "ant", 0, &number, &token));
  g_assert_cmpuint(number, ==, sent);
  sd_bus_close_unref(bus);
  rig_free(&second);
  rig_free(&first);
}

int main(int argc, char **argv) {
  trial_init(&argc, &argv);
  g_test_add_func("/crash/damage/header", test_header);
  g_test_add_func("/crash/damage/truncated", test_truncated);
  g_test_add_func("/crash/damage/pages", test_pages);
  g_test_add_func("/crash/damage/bits", test_bits);
  g_test_add_func("/crash/damage/one-body", test_one_body);
  g_test_add_func("/crash/second-daemon", test_second_daemon);
  return g_test_run();
}
