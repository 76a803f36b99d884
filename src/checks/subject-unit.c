/* subject-unit.c: subjects that systemd, its journal or a message bus knows. */
#include "checks/journal-words.h"
#include "checks/subjects.h"
#include "checks/unit-name.h"

#include <string.h>
#include <systemd/sd-id128.h>

void chk_subject_unit(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  GError *error = NULL;

  if (!chk_unit_name_is_good(subject, &error))
    chk_flaw_error(flaws, NULL, error);
}

static void judge_severity(JsonObject *given, ChkFlaws *flaws) {
  const char *severity = chk_given_text(given, "severity");

  if (severity && chk_journal_priority(severity) < 0)
    chk_flaw_value(flaws, "severity", severity, "severity",
                   "emerg, alert, crit, err, warning, notice, info, debug, or 0 to 7");
}

void chk_subject_settle(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  g_auto(GStrv) names = g_strsplit_set(subject, " ,", -1);
  guint n = 0;

  for (guint i = 0; names[i]; i++) {
    n += *names[i] ? 1 : 0;
    if (*names[i])
      chk_subject_unit(names[i], given, flaws);
  }
  if (n == 0)
    chk_flaw(flaws, NULL, "no unit is named");
  judge_severity(given, flaws);
}

static void judge_journal_options(JsonObject *given, ChkFlaws *flaws) {
  const char *id = chk_given_text(given, "message-id"), *since = chk_given_text(given, "since");
  const char *pattern = chk_given_text(given, "pattern");
  ChkLook look = {.options = given};
  g_auto(GStrv) fields = chk_option_texts(&look, "fields");
  GError *error = NULL;
  sd_id128_t parsed;
  guint64 from;

  judge_severity(given, flaws);
  if (id && sd_id128_from_string(id, &parsed) < 0)
    chk_flaw_value(flaws, "message-id", id, "MESSAGE_ID", "32 hexadecimal digits");
  if (since && !chk_journal_since(since, 0, &from))
    chk_flaw_value(flaws, "since", since, "time", "boot, a span as in 10min, or RFC 3339");
  for (guint i = 0; fields[i]; i++)
    if (!chk_journal_is_match(fields[i]))
      chk_flaw_value(flaws, "fields", fields[i], "match", "FIELD=value, FIELD in capitals");
  g_autoptr(GRegex) regex = pattern ? g_regex_new(pattern, 0, 0, &error) : NULL;
  chk_flaw_error(flaws, "pattern", error);
}

void chk_subject_journal(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (strcmp(subject, "all") != 0 && !chk_journal_is_match(subject))
    chk_subject_unit(subject, given, flaws);
  judge_journal_options(given, flaws);
}

void chk_subject_dbus(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const char *bus = chk_given_text(given, "bus"), *path = chk_given_text(given, "path");
  const char *interface = chk_given_text(given, "interface");
  const char *method = chk_given_text(given, "method");

  if (!sd_bus_service_name_is_valid(subject))
    chk_flaw_value(flaws, NULL, subject, "name on a bus", "write it as in org.example.App");
  if (bus && !g_str_equal(bus, "system") && !g_str_equal(bus, "user"))
    chk_flaw_value(flaws, "bus", bus, "bus", "write system or user");
  if (path && !sd_bus_object_path_is_valid(path))
    chk_flaw_value(flaws, "path", path, "object path", "write it as in /org/example/App");
  if (interface && !sd_bus_interface_name_is_valid(interface))
    chk_flaw_value(flaws, "interface", interface, "name of an interface",
                   "write it as in org.example.App");
  if (method && !sd_bus_member_name_is_valid(method))
    chk_flaw_value(flaws, "method", method, "name of a method", "letters, digits and '_'");
  if (method && chk_given_text(given, "property"))
    chk_flaw(flaws, "property", "a check asks for a property or a method, not for both");
}
