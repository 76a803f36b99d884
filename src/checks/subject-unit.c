/* subject-unit.c: subjects that systemd, its journal or a message bus knows. */
#include "checks/journal-words.h"
#include "checks/subjects.h"
#include "checks/unit-name.h"

#include <string.h>
#include <systemd/sd-id128.h>

gboolean chk_subject_unit(const char *subject, JsonObject *given, GError **error) {
  return chk_unit_name_is_good(subject, error);
}

static gboolean good_severity(JsonObject *given, GError **error) {
  const char *severity = chk_given_text(given, "severity");

  return severity == NULL || chk_journal_priority(severity) >= 0 ||
         chk_subject_refuse(error, severity, "severity",
                            "emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7");
}

gboolean chk_subject_settle(const char *subject, JsonObject *given, GError **error) {
  g_auto(GStrv) names = g_strsplit_set(subject, " ,", -1);
  guint n = 0;

  for (guint i = 0; names[i]; i++) {
    n += *names[i] ? 1 : 0;
    if (*names[i] && !chk_unit_name_is_good(names[i], error))
      return FALSE;
  }
  return n > 0 ? good_severity(given, error) : chk_subject_refuse_text(error, "no unit is named");
}

static gboolean good_journal_options(JsonObject *given, GError **error) {
  const char *id = chk_given_text(given, "message-id"), *since = chk_given_text(given, "since");
  const char *pattern = chk_given_text(given, "pattern");
  ChkLook look = {.options = given};
  g_auto(GStrv) fields = chk_option_texts(&look, "fields");
  sd_id128_t parsed;
  guint64 from;

  if (!good_severity(given, error))
    return FALSE;
  if (id && sd_id128_from_string(id, &parsed) < 0)
    return chk_subject_refuse(error, id, "MESSAGE_ID", "32 hexadecimal digits");
  if (since && !chk_journal_since(since, 0, &from))
    return chk_subject_refuse(error, since, "time", "boot, a span as in 10min, or RFC 3339");
  for (guint i = 0; fields[i]; i++)
    if (!chk_journal_is_match(fields[i]))
      return chk_subject_refuse(error, fields[i], "match", "FIELD=value, FIELD in capitals");
  if (pattern) {
    g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, error);
    return regex != NULL;
  }
  return TRUE;
}

gboolean chk_subject_journal(const char *subject, JsonObject *given, GError **error) {
  return good_journal_options(given, error) &&
         (strcmp(subject, "all") == 0 || chk_journal_is_match(subject) ||
          chk_unit_name_is_good(subject, error));
}

gboolean chk_subject_dbus(const char *subject, JsonObject *given, GError **error) {
  const char *bus = chk_given_text(given, "bus"), *path = chk_given_text(given, "path");
  const char *interface = chk_given_text(given, "interface");
  const char *method = chk_given_text(given, "method");
  const char *property = chk_given_text(given, "property");

  if (!sd_bus_service_name_is_valid(subject))
    return chk_subject_refuse(error, subject, "name on a bus", "write it as in org.example.App");
  if (bus && !g_str_equal(bus, "system") && !g_str_equal(bus, "user"))
    return chk_subject_refuse(error, bus, "bus", "write system or user");
  if (path && !sd_bus_object_path_is_valid(path))
    return chk_subject_refuse(error, path, "object path", "write it as in /org/example/App");
  if (interface && !sd_bus_interface_name_is_valid(interface))
    return chk_subject_refuse(error, interface, "name of an interface",
                              "write it as in org.example.App");
  if (method && !sd_bus_member_name_is_valid(method))
    return chk_subject_refuse(error, method, "name of a method", "letters, digits and '_'");
  if (property && method)
    return chk_subject_refuse_text(error, "a check asks for a property or a method, not for both");
  return TRUE;
}
