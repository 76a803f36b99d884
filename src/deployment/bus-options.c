/* bus-options.c: the keys of every a{sv} that a client can send; what is not here is refused.
 * org.waggle.Deployment1(5) describes each; a test compares. */
#include "deployment/bus.h"

const WgOption dpl_options_none[] = {{NULL}};

const WgOption dpl_options_trace[] = {{"traceparent", "s"}, {NULL}};

const WgOption dpl_options_manifest[] = {
    {"targets", "as"},
    {"labels", "a{ss}"},
    {"domain", "s"},
    {NULL},
};

const WgOption dpl_options_deploy[] = {
    {"targets", "as"}, {"labels", "a{ss}"},   {"domain", "s"},        {"force", "b"},
    {"hold", "b"},     {"confirm", "t"},      {"manifest-hash", "s"}, {"reason", "s"},
    {"parallel", "u"}, {"max-failures", "u"}, {"traceparent", "s"},   {NULL},
};

const WgOption dpl_options_rollback[] = {
    {"to", "s"}, {"force", "b"}, {"reason", "s"}, {"traceparent", "s"}, {NULL},
};

const WgOption dpl_options_rehearse[] = {
    {"to", "s"}, {"isolate", "b"}, {"observe", "t"}, {"traceparent", "s"}, {NULL},
};

const WgOption dpl_options_list[] = {
    {"target", "s"}, {"state", "s"},  {"since", "t"}, {"job", "t"},
    {"max", "u"},    {"active", "b"}, {NULL},
};

const WgOption dpl_options_stats[] = {
    {"target", "s"},
    {"since", "t"},
    {NULL},
};

const WgOption dpl_options_reason[] = {
    {"reason", "s"},
    {NULL},
};
