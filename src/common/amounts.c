/* amounts.c: see amounts.h. Pure. */
#include "common/amounts.h"

static const struct {
  const char *name;
  guint64 usec;
} spans[] = {
    {"d", 86400 * G_GUINT64_CONSTANT(1000000)},
    {"h", 3600 * G_GUINT64_CONSTANT(1000000)},
    {"min", 60 * G_GUINT64_CONSTANT(1000000)},
    {"s", G_GUINT64_CONSTANT(1000000)},
    {"ms", 1000},
    {"us", 1},
};

static const struct {
  guint64 unit;
  const char *suffix;
} sizes[] = {{G_GUINT64_CONSTANT(1) << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}};

char *wg_span_text(guint64 usec) {
  guint i = 0;

  if (usec == G_MAXUINT64)
    return g_strdup("infinity");
  if (usec == 0)
    return g_strdup("0s");
  while (usec < spans[i].usec)
    i++;
  if (i + 1 >= G_N_ELEMENTS(spans))
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", usec, spans[i].name);
  /* The smaller of the two units rounds up; that may carry into the larger one. */
  guint64 small = usec / spans[i + 1].usec + (usec % spans[i + 1].usec > 0);
  guint64 ratio = spans[i].usec / spans[i + 1].usec;
  if (small * spans[i + 1].usec != usec)
    return wg_span_text(small * spans[i + 1].usec);
  if (small % ratio == 0)
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", small / ratio, spans[i].name);
  return g_strdup_printf("%" G_GUINT64_FORMAT "%s %" G_GUINT64_FORMAT "%s", small / ratio,
                         spans[i].name, small % ratio, spans[i + 1].name);
}

char *wg_size_text(guint64 bytes) {
  guint i = bytes ? 0 : G_N_ELEMENTS(sizes) - 1;

  while (bytes % sizes[i].unit != 0)
    i++;
  return g_strdup_printf("%" G_GUINT64_FORMAT "%s", bytes / sizes[i].unit, sizes[i].suffix);
}
