/* http-private.h: what the files of the HTTP socket share. http.c answers requests, http-connect.c
 * accepts connections and has the sockets, http-tls.c makes one of them a secret. */
#pragma once

#include "monitoring/http-auth.h"
#include "monitoring/http.h"

#include <libsoup/soup.h>

/* Connections that are open; outlives the server, since a connection may. */
typedef struct {
  guint n;
  GHashTable *tcp; /* GSocketConnection, borrowed */
} MonCrowd;

struct MonHttp {
  MonDaemon *daemon;
  SoupServer *server;
  MonWeb *web; /* of connections over TCP */
  MonAuth *auth;
  GSocketService *service; /* what systemd passed in */
  GSocketService *own;     /* [Http] Listen=; NULL: none */
  GSocketService *next;    /* of a reload that is about to be in force; NULL: none */
  GPtrArray *sockets, *own_sockets, *next_sockets; /* GSocket */
  char *own_text;
  GHashTable *requests; /* of Request: not answered yet */
  MonCrowd *crowd;
  GPtrArray *handshakes; /* under way, http-tls.c */
};

/* http-connect.c */
/* What systemd passed in, and nothing else yet. */
gboolean mon_http_take_passed(MonHttp *http, GError **error);
void mon_http_connect_init(MonHttp *http);
void mon_http_connect_stop(MonHttp *http);  /* no new connections */
void mon_http_connect_clear(MonHttp *http); /* after that */
/* Connections over TCP end: what they were agreed on for is over. */
void mon_http_cut(MonHttp *http);
/* `stream` is `connection`, or what is secret in it. */
void mon_http_serve_on(MonHttp *http, GIOStream *stream, GSocketConnection *connection);

/* http-tls.c: TLS as http->web says; then mon_http_serve_on(). On failure the connection is closed;
 * who never ends its handshake is cut off, and more than a few at a time wait for nobody. */
void mon_http_secure(MonHttp *http, GSocketConnection *connection);
void mon_http_secure_stop(MonHttp *http);
