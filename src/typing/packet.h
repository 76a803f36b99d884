/* packet.h: packets between the typist and the hand (hand-protocol.h). Used by both programs. */
#pragma once

#include <glib.h>

/* A pair of connected descriptors, both close-on-exec and non-blocking: [0] stays here, [1] is for
 * the child (as HAND_FD; whoever starts it takes care of close-on-exec). */
gboolean typ_packet_pair(int ret_fds[2], GError **error);

/* Sends one packet. `arguments`: an a{sv}, consumed if floating; NULL: none. Never waits: a peer
 * whose buffer is full is an error (WG_ERROR_LIMITS_EXCEEDED), as is a packet that is too large
 * (WG_ERROR_INVALID_ARGUMENT) and a peer that is gone (WG_ERROR_FAILED). No SIGPIPE. */
gboolean typ_packet_send(int fd, guint32 serial, const char *kind, GVariant *arguments,
                         GError **error);

typedef enum {
  TYP_PACKET_ERROR, /* `error` is set; the stream goes on with the next packet if it was a bad one
                     */
  TYP_PACKET_END,   /* the peer is gone */
  TYP_PACKET_AGAIN, /* nothing there now */
  TYP_PACKET_TAKEN,
} TypPacketStatus;

/* Takes one packet, without waiting. On TYP_PACKET_TAKEN `ret_kind` is free with g_free() and
 * `ret_arguments` an a{sv} in normal form, free with g_variant_unref(). WG_ERROR_INVALID_ARGUMENT:
 * the packet is no HAND_PACKET_TYPE; any other error: the connection is broken. */
TypPacketStatus typ_packet_receive(int fd, guint32 *ret_serial, char **ret_kind,
                                   GVariant **ret_arguments, GError **error);
