/* grpc-health.h: the two messages of grpc.health.v1.Health/Check, as gRPC frames them. Pure.
 *
 *   HealthCheckRequest  { string service = 1; }
 *   HealthCheckResponse { ServingStatus status = 1; }
 *
 * What is read came from outside: every length is held against what is there, and whatever is no
 * such message is refused, never guessed at. Fields that are not known are passed over, as protobuf
 * wants it. */
#pragma once

#include <glib.h>

#define CHK_GRPC_HEALTH_PATH "/grpc.health.v1.Health/Check"
#define CHK_GRPC_SERVICE_MAX 1024 /* bytes of a service's name */
#define CHK_GRPC_ANSWER_MAX 4096  /* bytes of an answer with its frame; the message has two */

/* One frame with the request; `service` "" asks for the server as a whole. Free with
 * g_byte_array_unref(). */
GByteArray *chk_grpc_health_request(const char *service);
/* The status' number, or -1 with an error. */
int chk_grpc_health_parse(const guint8 *bytes, gsize size, GError **error);
/* "SERVING"; NULL: a number that the protocol does not have. */
const char *chk_grpc_health_name(int status);
/* "NOT_FOUND"; NULL: a number that gRPC does not have. */
const char *chk_grpc_code_name(int code);
