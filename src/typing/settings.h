/* settings.h: the keys of typist.conf and what the daemon gets of them.
 *
 * Documented in typist.conf(5); a test checks that no key is missing there. */
#pragma once

#include "common/config.h"

typedef struct {
  guint64 max_text;   /* bytes of one text */
  guint max_waiting;  /* calls that wait for their turn */
  guint64 idle_usec;  /* a human who typed within it is not interrupted */
  guint64 retry_usec; /* when to ask again what was held for a person or a lock */
  guint64 timeout_usec, max_timeout_usec; /* of one call: when it does not say, and at most */
  guint64 keep_usec;                      /* the service stays so long after the last Type call */
  guint64 answer_usec;                    /* a hand that says nothing for so long hangs */
  const char *hand;      /* program; "": the one that was installed. Points into the config */
  const char *display;   /* "": from the environment */
  const char *authority; /* likewise */
} TypSettings;

extern const WgConfigKey typ_config_keys[];

/* Strings point into `config`. */
void typ_settings_load(const WgConfig *config, TypSettings *ret);
