/* outbox.h: D-Bus messages that are gathered, and written to the socket together.
 *
 * sd-bus makes an object of each message and a system call of each send. Where many small answers
 * come at once (a batch that the disk has taken) that is most of what they cost: here they are
 * written as bytes, one behind the other, and leave in one call. For answers and signals with a
 * signature known beforehand; everything else stays sd-bus's.
 *
 * It stands beside sd-bus on the same descriptor, so both may only ever write whole messages:
 * wg_bus_source_flush() writes when nothing waits in sd-bus, and so little at a time that a
 * socket takes all of it or nothing. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* No message may be larger; ask before. Also what a socket takes as a whole. */
#define WG_OUTBOX_MESSAGE_MAX (32 * 1024)

typedef struct WgOutbox WgOutbox;

typedef struct {
  gsize length_at, begin;
} WgOutboxArray;

WgOutbox *wg_outbox_new(void);
void wg_outbox_free(WgOutbox *outbox);

/* Begins the answer to `call`; `signature` of its body, "" for none. FALSE: none is wanted. */
gboolean wg_outbox_begin_answer(WgOutbox *outbox, sd_bus_message *call, const char *signature);
/* Begins a signal; `destination` NULL: to the other end of a connection without a broker. */
void wg_outbox_begin_signal(WgOutbox *outbox, const char *destination, const char *path,
                            const char *interface, const char *member, const char *signature);
/* Ends the message. FALSE: it is too large, and was taken back. */
gboolean wg_outbox_end(WgOutbox *outbox);

/* The body, in the order of its signature; each pads by itself. Strings are valid UTF-8. */
void wg_outbox_byte(WgOutbox *outbox, guint8 value);
void wg_outbox_u32(WgOutbox *outbox, guint32 value); /* also a boolean: 0 or 1 */
void wg_outbox_u64(WgOutbox *outbox, guint64 value);
void wg_outbox_string(WgOutbox *outbox, const char *text);
void wg_outbox_bytes(WgOutbox *outbox, const void *data, gsize size); /* "ay" */
void wg_outbox_struct(WgOutbox *outbox); /* begins a structure or a dictionary's entry */
void wg_outbox_variant(WgOutbox *outbox, char type); /* begins a variant of a basic type */
WgOutboxArray wg_outbox_open_array(WgOutbox *outbox, guint alignment); /* of its elements */
void wg_outbox_close_array(WgOutbox *outbox, WgOutboxArray array);

/* Messages and bytes that wait to be written. */
guint wg_outbox_n(const WgOutbox *outbox);
gsize wg_outbox_size(const WgOutbox *outbox);
/* Writes what the socket takes: 0, or a negative errno when the connection is to be given up (what
 * is not written is dropped then). */
int wg_outbox_write(WgOutbox *outbox, int fd);
