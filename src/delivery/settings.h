/* settings.h: the keys of courier.conf and what the program gets of them.
 *
 * Documented in courier.conf(5); a test checks that no key is missing there. */
#pragma once

#include "common/config.h"

typedef struct {
  guint max_jobs;        /* under way at a time, over all agents */
  guint max_attempts;    /* of one messaging service in hand at a time */
  guint64 max_body;      /* bytes; larger ones are not handed to a back-end */
  guint64 lease;         /* us, of mail that a back-end handles itself; touched at half of it */
  guint64 reconnect_max; /* us, the longest pause between two tries to connect */
} DlvSettings;

extern const WgConfigKey dlv_config_keys[];

void dlv_settings_load(const WgConfig *config, DlvSettings *ret);
