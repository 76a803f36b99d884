/* settings.h: the keys of messaged.conf and what the engine gets of them.
 *
 * Documented in messaged.conf(5); a test checks that no key is missing there. */
#pragma once

#include "common/config.h"
#include "messaging/engine.h"

extern const WgConfigKey msg_config_keys[];

/* `ret->backoff_list` points into `config`. InvalidArgument/Configuration when two keys
 * contradict each other. */
gboolean msg_settings_load(const WgConfig *config, MsgSettings *ret, GError **error);
guint64 msg_settings_store_reserve(const WgConfig *config);
guint64 msg_settings_store_low_water(const WgConfig *config);
