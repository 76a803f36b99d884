/* type-dns.c: what a name stands for.
 *
 * Without options as a program on this system sees it (files, DNS: nsswitch.conf); with "server" or
 * "record" a question to a name server itself. */
#include "checks/dns-query.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/types.h"

static const ChkKey options[] = {
    {"server", CHK_TEXT, "address of the name server that is asked; default: the system's own way"},
    {"record", CHK_TEXT, "A, AAAA, CNAME, MX, NS, TXT, SRV, PTR, SOA, CAA, TLSA, SSHFP or NAPTR"},
    {NULL},
};

static const ChkKey values[] = {
    {"resolvable", CHK_BOOL, "there is at least one answer"},
    {"answers", CHK_TEXTS, "the answers, sorted; of MX and SRV with their numbers"},
    {"rcode", CHK_TEXT, "NOERROR, NXDOMAIN, SERVFAIL ...; of a name server only"},
    {"ttl", CHK_INT, "seconds that the answers may be kept; of a name server only"},
    {"error", CHK_TEXT, "why there is no answer; absent when there is one"},
    {"time", CHK_USEC, "until the answer was there"},
    {NULL},
};

static GPtrArray *resolve(ChkLook *look, GError **error) {
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  GList *found = g_resolver_lookup_by_name(resolver, look->subject, look->cancel, error);
  GPtrArray *texts = found ? g_ptr_array_new_with_free_func(g_free) : NULL;

  for (GList *l = found; l; l = l->next)
    g_ptr_array_add(texts, g_inet_address_to_string(l->data));
  g_resolver_free_addresses(found);
  return texts;
}

static GPtrArray *query(ChkLook *look, const char *server, const char *record, JsonObject *seen,
                        GError **error) {
  g_auto(ChkDnsAnswer) answer = {0};

  if (!chk_dns_query(look, server, look->subject, chk_dns_type(record), &answer, error))
    return NULL;
  chk_set_text(seen, "rcode", answer.rcode);
  if (answer.ttl >= 0)
    json_object_set_int_member(seen, "ttl", answer.ttl);
  if (answer.answers->len == 0)
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "the name server has no %s record: %s", record,
                answer.rcode);
  return g_steal_pointer(&answer.answers);
}

static void see(ChkLook *look, ChkSight *ret) {
  const char *server = chk_option_text(look, "server", NULL);
  const char *record = chk_option_text(look, "record", NULL);
  gint64 begin = g_get_monotonic_time();
  JsonObject *seen = json_object_new();
  g_autoptr(GError) error = NULL;
  GPtrArray *answers;

  answers = server || record ? query(look, server, record ? record : "A", seen, &error)
                             : resolve(look, &error);
  json_object_set_boolean_member(seen, "resolvable", answers && answers->len > 0);
  if (answers) {
    chk_set_sorted(seen, "answers", answers);
    json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
  }
  if (error) {
    chk_net_own_error(look, &error);
    chk_set_text(seen, "error", error->message);
  }
  chk_observed(ret, seen);
}

const ChkType chk_type_dns = {
    .name = "dns",
    .subject_help = "name",
    .options = options,
    .values = values,
    .default_value = "{\"resolvable\": true}",
    .sync = see,
    .validate = chk_subject_dns,
};
