/* deb.h: what the control part of a Debian package says. Its scripts are listed, never run; its
 * dependencies are told, never installed. */
#pragma once

#include "deployment/work.h"

#define DPL_DEB_CONTROL_MAX (1024 * 1024)

typedef struct {
  char *package, *version, *architecture; /* always there */
  char *depends, *pre_depends;            /* NULL: none; one line each */
  char *description;                      /* the first line; NULL: none */
  char **scripts;   /* maintainer scripts that are in it and do not run: "postinst", ... */
  char **conffiles; /* paths without the leading slash; files as any other here */
} DplDeb;

void dpl_deb_free(DplDeb *deb);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DplDeb, dpl_deb_free)

/* The text of a `control` file (RFC 822 style, one paragraph). Bounded; INVALID_ARGUMENT with the
 * line. `scripts` and `conffiles` are empty lists. */
DplDeb *dpl_deb_parse(const char *text, gsize size, GError **error);
/* The text of `conffiles`: replaces the list. */
void dpl_deb_parse_conffiles(DplDeb *deb, const char *text, gsize size);
/* Of a whole package: reads no more of it than the control part, for a plan. */
DplDeb *dpl_deb_read(int fd, const char *name, GError **error);
