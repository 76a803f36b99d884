/* test-tmux.c: the back-end "tmux" on a real tmux: what its pane's program got, byte by byte. */
#include "job-fixture.h"

#include "delivery/tmux.h"

#include <string.h>
#include <unistd.h>

static const DlvBackendClass *const class = &dlv_backend_tmux;

/* One server with one session. `program` is what runs in its pane; it keeps what it reads in the
 * file that $1 names. */
typedef struct {
  char *top, *socket, *file, *id;
} Server;

static char *run_tmux(const Server *s, const char *const *args) {
  g_autoptr(GPtrArray) argv = g_ptr_array_new();
  g_autoptr(GError) error = NULL;
  char *out = NULL;
  int status;

  for (const char *const *a =
           (const char *const[]){"tmux", "-f", "/dev/null", "-S", s->socket, NULL};
       *a; a++)
    g_ptr_array_add(argv, (gpointer)*a);
  for (; *args; args++)
    g_ptr_array_add(argv, (gpointer)*args);
  g_ptr_array_add(argv, NULL);
  g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
               &status, &error);
  g_assert_no_error(error);
  return g_strchomp(out);
}
#define RUN(s, ...) run_tmux(s, (const char *const[]){__VA_ARGS__, NULL})

/* Until the program is ready it prints nothing; then "ready". */
static void wait_for(const Server *s, const char *text) {
  for (guint i = 0; i < 3000; i++) {
    g_autofree char *screen = RUN(s, "capture-pane", "-p", "-t", s->id);
    if (strstr(screen, text))
      return;
    g_usleep(20000);
  }
  g_error("'%s' did not appear", text);
}

static void server_init(Server *s, const char *program) {
  s->top = test_directory();
  s->socket = g_build_filename(s->top, "socket", NULL);
  s->file = g_build_filename(s->top, "got", NULL);
  g_autofree char *command = g_strdup_printf("sh -c '%s' sh %s", program, s->file);
  s->id = RUN(s, "new-session", "-d", "-P", "-F", "#{pane_id}", "-s", "work", "-x", "80", "-y",
              "24", command);
  wait_for(s, "ready");
}

static void server_clear(Server *s) {
  g_autofree char *out = RUN(s, "kill-server");

  test_rmtree(s->top);
  g_free(s->top);
  g_free(s->socket);
  g_free(s->file);
  g_free(s->id);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Server, server_clear)

static void assert_got(const Server *s, const char *bytes) {
  g_autofree char *got = NULL;

  for (guint i = 0; i < 3000; i++) { /* the program writes when it is its turn */
    g_clear_pointer(&got, g_free);
    if (g_file_get_contents(s->file, &got, NULL, NULL) && strlen(got) >= strlen(bytes))
      break;
    g_usleep(20000);
  }
  g_assert_cmpstr(got, ==, bytes);
}

static TestJob *deliver(const Server *s, const char *options, const char *body) {
  gpointer state = test_configure(class, "{\"socket\": \"%s\", %s}", s->socket, options);
  TestJob *job = test_job_new(TEST_AGENT, 1, 1);

  if (body)
    test_job_body(job, 0, g_bytes_new(body, strlen(body)));
  class->run(state, &job->job);
  test_job_wait(job);
  class->free(state);
  return job;
}

#define COOKED "echo ready; exec tee $1"
#define BRACKETED "stty raw -echo; printf \"ready\\r\\n\\033[?2004h\"; exec tee $1"
#define LINES                                                                                      \
  "stty raw -echo opost onlcr; printf \"ready\\n\\033[?2004h\"; "                                  \
  "tee $1 | stdbuf -o0 tr \"\\r\" \"\\n\""
#define SILENT "stty raw -echo; printf \"ready\\r\\n\"; exec cat >$1"
#define PROMPT "stty raw -echo; printf \"ready\\r\\n> \"; exec tee $1"

static void test_line_and_enter(void) {
  g_auto(Server) s = {0};

  server_init(&s, COOKED);
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  g_assert_nonnull(strstr(job->outcomes[0].cause, s.id));
  assert_got(&s, "mail\n");
}

static void test_bracketed(void) {
  g_auto(Server) s = {0};

  server_init(&s, BRACKETED);
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work:0.0\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "\033[200~mail\033[201~\r");
}

static void test_copy_mode_is_left(void) {
  g_auto(Server) s = {0};

  server_init(&s, COOKED);
  g_autofree char *out = RUN(&s, "copy-mode", "-t", s.id);
  g_autoptr(TestJob) job = deliver(&s, "\"command\": \"te*\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "mail\n");
}

/* What does not show is not submitted, and nobody claims that it arrived. */
static void test_unseen_is_partial(void) {
  g_auto(Server) s = {0};

  server_init(&s, SILENT);
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_PARTIAL);
  assert_got(&s, "mail");
}

/* A doorbell of before is not this one, whatever else moves on the screen. */
static void test_old_doorbell_does_not_count(void) {
  g_auto(Server) s = {0};

  server_init(&s, "stty raw -echo opost onlcr; printf \"mail\\nready\\n\"; "
                  "tee $1 | stdbuf -o0 tr -c \"\" \"x\"");
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_PARTIAL);
  assert_got(&s, "mail");
}

static void test_draft_holds(void) {
  g_auto(Server) s = {0};

  server_init(&s, PROMPT);
  g_autofree char *out = RUN(&s, "send-keys", "-t", s.id, "-l", "dra");
  wait_for(&s, "> dra");
  g_autoptr(TestJob) held = deliver(&s, "\"pane\": \"work\", \"prompt\": \"^> *$\"", NULL);
  g_assert_cmpint(held->outcomes[0].result, ==, DLV_HELD);
  assert_got(&s, "dra");
  g_autofree char *more = RUN(&s, "send-keys", "-t", s.id, "-H", "0d", "0a", "3e", "20");
  wait_for(&s, "> dra\n>");
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\", \"prompt\": \"^> *$\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "dra\r\n> mail\r");
}

static void test_unexpected_screen_holds(void) {
  g_auto(Server) s = {0};

  server_init(&s, COOKED);
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\", \"expect\": \"What shall I do\"", NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_HELD);
  g_autoptr(TestJob) fine = deliver(&s, "\"pane\": \"work\", \"expect\": \"^ready\"", NULL);
  g_assert_cmpint(fine->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "mail\n");
}

/* The end of the paste inside the body would make keys of what follows. */
static void test_body_cannot_leave_its_paste(void) {
  g_auto(Server) s = {0};

  server_init(&s, BRACKETED);
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"work\", \"body\": true, \"submit\": false",
                                   "one\033[201~\rrm -rf x\r\n\xc2\x9b"
                                   "201~two\x7f");
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "\033[200~one rm -rf x two\033[201~");
}

static void test_lines_of_a_body(void) {
  g_auto(Server) s = {0};

  server_init(&s, LINES);
  g_autoptr(TestJob) job =
      deliver(&s, "\"pane\": \"work\", \"body\": true, \"newlines\": true", "one\ntwo \xc3\xbc");
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  assert_got(&s, "\033[200~one\rtwo \xc3\xbc\033[201~\r");
}

static void test_which_pane(void) {
  g_auto(Server) s = {0};

  server_init(&s, COOKED);
  g_autofree char *second =
      RUN(&s, "split-window", "-d", "-P", "-F", "#{pane_id}", "-t", s.id, "cat");
  g_autofree char *title = RUN(&s, "select-pane", "-t", second, "-T", "reviewer of things");
  g_autoptr(TestJob) two = deliver(&s, "\"pane\": \"work\"", NULL);
  g_assert_cmpint(two->outcomes[0].result, ==, DLV_FAILED);
  g_assert_nonnull(strstr(two->outcomes[0].cause, second));
  g_autoptr(TestJob) none = deliver(&s, "\"title\": \"nobody\"", NULL);
  g_assert_cmpint(none->outcomes[0].result, ==, DLV_FAILED);
  g_autoptr(TestJob) titled = deliver(&s, "\"title\": \"reviewer*\"", NULL);
  g_assert_cmpint(titled->outcomes[0].result, ==, DLV_ANNOUNCED);
  g_assert_nonnull(strstr(titled->outcomes[0].cause, second));
}

static void test_pane_of_a_process(void) {
  g_auto(Server) s = {0};

  server_init(&s, "echo ready; sh -c \"echo \\$\\$ >$1.pid; exec cat\"; true");
  g_autofree char *path = g_strconcat(s.file, ".pid", NULL), *pid = NULL;
  g_autofree char *second =
      RUN(&s, "split-window", "-d", "-P", "-F", "#{pane_id}", "-t", s.id, "cat");
  for (guint i = 0; i < 6000 && !(g_file_get_contents(path, &pid, NULL, NULL) && *pid); i++) {
    g_clear_pointer(&pid, g_free);
    g_usleep(10000);
  }
  g_autofree char *options = g_strdup_printf("\"pid\": %s", g_strchomp(pid));
  g_autoptr(TestJob) job = deliver(&s, options, NULL);
  g_assert_cmpint(job->outcomes[0].result, ==, DLV_ANNOUNCED);
  g_assert_nonnull(strstr(job->outcomes[0].cause, s.id));
}

static void test_no_server(void) {
  g_autofree char *top = test_directory();
  Server s = {.socket = g_build_filename(top, "none", NULL)};
  g_autoptr(TestJob) job = deliver(&s, "\"pane\": \"%1\"", NULL);

  g_assert_cmpint(job->outcomes[0].result, ==, DLV_FAILED);
  g_assert_nonnull(strstr(job->outcomes[0].cause, s.socket));
  test_rmtree(top);
  g_free(s.socket);
}

static void test_screen_text(void) {
  g_assert_cmpuint(dlv_tmux_count("│ > 3 waiting, 1 ur  │\n│ gent: run x          │",
                                  "3 waiting, 1 urgent: run x", NULL),
                   ==, 1);
  gsize behind;
  g_assert_cmpuint(dlv_tmux_count("mail\nmail │ ab", "mail", &behind), ==, 2);
  g_assert_cmpuint(behind, ==, 2);
  g_assert_cmpuint(dlv_tmux_count("mail", " ", NULL), ==, 0);
  g_autofree char *line = dlv_tmux_line("a\nb\nc", 1), *beyond = dlv_tmux_line("a", 9);
  g_assert_cmpstr(line, ==, "b");
  g_assert_cmpstr(beyond, ==, "");
}

static void test_refused(void) {
  static const char *const wrong[] = {"{}", "{\"pane\": \"x\", \"prompt\": \"(\"}"};

  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(JsonNode) node = json_from_string(wrong[i], NULL);
    g_autoptr(GError) error = NULL;
    g_assert_null(class->configure(NULL, "a", json_node_get_object(node), &error));
    g_assert_nonnull(error);
  }
}

int main(int argc, char **argv) {
  g_autofree char *program = g_find_program_in_path("tmux");

  g_test_init(&argc, &argv, NULL);
  if (!program)
    return 77;
  g_test_add_func("/tmux/line-and-enter", test_line_and_enter);
  g_test_add_func("/tmux/bracketed", test_bracketed);
  g_test_add_func("/tmux/copy-mode-is-left", test_copy_mode_is_left);
  g_test_add_func("/tmux/unseen-is-partial", test_unseen_is_partial);
  g_test_add_func("/tmux/old-doorbell-does-not-count", test_old_doorbell_does_not_count);
  g_test_add_func("/tmux/draft-holds", test_draft_holds);
  g_test_add_func("/tmux/unexpected-screen-holds", test_unexpected_screen_holds);
  g_test_add_func("/tmux/body-cannot-leave-its-paste", test_body_cannot_leave_its_paste);
  g_test_add_func("/tmux/lines-of-a-body", test_lines_of_a_body);
  g_test_add_func("/tmux/which-pane", test_which_pane);
  g_test_add_func("/tmux/pane-of-a-process", test_pane_of_a_process);
  g_test_add_func("/tmux/no-server", test_no_server);
  g_test_add_func("/tmux/screen-text", test_screen_text);
  g_test_add_func("/tmux/refused", test_refused);
  return g_test_run();
}
