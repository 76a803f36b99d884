/* grpc-health.c: see grpc-health.h. */
#include "checks/grpc-health.h"

#include "common/error.h"

#include <string.h>

#define FRAME 5 /* a byte that says whether it is compressed, four of the length */

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

typedef struct {
  const guint8 *at, *end;
} Reader;

static void add_varint(GByteArray *to, gsize number) {
  do {
    guint8 byte = (guint8)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    g_byte_array_append(to, &byte, 1);
    number >>= 7;
  } while (number > 0);
}

GByteArray *chk_grpc_health_request(const char *service) {
  g_autoptr(GByteArray) message = g_byte_array_new();
  gsize length = strlen(service);

  if (length > 0) { /* a field that has its default is left out */
    static const guint8 tag = 1 << 3 | WIRE_BYTES;
    g_byte_array_append(message, &tag, 1);
    add_varint(message, length);
    g_byte_array_append(message, (const guint8 *)service, (guint)length);
  }
  guint32 size = GUINT32_TO_BE(message->len);
  GByteArray *frame = g_byte_array_new();
  g_byte_array_append(frame, (const guint8 *)"", 1);
  g_byte_array_append(frame, (const guint8 *)&size, sizeof size);
  g_byte_array_append(frame, message->data, message->len);
  return frame;
}

/* At most ten bytes, and no more than 64 bits in them. */
static gboolean read_varint(Reader *reader, guint64 *ret) {
  guint64 number = 0;

  for (guint shift = 0; shift < 70 && reader->at < reader->end; shift += 7) {
    guint8 byte = *reader->at++;
    if (shift == 63 && byte > 1)
      return FALSE;
    number |= (guint64)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *ret = number;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean skip(Reader *reader, guint64 size) {
  if (size > (guint64)(reader->end - reader->at))
    return FALSE;
  reader->at += size;
  return TRUE;
}

/* Of a field's content; groups (3, 4) belong to a protobuf that this protocol never had. */
static gboolean skip_field(Reader *reader, guint wire) {
  guint64 number;

  switch (wire) {
  case WIRE_VARINT:
    return read_varint(reader, &number);
  case WIRE_64:
    return skip(reader, 8);
  case WIRE_BYTES:
    return read_varint(reader, &number) && skip(reader, number);
  case WIRE_32:
    return skip(reader, 4);
  default:
    return FALSE;
  }
}

static gboolean read_status(Reader *reader, guint64 *ret) {
  while (reader->at < reader->end) {
    guint64 tag;
    if (!read_varint(reader, &tag) || tag >> 3 == 0 || tag > G_MAXUINT32)
      return FALSE;
    if (!(tag == (1 << 3 | WIRE_VARINT) ? read_varint(reader, ret)
                                        : tag >> 3 != 1 && skip_field(reader, tag & 7)))
      return FALSE;
  }
  return TRUE;
}

int chk_grpc_health_parse(const guint8 *bytes, gsize size, GError **error) {
  guint64 status = 0; /* left out: UNKNOWN */
  guint32 length = 0;

  if (size >= FRAME)
    memcpy(&length, bytes + 1, sizeof length);
  length = GUINT32_FROM_BE(length);
  if (size < FRAME || bytes[0] != 0 || length != size - FRAME) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED,
                        "the server's answer is no single, plain message of gRPC");
    return -1;
  }
  Reader reader = {bytes + FRAME, bytes + size};
  if (!read_status(&reader, &status) || status > G_MAXINT32) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED,
                        "the server's answer is no HealthCheckResponse");
    return -1;
  }
  return (int)status;
}

static const char *name_of(const char *const *names, gsize n, int number) {
  return number >= 0 && (gsize)number < n ? names[number] : NULL;
}

const char *chk_grpc_health_name(int status) {
  static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

  return name_of(names, G_N_ELEMENTS(names), status);
}

const char *chk_grpc_code_name(int code) {
  static const char *const names[] = {"OK",
                                      "CANCELLED",
                                      "UNKNOWN",
                                      "INVALID_ARGUMENT",
                                      "DEADLINE_EXCEEDED",
                                      "NOT_FOUND",
                                      "ALREADY_EXISTS",
                                      "PERMISSION_DENIED",
                                      "RESOURCE_EXHAUSTED",
                                      "FAILED_PRECONDITION",
                                      "ABORTED",
                                      "OUT_OF_RANGE",
                                      "UNIMPLEMENTED",
                                      "INTERNAL",
                                      "UNAVAILABLE",
                                      "DATA_LOSS",
                                      "UNAUTHENTICATED"};

  return name_of(names, G_N_ELEMENTS(names), code);
}
