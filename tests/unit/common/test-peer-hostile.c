/* test-peer-hostile.c: clients that send garbage, too much, too little, or never read.
 *
 * After each of them an honest client is served, and nothing of the hostile one is left. */
#include "peer-fixture.h"

static const char handshake[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

static void limits(Fixture *f, guint64 auth_usec, guint64 stall_usec) {
  f->limits.auth_usec = auth_usec;
  f->limits.stall_usec = stall_usec;
  f->limits.max_message_bytes = 1024 * 1024;
  wg_peer_server_set_limits(f->server, &f->limits);
}

static void say(int fd, const void *bytes, gsize n) {
  g_assert_cmpint(send(fd, bytes, n, MSG_NOSIGNAL), ==, (gssize)n);
}

static int authenticated(Fixture *f) {
  guint before = f->n_attached;
  int fd = fix_connect(f);
  say(fd, handshake, sizeof(handshake) - 1);
  pair_wait(&f->n_attached, before + 1);
  return fd;
}

static void gone_and_well(Fixture *f, int fd) {
  fix_wait_eof(fd);
  close(fd);
  g_assert_cmpuint(wg_peer_server_n_clients(f->server), ==, 0);
  limits(f, 60 * G_USEC_PER_SEC, 60 * G_USEC_PER_SEC); /* who is honest may be slow */
  Client *c = client_new(f);
  pair_call(c->bus, "Empty", client_reply, c);
  pair_wait(&f->n_replies, 1);
  client_free(c);
}

/* The fixed part of a header: byte order, type, flags, version, body, serial, fields. */
static void header(guint32 body, guint32 fields, guint8 *ret_bytes) {
  const guint32 words[] = {body, 1, fields};
  memcpy(ret_bytes, "l\1\0\1", 4);
  memcpy(ret_bytes + 4, words, sizeof(words));
}

static void test_garbage_at_once(Fixture *f, gconstpointer data) {
  int fd = fix_connect(f);
  say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
  gone_and_well(f, fd);
  fix_assert_logged("no D-Bus message");
}

static void test_garbage_after_handshake(Fixture *f, gconstpointer data) {
  int fd = authenticated(f);
  guint8 junk[4096];
  memset(junk, 0xa5, sizeof(junk));
  say(fd, junk, sizeof(junk));
  gone_and_well(f, fd);
  fix_assert_logged("no D-Bus message");
}

static void test_wrong_uid(Fixture *f, gconstpointer data) {
  g_autofree char *uid = g_strdup_printf("%u", (guint)getuid() + 1);
  GString *line = g_string_new("AUTH EXTERNAL ");
  for (const char *p = uid; *p; p++)
    g_string_append_printf(line, "%02x", (guint)*p);
  g_string_append(line, "\r\nBEGIN\r\n");
  int fd = fix_connect(f);
  say(fd, "", 1);
  say(fd, line->str, line->len);
  g_string_free(line, TRUE);
  limits(f, 50000, G_USEC_PER_SEC);
  fix_wait_eof(fd);
  g_assert_cmpuint(f->n_attached, ==, 0);
  gone_and_well(f, fd);
}

static void test_never_authenticates(Fixture *f, gconstpointer data) {
  limits(f, 50000, G_USEC_PER_SEC);
  int fd = fix_connect(f);
  say(fd, "\0AUTH", 5);
  gone_and_well(f, fd);
  fix_assert_logged("did not authenticate");
}

static void test_lengths_overflow(Fixture *f, gconstpointer data) {
  guint8 bytes[16];
  int fd = authenticated(f);
  header(G_MAXUINT32, G_MAXUINT32, bytes);
  say(fd, bytes, sizeof(bytes));
  gone_and_well(f, fd);
  fix_assert_logged("no D-Bus message");
}

static gsize resident(void) {
  g_autofree char *text = NULL;
  gulong size = 0, pages = 0;
  g_assert_true(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
  g_assert_cmpint(sscanf(text, "%lu %lu", &size, &pages), ==, 2);
  return pages * (gsize)sysconf(_SC_PAGESIZE);
}

/* 100 MiB announced, and sent for as long as it is listened to. */
static void test_too_large(Fixture *f, gconstpointer data) {
  static guint8 bytes[64 * 1024];
  gsize before = resident(), sent = 0;
  /* Its size ends it, not the time: for each read sd-bus asks for the 100 MiB anew, which under the
   * sanitizers is a copy of them, and many seconds on a machine that is busy. */
  limits(f, 0, 80 * G_USEC_PER_SEC);
  int fd = authenticated(f);
  header(100 * 1024 * 1024, 64, bytes);
  say(fd, bytes, 16);
  memset(bytes, 0, sizeof(bytes));
  while (wg_peer_server_n_clients(f->server) > 0) {
    ssize_t n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
    sent += n > 0 ? (gsize)n : 0;
    g_assert_cmpuint(sent, <, 8 * 1024 * 1024);
    g_main_context_iteration(NULL, FALSE);
  }
#ifndef __SANITIZE_ADDRESS__ /* it writes on all that is allocated */
  g_assert_cmpuint(resident() - MIN(before, resident()), <, 32 * 1024 * 1024);
#else
  g_assert_cmpuint(before, <=, resident());
#endif
  gone_and_well(f, fd);
  fix_assert_logged("larger than the limit");
}

static void test_half_then_silence(Fixture *f, gconstpointer data) {
  guint8 bytes[16];
  limits(f, 0, 50000);
  int fd = authenticated(f);
  header(1000, 64, bytes);
  say(fd, bytes, sizeof(bytes));
  gone_and_well(f, fd);
  fix_assert_logged("did not finish");
}

static void test_leaves_in_the_middle(Fixture *f, gconstpointer data) {
  guint8 bytes[16];
  int fd = authenticated(f);
  header(1000, 64, bytes);
  say(fd, bytes, sizeof(bytes));
  shutdown(fd, SHUT_RDWR);
  pair_wait(&f->n_detached, 1);
  gone_and_well(f, fd);
}

/* Calls without end from one that reads no answer: read up to the bound, then cut. */
static void test_never_reads(Fixture *f, gconstpointer data) {
  limits(f, 0, 300000);
  f->limits.max_queued = 4;
  limits(f, 0, 300000);
  Client *c = client_new_deaf(f);
  for (guint i = 0; i < 30; i++)
    sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Big", client_reply, c, "u",
                             (uint32_t)(2 * 1024 * 1024));
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  guint64 n_queued = 0, most = 0;
  while (f->n_detached == 0) {
    sd_bus *server_side = f->peer ? wg_peer_bus(f->peer) : NULL;
    if (server_side && sd_bus_get_n_queued_write(server_side, &n_queued) >= 0)
      most = MAX(most, n_queued);
    g_main_context_iteration(NULL, TRUE);
  }
  g_source_remove(guard);
  g_assert_cmpuint(most, >, 0);
  g_assert_cmpuint(most, <=, f->limits.max_queued + 1);
  fix_assert_logged("does not read");
  client_free(c);
}

/* A slow reader of large answers is served whole, with little queued for it at any time. */
static void test_slow_reader(Fixture *f, gconstpointer data) {
  f->limits.max_queued = 4;
  wg_peer_server_set_limits(f->server, &f->limits);
  Client *c = client_new(f);
  for (guint i = 0; i < 20; i++)
    sd_bus_call_method_async(c->bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, "Big", client_reply, c, "u",
                             (uint32_t)(4 * 1024 * 1024));
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  while (f->n_replies < 20) {
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(pair_n_calls - f->n_replies, <=, 4 + 1 + 4); /* the last: in the kernel */
  }
  g_source_remove(guard);
  g_assert_cmpuint(f->n_writable, >, 0);
  client_free(c);
}

static void test_charge(Fixture *f, gconstpointer data) {
  f->limits.max_queued_bytes = 1000;
  f->limits.stall_usec = 60 * G_USEC_PER_SEC;
  wg_peer_server_set_limits(f->server, &f->limits);
  int fd = authenticated(f);
  g_assert_true(wg_peer_charge(f->peer, 5000)); /* nothing waits: the kernel has it */
  while (wg_peer_writable(f->peer)) {
    g_autofree char *text = g_strnfill(100000, 'x');
    g_assert_cmpint(
        sd_bus_emit_signal(wg_peer_bus(f->peer), PAIR_PATH, PAIR_IFACE, "Text", "s", text), >=, 0);
    wg_peer_charge(f->peer, 100000);
  }
  char buffer[65536];
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  while (!wg_peer_writable(f->peer)) {
    (void)!recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
    g_main_context_iteration(NULL, FALSE);
  }
  g_source_remove(guard);
  g_assert_cmpuint(f->n_writable, ==, 1);
  close(fd);
  pair_wait(&f->n_detached, 1);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  fix_collect_log();
#define ADD(name, func)                                                                            \
  g_test_add("/common/peer-hostile/" name, Fixture, NULL, fix_setup, func, fix_teardown)
  ADD("garbage-at-once", test_garbage_at_once);
  ADD("garbage-after-handshake", test_garbage_after_handshake);
  ADD("wrong-uid", test_wrong_uid);
  ADD("never-authenticates", test_never_authenticates);
  ADD("lengths-overflow", test_lengths_overflow);
  ADD("too-large", test_too_large);
  ADD("half-then-silence", test_half_then_silence);
  ADD("leaves-in-the-middle", test_leaves_in_the_middle);
  ADD("never-reads", test_never_reads);
  ADD("slow-reader", test_slow_reader);
  ADD("charge", test_charge);
  return g_test_run();
}
