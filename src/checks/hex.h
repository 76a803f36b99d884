/* hex.h: bytes as hexadecimal text. Pure; also for programs that read checks and never look. */
#pragma once

#include <glib.h>

/* Two digits a byte, of either case, white space between bytes or not; empty: no bytes. NULL with
 * an error that names what is none. Free with g_byte_array_unref(). */
GByteArray *chk_hex_parse(const char *text, GError **error);
/* Small letters, no spaces; free with g_free(). */
char *chk_hex_text(const guint8 *bytes, gsize size);
