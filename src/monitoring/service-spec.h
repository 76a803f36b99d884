/* service-spec.h: a service as somebody wrote it down: in a file of services.d, in the section
 * [X-Waggle] of a unit, or in a call over D-Bus. Immutable, counted; the loop's thread only. */
#pragma once

#include "monitoring/probe-spec.h"

#include "common/reader.h"

typedef struct {
  char *name, *address;
} MonEndpoint;

typedef struct {
  char *name;
  char **tags, **capabilities; /* sorted, each once; never NULL */
  GPtrArray *metadata;         /* of char *: name, value, name, value; sorted by name */
  GPtrArray *endpoints;        /* of MonEndpoint */
  char *unit;                  /* whose end is the service's; NULL: none */
  GPtrArray *probes;           /* of MonProbeSpec; names are unique */
  char *from;                  /* file and line, or the unit, that it stands in; NULL: D-Bus */
  char *text;                  /* as it stands in its file, canonical JSON; NULL: in none */
} MonServiceSpec;

#define MON_SERVICES_MAX 20000 /* in one set of files */
#define MON_SERVICE_PROBES_MAX 256

/* One element of "services". NULL: it has no name; other problems leave something to go on with.
 * `file`: for `from`, or NULL. */
MonServiceSpec *mon_service_spec_read(JsonNode *node, WgDoc *doc, const char *pointer,
                                      const char *file, WgProblems *problems);
MonServiceSpec *mon_service_spec_ref(MonServiceSpec *spec);
void mon_service_spec_unref(MonServiceSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonServiceSpec, mon_service_spec_unref)
gboolean mon_service_spec_equal(const MonServiceSpec *a, const MonServiceSpec *b);

/* services-files.c: every *.yaml, *.yml and *.json of services.d below `dirs` (weakest first; a
 * later file hides one of the same name), all problems of all files at once. (element-type
 * MonServiceSpec); NULL with WG_ERROR_CONFIGURATION. Reads files: for a start and for a reload. */
GPtrArray *mon_services_load(const char *const *dirs, GError **error);

/* The same file: the services of a document in a call, YAML or JSON: the keys of one, or a list
 * "services", as in a file. (element-type MonServiceSpec); NULL: WG_ERROR_INVALID_ARGUMENT names
 * every problem. `ret_documents`: each alone, beside them; free with g_strfreev(). */
GPtrArray *mon_services_from_text(const char *text, char ***ret_documents, GError **error);
/* Exactly one of them. */
MonServiceSpec *mon_service_from_text(const char *text, GError **error);
