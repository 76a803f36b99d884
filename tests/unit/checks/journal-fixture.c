/* journal-fixture.c: see journal-fixture.h. All numbers are little-endian, all objects begin at a
 * multiple of 8. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "journal-fixture.h"

#include <string.h>

enum { DATA = 1, ENTRY = 3, DATA_TABLE = 4, FIELD_TABLE = 5, ENTRY_ARRAY = 6 };
#define HEADER_SIZE 240
#define BUCKETS 233
#define KEYED_HASH 4 /* siphash with the file's id as its key */

typedef struct {
  GByteArray *bytes;
  GHashTable *data; /* "NAME=value" -> its offset */
  guint64 data_table, n_objects, n_data, tail;
  guint8 file_id[16];
} Writer;

static void put64(Writer *w, guint64 at, guint64 number) {
  for (guint i = 0; i < 8; i++)
    w->bytes->data[at + i] = (guint8)(number >> (8 * i));
}

static guint64 get64(const guint8 *from) {
  guint64 number = 0;

  for (guint i = 0; i < 8; i++)
    number |= (guint64)from[i] << (8 * i);
  return number;
}

static guint64 rotate(guint64 x, guint by) {
  return x << by | x >> (64 - by);
}

static void rounds(guint64 v[4], guint n) {
  for (guint i = 0; i < n; i++) {
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
  }
}

/* SipHash-2-4 */
static guint64 hash(const Writer *w, const char *text, gsize size) {
  guint64 k0 = get64(w->file_id), k1 = get64(w->file_id + 8);
  guint64 v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                  k1 ^ 0x7465646279746573};
  guint8 last[8] = {0};

  for (gsize i = 0; i + 8 <= size; i += 8) {
    guint64 word = get64((const guint8 *)text + i);
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
  }
  memcpy(last, text + size / 8 * 8, size % 8);
  last[7] = (guint8)size;
  v[3] ^= get64(last);
  rounds(v, 2);
  v[0] ^= get64(last);
  v[2] ^= 0xff;
  rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Room for an object with its header; returns its offset. */
static guint64 object(Writer *w, guint8 type, guint64 size) {
  guint64 at = w->bytes->len;

  g_byte_array_set_size(w->bytes, (guint)(at + (size + 7) / 8 * 8));
  memset(w->bytes->data + at, 0, w->bytes->len - at);
  w->bytes->data[at] = type;
  put64(w, at + 8, size);
  w->n_objects++;
  w->tail = at;
  return at;
}

/* The data object of a field, in its bucket's chain; made once. */
static guint64 data_of(Writer *w, const char *field) {
  guint64 known = GPOINTER_TO_SIZE(g_hash_table_lookup(w->data, field));
  gsize size = strlen(field);

  if (known)
    return known;
  guint64 sum = hash(w, field, size), at = object(w, DATA, 64 + size);
  guint64 bucket = w->data_table + sum % BUCKETS * 16;
  put64(w, at + 16, sum);
  memcpy(w->bytes->data + at + 64, field, size);
  guint64 tail = get64(w->bytes->data + bucket + 8);
  put64(w, tail ? tail + 24 : bucket, at); /* next_hash_offset of the last, or the head */
  put64(w, bucket + 8, at);
  g_hash_table_insert(w->data, g_strdup(field), GSIZE_TO_POINTER(at));
  w->n_data++;
  return at;
}

static guint64 entry_write(Writer *w, const JournalEntry *entry, guint64 number) {
  guint64 items[G_N_ELEMENTS(entry->fields)], mixed = 0;
  guint n = 0;

  for (; n < G_N_ELEMENTS(items) && entry->fields[n]; n++)
    items[n] = data_of(w, entry->fields[n]);
  guint64 at = object(w, ENTRY, 64 + n * 16);
  put64(w, at + 16, number);
  put64(w, at + 24, entry->realtime);
  put64(w, at + 32, number * 1000); /* monotonic */
  memset(w->bytes->data + at + 40, 0x42, 16);
  for (guint i = 0; i < n; i++) {
    guint64 sum = get64(w->bytes->data + items[i] + 16);
    put64(w, at + 64 + i * 16, items[i]);
    put64(w, at + 72 + i * 16, sum);
    mixed ^= sum;
  }
  put64(w, at + 56, mixed);
  return at;
}

/* Each data object knows its entries: the first one, and an array of the rest. */
static guint link_data(Writer *w, const JournalEntry *entries, const guint64 *at, guint n) {
  GHashTableIter iter;
  gpointer field, offset;
  guint arrays = 0;

  g_hash_table_iter_init(&iter, w->data);
  while (g_hash_table_iter_next(&iter, &field, &offset)) {
    guint64 data = GPOINTER_TO_SIZE(offset);
    g_autoptr(GArray) mine = g_array_new(FALSE, FALSE, sizeof(guint64));
    for (guint i = 0; i < n; i++)
      if (g_strv_contains((const char *const *)entries[i].fields, field))
        g_array_append_val(mine, at[i]);
    put64(w, data + 40, g_array_index(mine, guint64, 0));
    put64(w, data + 56, mine->len);
    if (mine->len < 2)
      continue;
    guint64 array = object(w, ENTRY_ARRAY, 24 + (mine->len - 1) * 8);
    put64(w, data + 48, array);
    for (guint i = 1; i < mine->len; i++)
      put64(w, array + 24 + (i - 1) * 8, g_array_index(mine, guint64, i));
    arrays++;
  }
  return arrays;
}

static void header(Writer *w, const JournalEntry *entries, guint n, guint64 field_table,
                   guint64 entry_array, guint arrays) {
  memcpy(w->bytes->data, "LPKSHHRH", 8);
  w->bytes->data[12] = KEYED_HASH;
  memcpy(w->bytes->data + 24, w->file_id, 16);
  memset(w->bytes->data + 40, 0x41, 16);       /* machine */
  memset(w->bytes->data + 56, 0x42, 16);       /* boot */
  memcpy(w->bytes->data + 72, w->file_id, 16); /* of the numbers */
  const guint64 numbers[] = {HEADER_SIZE,
                             w->bytes->len - HEADER_SIZE,
                             w->data_table,
                             BUCKETS * 16,
                             field_table,
                             16,
                             w->tail,
                             w->n_objects,
                             n,
                             n,
                             n ? 1 : 0,
                             entry_array,
                             n ? entries[0].realtime : 0,
                             n ? entries[n - 1].realtime : 0,
                             (guint64)n * 1000,
                             w->n_data,
                             0,
                             0,
                             arrays};
  for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
    put64(w, 88 + i * 8, numbers[i]);
}

void journal_write(const char *path, const JournalEntry *entries, guint n) {
  Writer w = {.bytes = g_byte_array_new(),
              .data = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
  guint64 at[500];
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint(n, <=, G_N_ELEMENTS(at));
  for (guint i = 0; i < 16; i++)
    w.file_id[i] = (guint8)g_random_int();
  g_byte_array_set_size(w.bytes, HEADER_SIZE);
  memset(w.bytes->data, 0, HEADER_SIZE);
  w.data_table = object(&w, DATA_TABLE, 16 + BUCKETS * 16) + 16;
  guint64 field_table = object(&w, FIELD_TABLE, 16 + 16) + 16;
  for (guint i = 0; i < n; i++)
    at[i] = entry_write(&w, &entries[i], i + 1);
  guint arrays = link_data(&w, entries, at, n) + 1;
  guint64 all = object(&w, ENTRY_ARRAY, 24 + MAX(n, 1) * 8);
  for (guint i = 0; i < n; i++)
    put64(&w, all + 24 + i * 8, at[i]);
  header(&w, entries, n, field_table, all, arrays);
  g_assert_true(g_file_set_contents(path, (const char *)w.bytes->data, w.bytes->len, &error));
  g_assert_no_error(error);
  g_byte_array_unref(w.bytes);
  g_hash_table_unref(w.data);
}
