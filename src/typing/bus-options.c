/* bus-options.c: the dictionaries that a client can send, and which method takes which. The manual
 * page org.waggle.Typing1(5) describes each key, and a test compares the two. */
#include "typing/bus.h"

const WgOption typ_options_none[] = {{NULL}};

const TypMethod typ_methods[] = {
    {"Ping", typ_handle_ping, {NULL}},
    {"Reload", typ_handle_reload, {NULL}},
    {NULL},
};
