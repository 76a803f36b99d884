/* store-header.c: the first 100 bytes of the file, before SQLite believes them.
 *
 * Most of SQLite's header is the same in each of our files for ever. A wrong bit there changes how
 * all the rest is read (encoding, size of the pages, auto-vacuum, read-only), often without an
 * error; and in the schema's text it renames a column. Both are found when the store is opened. */
#include "common/error.h"
#include "common/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_SIZE 4096

typedef struct {
  guint8 at, size;
  const char *bytes;
} Constant;

static const Constant constants[] = {
    {0, 16, "SQLite format 3"},
    {16, 2, "\x10\x00"},         /* pages of 4096 bytes */
    {18, 2, "\x02\x02"},         /* WAL */
    {20, 1, "\x00"},             /* nothing reserved in a page */
    {21, 3, "\x40\x20\x20"},     /* fractions, fixed by the format */
    {44, 4, "\x00\x00\x00\x04"}, /* schema format */
    {52, 4, "\x00\x00\x00\x00"}, /* no auto-vacuum */
    {56, 4, "\x00\x00\x00\x01"}, /* UTF-8 */
    {64, 4, "\x00\x00\x00\x00"}, /* no incremental vacuum */
    {72, 20, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
};

gboolean wg_store_has_wal(const char *path) {
  g_autofree char *wal = g_strconcat(path, "-wal", NULL);
  struct stat st;
  return stat(wal, &st) == 0 && st.st_size > 0;
}

gboolean wg_store_header_is_damaged(const char *path, char **ret_why) {
  guint8 header[100];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return FALSE; /* what opens it next says why */
  ssize_t n = pread(fd, header, sizeof header, 0);
  off_t size = lseek(fd, 0, SEEK_END);
  close(fd);
  if (n < 0)
    return FALSE;
  if (n < (ssize_t)sizeof header) {
    *ret_why = g_strdup_printf("the file ends after %d bytes", (int)n);
    return TRUE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(constants); i++) {
    const Constant *c = &constants[i];
    if (memcmp(header + c->at, c->bytes, c->size) == 0)
      continue;
    *ret_why = g_strdup_printf("byte %u of the header is wrong", c->at);
    return TRUE;
  }
  /* A checkpoint that was cut leaves that, too; but then the WAL still has the page. */
  if (size % PAGE_SIZE == 0 || wg_store_has_wal(path))
    return FALSE;
  *ret_why = g_strdup("the file ends inside a page");
  return TRUE;
}

/* CRC over the text of the schema; its own seal lies in a table and so is not part of it. */
static gboolean schema_crc(sqlite3 *db, gint64 *ret, GError **error) {
  guint32 crc = 0;
  sqlite3_stmt *stmt =
      wg_store_prepare(db,
                       "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || coalesce(sql, '') "
                       "FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' "
                       "ORDER BY name",
                       error);
  if (!stmt)
    return FALSE;
  int rc;
  while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
    crc = wg_store_crc(crc, sqlite3_column_text(stmt, 0), sqlite3_column_bytes(stmt, 0));
  if (rc != SQLITE_DONE)
    wg_store_set_error(db, error, "reading the schema");
  sqlite3_finalize(stmt);
  *ret = crc;
  return rc == SQLITE_DONE;
}

gboolean wg_store_seal_schema(sqlite3 *db, GError **error) {
  gint64 crc = 0;
  if (!schema_crc(db, &crc, error))
    return FALSE;
  g_autofree char *sql = g_strdup_printf(
      "INSERT OR REPLACE INTO " WG_STORE_SEAL " VALUES(1, %" G_GINT64_FORMAT ")", crc);
  return wg_store_exec(db, sql, error);
}

gboolean wg_store_verify_schema(sqlite3 *db, GError **error) {
  gint64 crc = 0, sealed = -1;
  if (!schema_crc(db, &crc, error))
    return FALSE;
  sqlite3_stmt *stmt = NULL;
  if (sqlite3_prepare_v2(db, "SELECT crc FROM " WG_STORE_SEAL " WHERE id = 1", -1, &stmt, NULL) ==
          SQLITE_OK &&
      sqlite3_step(stmt) == SQLITE_ROW)
    sealed = sqlite3_column_int64(stmt, 0);
  sqlite3_finalize(stmt);
  if (crc == sealed)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
              "Store: the text of its schema is not what was written");
  return FALSE;
}
