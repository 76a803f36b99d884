/* settings.c: see settings.h. A default here is the default: neither code nor units have others. */
#include "typing/settings.h"

#include "common/service.h"

#define TYPING "Typing"
#define HAND "Hand"

const WgConfigKey typ_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {TYPING, "MaxText", WG_CONFIG_UINT, "65536", 1, 1048576, "characters that one call may type"},
    {TYPING, "MaxWaiting", WG_CONFIG_UINT, "64", 1, 4096, "calls that may wait for their turn"},
    {TYPING, "IdleSec", WG_CONFIG_USEC, "30s", 0, 0,
     "held while a person typed in the window within it; 0: not looked at"},
    {TYPING, "RetrySec", WG_CONFIG_USEC, "10s", 100000, 0,
     "when to try again what a lock or a draft held"},
    {TYPING, "TimeoutSec", WG_CONFIG_USEC, "2min", G_USEC_PER_SEC, 0,
     "the longest that one call may type"},
    {HAND, "Program", WG_CONFIG_STRING, "", 0, 0,
     "the typing process; empty: the one that was installed"},
    {HAND, "Display", WG_CONFIG_STRING, "", 0, 0, "the X display; empty: the session's"},
    {HAND, "Authority", WG_CONFIG_STRING, "", 0, 0, "its Xauthority file; empty: the session's"},
    {HAND, "AnswerSec", WG_CONFIG_USEC, "5s", 100000, 0,
     "a typing process that is silent for so long is killed"},
    {NULL},
};

void typ_settings_load(const WgConfig *config, TypSettings *ret) {
  *ret = (TypSettings){
      .max_text = wg_config_u64(config, TYPING, "MaxText"),
      .max_waiting = wg_config_u64(config, TYPING, "MaxWaiting"),
      .idle_usec = wg_config_u64(config, TYPING, "IdleSec"),
      .retry_usec = wg_config_u64(config, TYPING, "RetrySec"),
      .job_usec = wg_config_u64(config, TYPING, "TimeoutSec"),
      .hand = wg_config_string(config, HAND, "Program"),
      .display = wg_config_string(config, HAND, "Display"),
      .authority = wg_config_string(config, HAND, "Authority"),
      .answer_usec = wg_config_u64(config, HAND, "AnswerSec"),
  };
}
