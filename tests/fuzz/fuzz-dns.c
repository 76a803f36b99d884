/* fuzz-dns.c: any bytes as a name server's answer, to every kind of question. The answers that come
 * out are texts; none is longer than what the bytes could say. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/dns-query.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const types[] = {"A",   "AAAA", "CNAME", "MX",   "NS",    "TXT",  "SRV",
                                      "PTR", "SOA",  "CAA",   "TLSA", "SSHFP", "NAPTR"};

  for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
    g_auto(ChkDnsAnswer) answer = {0};
    g_autoptr(GError) error = NULL;
    if (!chk_dns_parse(data, size, chk_dns_type(types[i]), &answer, &error)) {
      g_assert_nonnull(error);
      continue;
    }
    g_assert_nonnull(answer.rcode);
    for (guint k = 0; k < answer.answers->len; k++)
      g_assert_true(g_utf8_validate(answer.answers->pdata[k], -1, NULL));
  }
  return 0;
}
