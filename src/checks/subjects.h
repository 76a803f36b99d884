/* subjects.h: can a check's subject and its options be what its type is about (a URL, a path, the
 * name of a unit)? Judged when a file is read, also by programs that never look, so there is no
 * library of a protocol in it. Pure: whether such a thing exists is for the look to tell.
 *
 * chk_subject_TYPE, '_' for '-', is the type's validate(): types-table.py relies on it. `given`:
 * the options that stand there, already of the right kinds (load-options.c), or NULL. All that is
 * wrong becomes a flaw, with what would be right. */
#pragma once

#include "checks/check.h"

/* Of several types. */
void chk_subject_path(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_account(const char *subject, JsonObject *given, ChkFlaws *flaws);
#define chk_subject_file chk_subject_path
#define chk_subject_greenboot chk_subject_path
#define chk_subject_mount chk_subject_path
#define chk_subject_unix_socket chk_subject_path
#define chk_subject_user chk_subject_account
#define chk_subject_group chk_subject_account
#define chk_subject_plugin chk_subject_command

void chk_subject_command(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_dbus(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_directory(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_dns(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_grpc(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_http(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_icmp(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_interface(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_journal(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_kernel_parameter(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_listening(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_mysql(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_package(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_port(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_postgresql(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_process(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_redis(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_release(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_settle(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_sqlite(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_tcp(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_tls(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_udp(const char *subject, JsonObject *given, ChkFlaws *flaws);
void chk_subject_unit(const char *subject, JsonObject *given, ChkFlaws *flaws);

/* What the look makes of a subject that was found good, so that both read it alike. */
#define CHK_MYSQL_PORT 3306
#define CHK_REDIS_PORT 6379
#define CHK_TLS_PORT 443
#define CHK_DNS_PORT 53
/* How libsoup reads a URL. */
#define CHK_HTTP_URI_FLAGS                                                                         \
  (G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_ENCODED_PATH | G_URI_FLAGS_ENCODED_QUERY |               \
   G_URI_FLAGS_ENCODED_FRAGMENT | G_URI_FLAGS_SCHEME_NORMALIZE)
/* The program and its arguments: the option "argv", else the subject split as a shell would. NULL
 * with an error; free with g_strfreev(). */
char **chk_command_argv(const char *subject, JsonObject *given, GError **error);
/* The file below /proc/sys; free with g_free(). */
char *chk_kernel_parameter_path(const char *subject);

/* For the validators: a text option or NULL. */
const char *chk_given_text(JsonObject *given, const char *name);
