/* bus-options.c: the dictionaries that a client can send, and which method takes which. The manual
 * page org.waggle.Typing1(5) describes each key, and a test compares the two. */
#include "typing/bus.h"

const WgOption typ_options_none[] = {{NULL}};
/* Also a filter of ListWindows. */
const WgOption typ_options_target[] = {{"class", "s"}, {"title", "s"}, {"title-regex", "s"},
                                       {"pid", "u"},   {"unit", "s"},  {"window", "u"},
                                       {"x", "i"},     {"y", "i"},     {NULL}};
const WgOption typ_options_type[] = {
    {"submit", "b"}, {"profile", "s"}, {"terminal", "b"}, {"idle", "t"},
    {"draft", "s"},  {"restore", "b"}, {"timeout", "t"},  {NULL}};
const WgOption typ_options_doctor[] = {{"profile", "s"}, {NULL}};

const TypMethod typ_methods[] = {
    {"Type", typ_handle_type, {typ_options_target, typ_options_type}},
    {"ListWindows", typ_handle_list_windows, {typ_options_target}},
    {"Hold", typ_handle_hold, {NULL}},
    {"Release", typ_handle_release, {NULL}},
    {"Doctor", typ_handle_doctor, {typ_options_doctor}},
    {"Ping", typ_handle_ping, {NULL}},
    {"Reload", typ_handle_reload, {NULL}},
    {NULL},
};
