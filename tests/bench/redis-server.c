/* redis-server.c: see redis.h: the server's life. */
#include "redis.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS 10

const char *redis_obstacle(void) {
  g_autofree char *path = g_find_program_in_path("redis-server");

  return path ? NULL : "there is no redis-server";
}

static void exec_server(RedisServer *server) {
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(null, STDOUT_FILENO);
  execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", server->socket, "--dir",
         server->dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "",
         "--auto-aof-rewrite-percentage", "0", "--daemonize", "no", NULL);
  _exit(98);
}

/* It says nowhere when it listens; it is asked until it answers. */
static gboolean answers(RedisServer *server) {
  redisContext *c = redisConnectUnix(server->socket);
  gboolean well = FALSE;

  if (c && c->err == 0) {
    redisReply *reply = redisCommand(c, "PING");
    well = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
  }
  if (c)
    redisFree(c);
  return well;
}

void redis_start(RedisServer *server, const char *parent) {
  gint64 end = g_get_monotonic_time() + START_SECONDS * G_USEC_PER_SEC;

  server->dir = g_build_filename(parent, "redis-XXXXXX", NULL);
  server->sockets = g_dir_make_tmp("waggle-redis-XXXXXX", NULL); /* the path must be short */
  if (g_mkdtemp(server->dir) == NULL || server->sockets == NULL) {
    fprintf(stderr, "%s: %s\n", server->dir, g_strerror(errno));
    exit(99);
  }
  server->socket = g_build_filename(server->sockets, "s", NULL);
  server->pid = fork();
  if (server->pid == 0)
    exec_server(server);
  while (!answers(server)) {
    if (g_get_monotonic_time() > end || waitpid(server->pid, NULL, WNOHANG) != 0) {
      fprintf(stderr, "redis-server does not start\n");
      exit(99);
    }
    g_usleep(2000);
  }
}

void redis_stop(RedisServer *server) {
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  rig_remove_tree(server->dir);
  rig_remove_tree(server->sockets);
  g_free(server->sockets);
  g_free(server->dir);
  g_free(server->socket);
}
