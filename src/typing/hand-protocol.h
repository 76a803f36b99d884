/* hand-protocol.h: what waggle-typist and its child, waggle-typist-hand, say to each other.
 *
 * The typist makes a socketpair(AF_UNIX, SOCK_SEQPACKET) and starts
 *     waggle-typist-hand --restore-file=PATH
 * with one end as descriptor HAND_FD and $DISPLAY (and $XAUTHORITY) set. One packet is one
 * serialized GVariant HAND_PACKET_TYPE (serial, kind, arguments) in the machine's byte order and at
 * most HAND_PACKET_MAX bytes; packet.h has the code of both sides.
 *
 * A request has a serial that is not 0; exactly one packet with that serial answers it: "reply", or
 * "error" (code s: the name of a WgErrorCode as on D-Bus, text s). Requests are taken one after the
 * other, in their order; up to HAND_QUEUE_MAX wait, more are answered with "error" LimitsExceeded.
 * Only "stop" overtakes. Unknown keys of a request are an error, and so are values of a wrong type.
 * Packets with serial 0 are events.
 *
 * The hand ends: with status HAND_EXIT_OK at the end of file of its descriptor or on SIGTERM (what
 * it is typing is stopped, keys released, the map put back first); with another status as below,
 * after the event "leaving" where that could still be sent. A hand that starts and finds the
 * restore file puts back what stands there before it says "ready".
 *
 * Times are microseconds. Never sent, in either direction: which keys a human pressed. */
#pragma once

#define HAND_FD 3
#define HAND_PACKET_TYPE "(usa{sv})"
#define HAND_PACKET_MAX (128 * 1024)
#define HAND_TEXT_MAX (64 * 1024) /* bytes of UTF-8 in one request to type */
#define HAND_QUEUE_MAX 16
#define HAND_WINDOWS_MAX 200 /* windows in one list; a title has at most HAND_TITLE_MAX bytes */
#define HAND_TITLE_MAX 256

/* Exit statuses */
#define HAND_EXIT_OK 0
#define HAND_EXIT_FAILURE 1
#define HAND_EXIT_USAGE 2
#define HAND_EXIT_NO_DISPLAY 3   /* it could not be opened, or lacks XTEST or XKB */
#define HAND_EXIT_DISPLAY_LOST 4 /* the X server went away */
#define HAND_EXIT_LOCKED 5       /* another hand has had the restore file for more than 5 s */

/* Events (serial 0) */
#define HAND_EVENT_READY "ready"     /* arguments as the reply to "query" */
#define HAND_EVENT_LEAVING "leaving" /* code s: one of the below; text s: for people */
#define HAND_LEAVING_NO_DISPLAY "no-display"
#define HAND_LEAVING_DISPLAY_LOST "display-lost"
#define HAND_LEAVING_LOCKED "locked"

/* Answers */
#define HAND_REPLY "reply"
#define HAND_ERROR "error"

/* Requests
 *
 * The keys of a target, in "type" and "windows" (there a filter, and none is needed): class s
 * (WM_CLASS, instance or class, whole, ASCII case ignored), title s (glob over the whole title),
 * title-regex s (GRegex, anywhere in the title), pid u (the window's process, one of its ancestors
 * or its descendants: a terminal is found by the shell in it), unit s (systemd unit, system or
 * user, in the cgroup of the window's process or of a descendant), window u, x i and y i (the
 * window under that point; it is also clicked there). All that are given must hold.
 *
 * "type"     target keys as above, and
 *              text s            typed character for character as it stands; "\n" is typed with
 *                                the key `newline`, "\t" with Tab; no other control character
 *              submit s          key sequence at the end ("Return", "ctrl+Return"); "" or absent:
 *                                none
 *              submit-delay t    between the last character and it; default 0
 *              newline s         key sequence for "\n"; default "Return"
 *              idle t            hold if a human typed in the window within it; default 30 s
 *              quiet t           hold if a human typed anywhere within it (the focus is about to be
 *                                taken away); default 1.5 s, never more than `idle`
 *              draft s           "hold" (default) or "ignore"
 *              restore b         put focus and pointer back; default true
 *              timeout t         for the whole request; default 30 s
 *              settle t          how long a client gets to take a changed map in; default 20 ms
 *              key-delay t       between two characters; default 1 ms
 *            reply: result s     HAND_RESULT_*
 *              cause s           for people; "" when typed
 *              code s            HAND_CAUSE_*; "" when typed
 *              typed u, total u  characters (code points) sent, and in the text
 *              submitted b       the submit key was sent
 *              window u, title s, class s, pid u     of the window, where one was found
 *              took t
 *              retry t           a held request may be worth trying again after so long; 0: no idea
 *              candidates as     with "several-windows": their descriptions
 * "windows"  target keys (a filter), reply: windows aa{sv} (window u, class s, instance s, title s,
 *            pid u, unit s, focused b, visible b, desktop i (-1: all, -2: unknown)), truncated b
 * "doctor"   settle t, key-delay t as above; reply: layout s, spare-keycodes u, verdict s, exact b,
 *            characters aa{sv} (sample s, sent u, wrong u, what s)
 * "restore"  puts the map and keys back now; reply: restored b (there was something)
 * "query"    reply: display s, layout s, group u, idle t (since the last input of any kind),
 * focused u, locked b (screen saver on), wm s (its name; "": none), spare-keycodes u, xi2 b (humans
 * are seen), human t (since a human's last key; absent: none seen) "stop"     a text that is being
 * typed is stopped (its own reply says "partial"); reply: stopped b
 */
#define HAND_TYPE "type"
#define HAND_WINDOWS "windows"
#define HAND_DOCTOR "doctor"
#define HAND_RESTORE "restore"
#define HAND_QUERY "query"
#define HAND_STOP "stop"

/* What became of "type". Held and failed: not one character was sent. Partial: some may have been;
 * it must not be tried again by itself. */
#define HAND_RESULT_TYPED "typed"
#define HAND_RESULT_HELD "held"
#define HAND_RESULT_FAILED "failed"
#define HAND_RESULT_PARTIAL "partial"

/* Why (code) */
#define HAND_CAUSE_HUMAN "human"       /* a human typed lately, or in the middle */
#define HAND_CAUSE_MODIFIER "modifier" /* a modifier key is held down */
#define HAND_CAUSE_LOCKED "locked"     /* the screen saver is on */
#define HAND_CAUSE_GRABBED "grabbed"   /* another program has the keyboard: a menu, a lock screen */
#define HAND_CAUSE_DRAFT "draft"       /* the text field is not empty */
#define HAND_CAUSE_BUSY "busy"         /* another hand is typing on this display */
#define HAND_CAUSE_NO_WINDOW "no-window"
#define HAND_CAUSE_SEVERAL "several-windows"
#define HAND_CAUSE_NO_FOCUS "no-focus"     /* the window did not get the focus */
#define HAND_CAUSE_FOCUS_LOST "focus-lost" /* in the middle */
#define HAND_CAUSE_CLOSED "window-closed"
#define HAND_CAUSE_STOPPED "stopped" /* "stop", SIGTERM or the end of the typist */
#define HAND_CAUSE_TIMEOUT "timeout"
#define HAND_CAUSE_KEYBOARD "keyboard" /* another program changed map, group or locks */
#define HAND_CAUSE_NO_KEY "no-key"     /* the display has no key for it, or no spare key codes */
