/* grpc-call.h: one unary call of gRPC over a connection that stands: HTTP/2 by libnghttp2. Worker
 * threads only; blocks until the answer is there or the look is over. */
#pragma once

#include <gio/gio.h>

typedef struct {
  const char *scheme;        /* "http" or "https" */
  const char *authority;     /* HOST:PORT */
  const char *path;          /* "/package.Service/Method" */
  const char *token;         /* of "authorization: Bearer"; NULL: none */
  gint64 timeout;            /* us that the server is told it has */
  const GByteArray *message; /* with its frame */
  gsize answer_max;          /* bytes of an answer; more is an error */
} ChkGrpcCall;

typedef struct {
  int http_status;    /* 0: none came */
  int grpc_status;    /* -1: none came, so this was no gRPC */
  char *grpc_message; /* decoded, as UTF-8; NULL: none */
  GByteArray *body;
} ChkGrpcAnswer;

void chk_grpc_answer_clear(ChkGrpcAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkGrpcAnswer, chk_grpc_answer_clear)

/* FALSE: the connection ended, what came is no HTTP/2, or the call was refused. TRUE: it was
 * answered; whether by gRPC is told by grpc_status. */
gboolean chk_grpc_call(GIOStream *stream, const ChkGrpcCall *call, GCancellable *cancel,
                       ChkGrpcAnswer *ret, GError **error);
