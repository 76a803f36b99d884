/* bus-options.c: the dictionaries that a client can send, and which method takes which. The manual
 * page org.waggle.Typing1(5) describes each key, and a test compares the two. */
#include "typing/bus.h"

#include "common/names.h"

/* Also a filter of ListWindows. */
const WgOption typ_options_target[] = {{"class", "s"}, {"title", "s"}, {"title-regex", "s"},
                                       {"pid", "u"},   {"unit", "s"},  {"window", "u"},
                                       {"x", "i"},     {"y", "i"},     {NULL}};
const WgOption typ_options_type[] = {
    {"submit", "b"}, {"profile", "s"}, {"terminal", "b"}, {"idle", "t"},
    {"draft", "s"},  {"restore", "b"}, {"timeout", "t"},  {NULL}};
const WgOption typ_options_doctor[] = {{"profile", "s"}, {NULL}};

/* Everybody who may enter may do all of it; the target of Type, which is not its last argument, is
 * checked by its handler. */
static const TypMethod methods[] = {
    {WG_IFACE_TYPING, "Type", typ_handle_type, NULL, typ_options_type},
    {WG_IFACE_TYPING, "ListWindows", typ_handle_list_windows, NULL, typ_options_target},
    {WG_IFACE_TYPING, "Hold", typ_handle_hold},
    {WG_IFACE_TYPING, "Release", typ_handle_release},
    {WG_IFACE_TYPING, "Doctor", typ_handle_doctor, NULL, typ_options_doctor},
    {WG_IFACE_TYPING, "Ping", typ_handle_ping},
    {WG_IFACE_TYPING, "Reload", typ_handle_reload},
    {NULL},
};

const TypMethod *const typ_method_tables[] = {methods, NULL};
