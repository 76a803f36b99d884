/* policy-keys.c: the keys of the policy's language: names, types, bounds, defaults. The parser goes
 * by this table, and waggle-policy(5) is compared with it. */
#include "delivery/policy.h"

#define SEC G_GUINT64_CONSTANT(1000000)
#define MIN_ (60 * SEC)
#define HOUR (60 * MIN_)
#define DAY (24 * HOUR)

const DlvKey dlv_policy_keys[] = {
    {"",
     {"backends", DLV_OBJECT, TRUE, 1, DLV_POLICY_ENTRIES_MAX,
      "the ways to reach the agent, the first one first"},
     DLV_LIST,
     NULL},
    {"", {"quiet", DLV_OBJECT, FALSE, 0, 0, "times in which nothing rings"}, DLV_LIST, NULL},
    {"", {"rate", DLV_OBJECT, FALSE, 0, 0, "how often a doorbell may ring"}, DLV_ONE, NULL},
    {"", {"digest", DLV_OBJECT, FALSE, 0, 0, "what a doorbell says"}, DLV_ONE, NULL},

    {"backends", {"use", DLV_TEXT, TRUE, 0, 0, "the back-end"}, DLV_ONE, NULL},
    {"backends", {"name", DLV_TEXT, FALSE, 0, 0, "its name in receipts"}, DLV_ONE, "that of use"},
    {"backends", {"if", DLV_OBJECT, FALSE, 0, 0, "when it is used"}, DLV_ONE, NULL},
    {"backends",
     {"escalate", DLV_TIME, FALSE, SEC, 30 * DAY, "announced but not received after so long"},
     DLV_ONE,
     NULL},
    {"backends",
     {"hold-max", DLV_TIME, FALSE, 0, 0, "held for so long: the next back-end"},
     DLV_ONE,
     "10min"},
    {"backends", {"timeout", DLV_TIME, FALSE, SEC, 7 * DAY, "limit of one job"}, DLV_ONE, "30s"},
    {"backends",
     {"retry", DLV_TIME, FALSE, SEC, HOUR, "pause after the first failure"},
     DLV_ONE,
     "5s"},

    {"if", {"priority", DLV_TEXT, FALSE, 0, 0, "priorities of the message"}, DLV_ONE, NULL},
    {"if",
     {"idle", DLV_TIME, FALSE, SEC, 30 * DAY, "no sign of life of the agent for so long"},
     DLV_ONE,
     NULL},
    {"if", {"hours", DLV_TEXT, FALSE, 0, 0, "hours of the day"}, DLV_ONE_OR_LIST, NULL},
    {"if", {"days", DLV_TEXT, FALSE, 0, 0, "days of the week"}, DLV_ONE, "Mon..Sun"},

    {"quiet", {"hours", DLV_TEXT, FALSE, 0, 0, "hours of the day"}, DLV_ONE_OR_LIST, NULL},
    {"quiet", {"days", DLV_TEXT, FALSE, 0, 0, "days of the week"}, DLV_ONE, "Mon..Sun"},
    {"quiet",
     {"except-priority", DLV_TEXT, FALSE, 0, 0, "priorities that ring all the same"},
     DLV_ONE,
     NULL},

    {"rate", {"max", DLV_NUMBER, TRUE, 1, 1000, "doorbells"}, DLV_ONE, NULL},
    {"rate", {"per", DLV_TIME, FALSE, SEC, DAY, "within"}, DLV_ONE, "1min"},

    {"digest",
     {"window", DLV_TIME, FALSE, 0, HOUR, "how long a doorbell waits for more messages"},
     DLV_ONE,
     "0s"},
    {"digest", {"text", DLV_TEXT, FALSE, 0, 0, "the doorbell's line"}, DLV_ONE, NULL},
    {NULL},
};
