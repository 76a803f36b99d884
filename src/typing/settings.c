/* settings.c: see settings.h. A default here is the default: neither code nor units have others. */
#include "typing/settings.h"

#include "common/service.h"
#include "typing/hand-protocol.h"

#define TYPING "Typing"
#define HAND "Hand"

const WgConfigKey typ_config_keys[] = {
    WG_SERVICE_CONFIG_KEYS,
    {TYPING, "MaxText", WG_CONFIG_BYTES, "64K", 1, HAND_TEXT_MAX, "the longest text of a call"},
    {TYPING, "MaxWaiting", WG_CONFIG_UINT, "64", 1, 4096, "calls that may wait for their turn"},
    {TYPING, "IdleSec", WG_CONFIG_USEC, "30s", 0, 0,
     "held while a person typed in the window within it; 0: not looked at"},
    {TYPING, "RetrySec", WG_CONFIG_USEC, "10s", 100000, 0,
     "when to try again what a lock or a draft held"},
    {TYPING, "TimeoutSec", WG_CONFIG_USEC, "20s", G_USEC_PER_SEC, 0,
     "the limit of a Type call that sets none"},
    {TYPING, "MaxTimeoutSec", WG_CONFIG_USEC, "10min", G_USEC_PER_SEC, 0,
     "the longest limit that a Type call may set"},
    {TYPING, "KeepSec", WG_CONFIG_USEC, "15min", 0, 0,
     "the service stays so long after a Type call, to see whether a person types"},
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
      .timeout_usec = wg_config_u64(config, TYPING, "TimeoutSec"),
      .max_timeout_usec = wg_config_u64(config, TYPING, "MaxTimeoutSec"),
      .keep_usec = wg_config_u64(config, TYPING, "KeepSec"),
      .hand = wg_config_string(config, HAND, "Program"),
      .display = wg_config_string(config, HAND, "Display"),
      .authority = wg_config_string(config, HAND, "Authority"),
      .answer_usec = wg_config_u64(config, HAND, "AnswerSec"),
  };
}
