/* dns-query.h: one question to one name server, over UDP and, when the answer does not fit, TCP.
 * Worker threads only. What comes from the network is parsed by the C library's resolver. */
#pragma once

#include "checks/check.h"
#include "checks/dns-name.h"

typedef struct {
  const char *rcode;  /* "NOERROR", "NXDOMAIN", ... static */
  GPtrArray *answers; /* (element-type utf8) as dig(1) prints the data of the records asked for */
  gint64 ttl;         /* the least of them, s; -1: no answer */
} ChkDnsAnswer;

void chk_dns_answer_clear(ChkDnsAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkDnsAnswer, chk_dns_answer_clear)

/* `server`: "ADDRESS", "ADDRESS:PORT", "[V6]:PORT"; NULL: the first one of resolv.conf(5). */
gboolean chk_dns_query(const ChkLook *look, const char *server, const char *name, int type,
                       ChkDnsAnswer *ret, GError **error);
/* Parses an answer to `type`: hostile bytes. For the fuzz target too. */
gboolean chk_dns_parse(const guint8 *bytes, gsize size, int type, ChkDnsAnswer *ret,
                       GError **error);
