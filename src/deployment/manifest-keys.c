/* manifest-keys.c: the keys of a manifest; see keys.h. waggle-manifest(5) and the published schema
 * are compared with this table. */
#include "deployment/manifest-private.h"

#define SEC G_GUINT64_CONSTANT(1000000)
#define MIN_ (60 * SEC)
#define DAY (86400 * SEC)
#define AT(type, field) G_STRUCT_OFFSET(type, field)

static const char *const restarts[] = {"restart", "reload-or-restart", "stop-start", NULL};

#define TEXT(section, key, required, normal, type, field, help)                                    \
  { section, key, DPL_KEY_TEXT, required, 0, 0, NULL, normal, AT(type, field), help }
#define TEXTS(section, key, required, type, field, help)                                           \
  { section, key, DPL_KEY_TEXTS, required, 0, 0, NULL, NULL, AT(type, field), help }
#define BOOL(section, key, type, field, help)                                                      \
  { section, key, DPL_KEY_BOOL, FALSE, 0, 0, NULL, "false", AT(type, field), help }
#define COUNT(section, key, min, max, normal, type, field, help)                                   \
  { section, key, DPL_KEY_COUNT, FALSE, min, max, NULL, normal, AT(type, field), help }
#define TIME(section, key, min, max, normal, type, field, help)                                    \
  { section, key, DPL_KEY_TIME, FALSE, min, max, NULL, normal, AT(type, field), help }
#define SIZE(section, key, normal, type, field, help)                                              \
  { section, key, DPL_KEY_SIZE, FALSE, 0, 0, NULL, normal, AT(type, field), help }
#define WORD(section, key, words, normal, type, field, help)                                       \
  { section, key, DPL_KEY_WORD, FALSE, 0, 0, words, normal, AT(type, field), help }
#define OBJECT(section, key, help)                                                                 \
  { section, key, DPL_KEY_OBJECT, FALSE, 0, 0, NULL, NULL, 0, help }
#define LIST(section, key, required, help)                                                         \
  { section, key, DPL_KEY_LIST, required, 0, 0, NULL, NULL, 0, help }
#define OTHER(section, key, required, help)                                                        \
  { section, key, DPL_KEY_OTHER, required, 0, 0, NULL, NULL, 0, help }

const DplKey dpl_manifest_keys[] = {
    TEXT("", "name", TRUE, NULL, DplManifest, name, "what is deployed"),
    TEXT("", "version", TRUE, NULL, DplManifest, version, "its version, for people"),
    TEXT("", "description", FALSE, NULL, DplManifest, description, "a line about it"),
    OTHER("", "target", TRUE, "the target, or how targets are chosen"),
    LIST("", "artifacts", TRUE, "what the release consists of, in the order of unpacking"),
    OBJECT("", "shared", "what lives on over releases"),
    LIST("", "configuration", FALSE, "files that are made from templates"),
    OBJECT("", "units", "units of systemd"),
    OBJECT("", "hooks", "commands at points of the deployment"),
    TEXTS("", "backup", FALSE, DplManifest, backup,
          "absolute paths that are copied aside before anything changes"),
    OTHER("", "checks", FALSE, "what has to hold afterwards"),
    OTHER("", "presets", FALSE, "ready checks"),
    OTHER("", "groups", FALSE, "shares of checks"),
    OTHER("", "waivers", FALSE, "failures that are accepted for a while"),
    OTHER("", "settle", FALSE, "how long the units have to run without trouble"),
    OTHER("", "defaults", FALSE, "defaults of the checks"),
    OTHER("", "vars", FALSE, "variables"),
    OBJECT("", "budgets", "how long the phases may take"),
    OBJECT("", "strategy", "how several targets, and one, are treated"),
    OBJECT("", "retention", "which old releases stay"),
    OBJECT("", "state", "the application's data and who can read them"),
    OBJECT("", "poison", "how long a release that failed is refused"),
    OBJECT("", "require", "what has to be there before"),

    TEXTS("target", "name", FALSE, DplTargetSpec, names, "targets of targets.d"),
    TEXT("target", "root", FALSE, NULL, DplTargetSpec, root,
         "the root of a target that only this manifest knows"),
    TEXT("target", "domain", FALSE, NULL, DplTargetSpec, domain, "its domain, or that of all"),
    OTHER("target", "labels", FALSE, "its labels, or those that all have"),
    TEXT("target", "instance", FALSE, NULL, DplTargetSpec, instance, "its instance; with root"),

    TEXT("artifacts", "source", TRUE, NULL, DplArtifactSpec, source,
         "a directory, a tar archive or a Debian package"),
    TEXT("artifacts", "sha256", FALSE, NULL, DplArtifactSpec, sha256,
         "the digest that it has to have"),
    TEXT("artifacts", "signature", FALSE, NULL, DplArtifactSpec, signature,
         "a signature of minisign"),
    TEXT("artifacts", "into", FALSE, ".", DplArtifactSpec, into, "the directory of the release"),
    COUNT("artifacts", "strip", 0, 64, "0", DplArtifactSpec, strip,
          "leading directories that are dropped"),
    BOOL("artifacts", "keep-owners", DplArtifactSpec, keep_owners,
         "owners stay those of the archive"),
    BOOL("artifacts", "allow-setuid", DplArtifactSpec, allow_setuid,
         "set-uid and set-gid files are not refused"),
    BOOL("artifacts", "allow-capabilities", DplArtifactSpec, allow_capabilities,
         "files with capabilities are not refused"),

    TEXTS("shared", "directories", FALSE, DplManifest, shared.directories,
          "directories of the release"),
    TEXTS("shared", "files", FALSE, DplManifest, shared.files, "files of the release"),

    TEXT("configuration", "file", TRUE, NULL, DplConfiguration, file, "the file of the release"),
    TEXT("configuration", "from", FALSE, NULL, DplConfiguration, from,
         "a template beside the manifest"),
    TEXT("configuration", "template", FALSE, NULL, DplConfiguration, template,
         "a template in the release"),
    TEXT("configuration", "content", FALSE, NULL, DplConfiguration, content, "the template itself"),
    {"configuration", "mode", DPL_KEY_MODE, FALSE, 0, 0, NULL, "0644", AT(DplConfiguration, mode),
     "its mode"},

    TEXTS("units", "install", FALSE, DplUnitsSpec, install,
          "unit files of the release that are copied to the manager's directory"),
    TEXTS("units", "link", FALSE, DplUnitsSpec, link,
          "unit files of the release that are linked there"),
    TEXTS("units", "enable", FALSE, DplUnitsSpec, enable, "units that start at boot"),
    TEXTS("units", "start", FALSE, DplUnitsSpec, start,
          "units that are started, and restarted where they run"),
    TEXTS("units", "reload", FALSE, DplUnitsSpec, reload, "units that are reloaded"),
    BOOL("units", "stop-first", DplUnitsSpec, stop_first,
         "units are stopped before the switch, not after it"),

    LIST("hooks", "pre-flight", FALSE, "before anything is done"),
    LIST("hooks", "pre-stage", FALSE, "before the release is made"),
    LIST("hooks", "post-stage", FALSE, "when the release is made"),
    LIST("hooks", "pre-switch", FALSE, "before the switch"),
    LIST("hooks", "post-switch", FALSE, "after the switch, before units start"),
    LIST("hooks", "post-start", FALSE, "when the units have started"),
    LIST("hooks", "post-verify", FALSE, "when the checks have passed"),
    LIST("hooks", "pre-rollback", FALSE, "before a roll-back"),
    LIST("hooks", "post-rollback", FALSE, "after a roll-back"),
    LIST("hooks", "post-commit", FALSE, "when the release is the last good one"),

    TEXTS("hook", "command", TRUE, DplHookSpec, command, "the program and its arguments"),
    TEXTS("hook", "environment", FALSE, DplHookSpec, environment, "NAME=VALUE for it"),
    TEXT("hook", "user", FALSE, NULL, DplHookSpec, user, "whose rights it has"),
    TIME("hook", "timeout", 1000, 10 * MIN_, "30s", DplHookSpec, timeout, "the limit of its time"),
    SIZE("hook", "memory-max", "0", DplHookSpec, memory_max, "the limit of its memory; 0 is none"),
    COUNT("hook", "tasks-max", 0, 1000000, "0", DplHookSpec, tasks_max,
          "the limit of its processes and threads; 0 is none"),
    COUNT("hook", "cpu-quota", 0, 100000, "0", DplHookSpec, cpu_quota,
          "percent of one processor; 0 is no limit"),
    {"hook", "network", DPL_KEY_BOOL, FALSE, 0, 0, NULL, "true", AT(DplHookSpec, network),
     "it may use the network"},

    TIME("budgets", "deploy", SEC, 5 * MIN_, "5min", DplBudgets, deploy,
         "from the beginning to started units"),
    TIME("budgets", "verify", SEC, 10 * MIN_, "10min", DplBudgets, verify, "all checks"),
    TIME("budgets", "rollback", SEC, 2 * MIN_, "2min", DplBudgets, rollback, "the way back"),

    COUNT("strategy", "parallel", 1, 1000, "1", DplStrategy, parallel, "targets at a time"),
    COUNT("strategy", "max-failures", 0, 1000000, "1", DplStrategy, max_failures,
          "failures after which no more targets are begun; 0 is any number"),
    TIME("strategy", "confirm", 0, 7 * DAY, "0s", DplStrategy, confirm,
         "without a confirmation in this time it is rolled back; 0 asks for none"),
    WORD("strategy", "restart", restarts, "restart", DplStrategy, restart,
         "what is done to units that run"),
    BOOL("strategy", "isolate-rehearsal", DplStrategy, isolate_rehearsal,
         "the release that serves is started in isolation first, to prove that it can be returned "
         "to"),

    COUNT("retention", "count", 1, 10000, "5", DplRetentionSpec, count,
          "releases that stay, the current one among them"),
    SIZE("retention", "size", "0", DplRetentionSpec, size, "of all together; 0 is any"),
    TIME("retention", "age", 0, 36500 * DAY, "0s", DplRetentionSpec, age,
         "older ones go; 0 is any"),
    COUNT("retention", "failed", 0, 10000, "2", DplRetentionSpec, failed,
          "releases that did not verify and are kept for a look; 0 keeps none"),
    SIZE("retention", "failed-size", "0", DplRetentionSpec, failed_size,
         "of those together; 0 is any"),
    TIME("retention", "failed-age", 0, 36500 * DAY, "7d", DplRetentionSpec, failed_age,
         "older ones of those go; 0 is any"),

    TEXT("state", "directory", TRUE, NULL, DplStateSpec, directory,
         "the directory of the application's data"),
    {"state", "schema", DPL_KEY_COUNT, TRUE, 0, 1000000000, NULL, NULL, AT(DplStateSpec, schema),
     "the version of the data after the deployment"},
    TEXT("state", "reads", FALSE, NULL, DplStateSpec, reads,
         "versions that the release can read: \"5..7\""),
    {"state", "writes", DPL_KEY_COUNT, FALSE, 0, 1000000000, NULL, NULL, AT(DplStateSpec, writes),
     "the version that it writes"},
    OBJECT("state", "migrate", "commands between versions"),
    BOOL("state", "snapshot", DplStateSpec, snapshot,
         "the directory is kept as it was, and put back by a roll-back"),

    OBJECT("migrate", "up", "from the version before to this one"),
    OBJECT("migrate", "down", "back again"),

    COUNT("poison", "days", 0, 365, "7", DplManifest, poison_days, "0 refuses none"),

    SIZE("require", "space", "0", DplRequire, space, "free after the release is there"),
    COUNT("require", "inodes", 0, G_MAXINT64, "0", DplRequire, inodes,
          "free after the release is there"),
    COUNT("require", "exposure-at-most", 0, 100, "100", DplRequire, exposure_at_most,
          "the exposure that each service of the release may have, in tenths"),
    TEXTS("require", "commands", FALSE, DplRequire, commands, "programs that can be found"),
    TEXTS("require", "credentials", FALSE, DplRequire, credentials,
          "credentials of the service manager"),
    OTHER("require", "ports-free", FALSE,
          "TCP ports on which nothing but this deployment's own units listens"),
    {NULL},
};
