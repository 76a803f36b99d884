/* chunk.c: see chunk.h. Layout: a byte of version and mode, then bits: 12 of n, 64 of the first
 * time (ms), 64 of the first value; for each further sample a time and a value.
 *
 * A number is written by its size class: '0' is zero, '10', '110', '1110', '11110' stand before so
 * many bits of it (zigzag), '11111' before 64. */
#include "monitoring/chunk.h"

#include <math.h>
#include <string.h>

#define VERSION 0x10

enum { MODE_XOR, MODE_WHOLE, MODE_MICRO };

/* ---- bits ---- */
typedef struct {
  GByteArray *bytes;
  guint free; /* bits of the last byte */
} Out;

static void put(Out *out, guint64 value, guint n) {
  while (n > 0) {
    if (out->free == 0) {
      g_byte_array_append(out->bytes, (const guint8 *)"", 1);
      out->free = 8;
    }
    guint take = MIN(n, out->free);
    guint64 part = (value >> (n - take)) & ((1u << take) - 1);
    out->bytes->data[out->bytes->len - 1] |= (guint8)(part << (out->free - take));
    out->free -= take;
    n -= take;
  }
}

typedef struct {
  const guint8 *data;
  gsize bits, at;
  gboolean bad;
} In;

static guint64 get(In *in, guint n) {
  guint64 value = 0;

  if (in->bits - in->at < n) {
    in->bad = TRUE;
    return 0;
  }
  while (n > 0) {
    guint here = 8 - (guint)(in->at % 8), take = MIN(n, here);
    guint64 part = (in->data[in->at / 8] >> (here - take)) & ((1u << take) - 1);
    value = value << take | part;
    in->at += take;
    n -= take;
  }
  return value;
}

/* ---- numbers ---- */
typedef struct {
  guint bits[4];
} Sizes;

static const Sizes time_sizes = {{7, 14, 21, 32}}, value_sizes = {{5, 11, 18, 32}};

static void put_number(Out *out, gint64 number, const Sizes *sizes) {
  guint64 zigzag = (guint64)number << 1 ^ (number < 0 ? G_MAXUINT64 : 0);

  if (number == 0) {
    put(out, 0, 1);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(sizes->bits); i++)
    if (zigzag >> sizes->bits[i] == 0) {
      put(out, (2u << (i + 1)) - 2, i + 2); /* i + 1 ones and a zero */
      put(out, zigzag, sizes->bits[i]);
      return;
    }
  put(out, 0x1f, 5);
  put(out, zigzag, 64);
}

static gint64 get_number(In *in, const Sizes *sizes) {
  guint ones = 0;

  while (ones < 5 && get(in, 1) == 1)
    ones++;
  if (ones == 0 || in->bad)
    return 0;
  guint64 zigzag = get(in, ones == 5 ? 64 : sizes->bits[ones - 1]);
  return (gint64)(zigzag >> 1) ^ -(gint64)(zigzag & 1);
}

/* ---- values ---- */
static guint64 bits_of(double value) {
  guint64 bits;

  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static double of_bits(guint64 bits) {
  double value;

  memcpy(&value, &bits, sizeof value);
  return value;
}

/* '0': the same; '1', 6 bits of leading zeros, 6 of the length less one, the bits. */
static void put_xor(Out *out, guint64 x) {
  if (x == 0) {
    put(out, 0, 1);
    return;
  }
  guint lead = (guint)__builtin_clzll(x), trail = (guint)__builtin_ctzll(x);
  guint length = 64 - lead - trail;
  put(out, 1, 1);
  put(out, lead, 6);
  put(out, length - 1, 6);
  put(out, x >> trail, length);
}

static guint64 get_xor(In *in) {
  if (get(in, 1) == 0)
    return 0;
  guint lead = (guint)get(in, 6), length = (guint)get(in, 6) + 1;
  if (lead + length > 64) {
    in->bad = TRUE;
    return 0;
  }
  return get(in, length) << (64 - lead - length);
}

#define WHOLE_MAX 4503599627370496.0 /* 2^52 */

static gboolean is_whole(double value) {
  return fabs(value) < WHOLE_MAX && value == floor(value) && !(value == 0 && signbit(value));
}

static gboolean is_micro(double value) {
  double scaled = value * 1e6, off = fabs(scaled - round(scaled));

  return fabs(scaled) < WHOLE_MAX && off <= fabs(scaled) * 1e-14 && !(value == 0 && signbit(value));
}

static guint mode_of(const double *values, guint n) {
  gboolean whole = TRUE, micro = TRUE;

  for (guint i = 0; i < n && (whole || micro); i++) {
    whole = whole && is_whole(values[i]);
    micro = micro && is_micro(values[i]);
  }
  return whole ? MODE_WHOLE : micro ? MODE_MICRO : MODE_XOR;
}

static gint64 whole_of(double value, guint mode) {
  return (gint64)(mode == MODE_MICRO ? round(value * 1e6) : value);
}

GByteArray *mon_chunk_encode(const gint64 *times, const double *values, guint n) {
  guint mode = mode_of(values, n);
  guint8 head = (guint8)(VERSION | mode);
  Out out = {g_byte_array_new(), 0};
  gint64 step = 0;

  g_return_val_if_fail(n > 0 && n <= MON_CHUNK_MAX, out.bytes);
  g_byte_array_append(out.bytes, &head, 1);
  put(&out, n - 1, 12);
  put(&out, (guint64)(times[0] / 1000), 64);
  put(&out, mode == MODE_XOR ? bits_of(values[0]) : (guint64)whole_of(values[0], mode), 64);
  for (guint i = 1; i < n; i++) {
    gint64 delta = times[i] / 1000 - times[i - 1] / 1000;
    put_number(&out, delta - step, &time_sizes);
    step = delta;
    if (mode == MODE_XOR)
      put_xor(&out, bits_of(values[i]) ^ bits_of(values[i - 1]));
    else
      put_number(&out, whole_of(values[i], mode) - whole_of(values[i - 1], mode), &value_sizes);
  }
  return out.bytes;
}

gboolean mon_chunk_decode(gconstpointer data, gsize size, GArray *times, GArray *values) {
  In in = {data, size * 8, 8, FALSE};
  guint before = times->len, values_before = values->len;

  if (size < 1 || (in.data[0] & 0xf0) != VERSION || (in.data[0] & 0x0f) > MODE_MICRO)
    return FALSE;
  guint mode = in.data[0] & 0x0f, n = (guint)get(&in, 12) + 1;
  gint64 time = (gint64)get(&in, 64), step = 0;
  guint64 bits = get(&in, 64);
  for (guint i = 0; i < n && !in.bad; i++) {
    if (i > 0) {
      step = (gint64)((guint64)step + (guint64)get_number(&in, &time_sizes));
      time = (gint64)((guint64)time + (guint64)step);
      bits = mode == MODE_XOR ? bits ^ get_xor(&in) : bits + (guint64)get_number(&in, &value_sizes);
    }
    gint64 usec = (gint64)((guint64)time * 1000);
    double value = mode == MODE_XOR ? of_bits(bits) : (double)(gint64)bits;
    if (mode == MODE_MICRO)
      value /= 1e6;
    g_array_append_val(times, usec);
    g_array_append_val(values, value);
  }
  if (!in.bad)
    return TRUE;
  g_array_set_size(times, before);
  g_array_set_size(values, values_before);
  return FALSE;
}
