/* types.h: the types of checks, one declaration each; the table is in types.c. */
#pragma once

#include "checks/check.h"

extern const ChkType chk_type_command;
extern const ChkType chk_type_dbus;
extern const ChkType chk_type_directory;
extern const ChkType chk_type_dns;
extern const ChkType chk_type_file;
extern const ChkType chk_type_greenboot;
extern const ChkType chk_type_group;
extern const ChkType chk_type_grpc;
extern const ChkType chk_type_http;
extern const ChkType chk_type_icmp;
extern const ChkType chk_type_interface;
extern const ChkType chk_type_journal;
extern const ChkType chk_type_kernel_parameter;
extern const ChkType chk_type_listening;
extern const ChkType chk_type_mount;
extern const ChkType chk_type_mysql;
extern const ChkType chk_type_package;
extern const ChkType chk_type_plugin;
extern const ChkType chk_type_port;
extern const ChkType chk_type_postgresql;
extern const ChkType chk_type_process;
extern const ChkType chk_type_redis;
extern const ChkType chk_type_release;
extern const ChkType chk_type_settle;
extern const ChkType chk_type_sqlite;
extern const ChkType chk_type_tcp;
extern const ChkType chk_type_tls;
extern const ChkType chk_type_udp;
extern const ChkType chk_type_unit;
extern const ChkType chk_type_unix_socket;
extern const ChkType chk_type_user;
extern const ChkType chk_type_value;

/* For tests of the engine: types besides those of the table; NULL-terminated, NULL: none. */
void chk_types_set_extra(const ChkType *const *types);
/* The names of all, NULL-terminated; free with g_strfreev(). */
char **chk_types_names(void);
