/* audit.h: the audit log: who asked for what, and what came of it.
 *
 * Each transition of a deployment is an entry (record-audit.c), and so is each call that may change
 * something, before it is worked on: where the entry cannot be written the call is not worked on.
 * Entries have names, numbers, digests and states, never the contents of a manifest. */
#pragma once

#include "deployment/bus.h"
#include "deployment/query.h"

/* A method that may change something: its handler runs once it is on the disk that it was called;
 * if that cannot be written it fails. That it was refused, and by what, is not waited for. */
extern const WgCallGate dpl_audit_gate;
/* The hash of the newest entry goes into the journal. */
void dpl_audit_anchor(DplDaemon *daemon);
/* On the writer's thread: an entry in the same commit as what it tells. */
gboolean dpl_audit_add(DplStore *store, JsonObject *what);
/* What the document behind a call's descriptor is about. */
typedef struct {
  char *subject;  /* "NAME VERSION" of the manifest; NULL: it is none */
  char *manifest; /* its hash, as ListDeployments tells it; NULL: it is none */
  char *document; /* then: SHA-256 of the bytes */
} DplAuditAbout;
void dpl_audit_about_free(DplAuditAbout *about);
/* audit-document.c: reads it on a worker thread and puts a sealed copy in the descriptor's place.
 * `done` is called on the loop, takes `about`, and with `error` nothing is known. */
typedef void (*DplAuditAboutFunc)(DplCall *call, DplAuditAbout *about, const GError *error);
void dpl_audit_about(DplCall *call, DplAuditAboutFunc done);
/* The words of an entry about `call`; (transfer full). */
JsonObject *dpl_audit_words(DplCall *call);
