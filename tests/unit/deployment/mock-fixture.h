/* mock-fixture.h: a private bus with a manager of units (tests/bus/mock_systemd.py) that really
 * runs services, for tests of what asks systemd.
 *
 * No root, nothing of the machine's own is touched. `mock.bus` is attached to the default context;
 * the helpers talk to the mock over a connection of their own and block. */
#pragma once

#include "../common/bus-broker.h"

typedef struct {
  GTestDBus *broker;
  Connection ours;
  sd_bus *bus;      /* ours.bus */
  sd_bus *blocking; /* of the helpers */
  GPid pid;
  char *directory; /* of unit files */
} Mock;

extern Mock mock;

/* argv[1] is the mock's program; taken out of argv. Starts the broker. */
void mock_init(int *argc, char **argv);
void mock_end(void);
/* A fresh mock with an empty directory, and its end. */
void mock_up(void);
void mock_down(void);
/* A test with a mock of its own, for g_test_add_data_func(): a `void test(void)`. */
void mock_with(gconstpointer test);
/* Ends the mock as a crash would, and starts one that knows nothing. */
void mock_kill(void);
void mock_spawn(void);

/* Takes its name off the bus, and has it again; between them nobody hears what it is asked. The
 * answer is the mock's own name: free with g_free(). */
char *mock_leave(void);
void mock_return(const char *own_name);

void mock_write(const char *name, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Calls of org.waggle.Test.Systemd or of the manager, waited for. */
void mock_test(const char *method, const char *types, ...);
void mock_call(const char *method, const char *types, ...);
/* What the manager was asked, one a line: how many lines begin so; where the first does, or -1. */
guint mock_count(const char *beginning);
int mock_index(const char *beginning);
/* Turns the loop until `*what` holds. */
void mock_until(gboolean (*holds)(gpointer data), gpointer data);
