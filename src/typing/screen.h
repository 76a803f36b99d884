/* screen.h: is the screen locked?
 *
 * Two are asked, one after the other: logind (LockedHint of the user's graphical session, on the
 * system bus) and org.freedesktop.ScreenSaver (on the session's bus). Who is not there or does not
 * answer says nothing: then the hand still sees X's own screen saver and who has grabbed the
 * keyboard. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct TypScreen TypScreen;
/* `locked_by`: who says that it is locked; NULL: nobody. */
typedef void (*TypScreenFunc)(const char *locked_by, gpointer data);

TypScreen *typ_screen_new(uid_t uid);
void typ_screen_free(TypScreen *screen);
/* One question at a time. `session`: the session's bus, NULL if there is none. `func` may run
 * before this returns, and does not after the screen is freed. */
void typ_screen_check(TypScreen *screen, sd_bus *session, TypScreenFunc func, gpointer data);
/* The session's bus is lost: a question that was put there is given up. */
void typ_screen_bus_lost(TypScreen *screen);
