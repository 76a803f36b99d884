/* dns-query.c: see dns-query.h. */
#include "checks/dns-query.h"

#include "checks/hex.h"
#include "checks/net.h"
#include "checks/subjects.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <string.h>

#define ANSWER_MAX 65535
#define TRY_USEC (2 * G_USEC_PER_SEC) /* a datagram may get lost */

void chk_dns_answer_clear(ChkDnsAnswer *answer) {
  g_clear_pointer(&answer->answers, g_ptr_array_unref);
}

static const char *rcode_name(int code) {
  static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                      "NXDOMAIN", "NOTIMP",  "REFUSED"};

  return code >= 0 && code < (int)G_N_ELEMENTS(names) ? names[code] : "another error";
}

/* The pieces of a TXT record are one text. */
static char *text_data(const guint8 *data, gsize size) {
  g_autoptr(GString) text = g_string_new(NULL);

  for (gsize i = 0; i < size; i += data[i] + 1u) {
    if (i + 1u + data[i] > size)
      return NULL;
    g_string_append_len(text, (const char *)data + i + 1, data[i]);
  }
  return g_utf8_make_valid(text->str, (gssize)text->len);
}

static char *name_data(const ns_msg *m, const guint8 *at, gsize size) {
  char name[NS_MAXDNAME];

  if (size == 0 || dn_expand(ns_msg_base(*m), ns_msg_end(*m), at, name, sizeof name) < 0)
    return NULL;
  return g_utf8_make_valid(*name ? name : ".", -1);
}

/* Numbers of 16 bits, then a name: MX (1), SRV (3). */
static char *numbered_name(const ns_msg *m, const guint8 *data, gsize size, guint n) {
  if (size <= n * 2)
    return NULL;
  g_autofree char *name = name_data(m, data + n * 2, size - n * 2);
  GString *text = name ? g_string_new(NULL) : NULL;
  for (guint i = 0; name && i < n; i++)
    g_string_append_printf(text, "%u ", (guint)ns_get16(data + i * 2));
  return name ? g_string_free(g_string_append(text, name), FALSE) : NULL;
}

static char *caa_data(const guint8 *data, gsize size) {
  if (size < 2 || size < 2u + data[1])
    return NULL;
  g_autofree char *tag = g_utf8_make_valid((const char *)data + 2, data[1]);
  g_autofree char *value =
      g_utf8_make_valid((const char *)data + 2 + data[1], (gssize)(size - 2 - data[1]));
  return g_strdup_printf("%u %s \"%s\"", data[0], tag, value);
}

/* Small numbers, then bytes: TLSA (3), SSHFP (2). */
static char *numbered_bytes(const guint8 *data, gsize size, guint n) {
  if (size <= n)
    return NULL;
  g_autofree char *rest = chk_hex_text(data + n, size - n);
  GString *text = g_string_new(NULL);
  for (guint i = 0; i < n; i++)
    g_string_append_printf(text, "%u ", data[i]);
  return g_string_free(g_string_append(text, rest), FALSE);
}

static char *address_data(int family, const guint8 *data, gsize size) {
  char text[INET6_ADDRSTRLEN];

  if (size != (family == AF_INET ? 4 : 16) || !inet_ntop(family, data, text, sizeof text))
    return NULL;
  return g_strdup(text);
}

static char *record_data(const ns_msg *m, int type, const guint8 *data, gsize size) {
  switch (type) {
  case ns_t_a:
    return address_data(AF_INET, data, size);
  case ns_t_aaaa:
    return address_data(AF_INET6, data, size);
  case ns_t_cname:
  case ns_t_ns:
  case ns_t_ptr:
  case ns_t_soa: /* its first name: the primary server */
    return name_data(m, data, size);
  case ns_t_mx:
    return numbered_name(m, data, size, 1);
  case ns_t_srv:
    return numbered_name(m, data, size, 3);
  case ns_t_txt:
    return text_data(data, size);
  case 257:
    return caa_data(data, size);
  case 52:
    return numbered_bytes(data, size, 3);
  case 44:
    return numbered_bytes(data, size, 2);
  default:
    return chk_hex_text(data, size);
  }
}

static gboolean damaged(GError **error) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "the name server's answer is damaged");
  return FALSE;
}

gboolean chk_dns_parse(const guint8 *bytes, gsize size, int type, ChkDnsAnswer *ret,
                       GError **error) {
  ns_msg m;
  ns_rr record;

  if (ns_initparse(bytes, (int)MIN(size, ANSWER_MAX), &m) < 0)
    return damaged(error);
  ret->rcode = rcode_name((int)ns_msg_getflag(m, ns_f_rcode));
  ret->answers = g_ptr_array_new_with_free_func(g_free);
  ret->ttl = -1;
  for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
    if (ns_parserr(&m, ns_s_an, i, &record) < 0)
      return damaged(error);
    if ((int)ns_rr_type(record) != type)
      continue;
    char *text = record_data(&m, type, ns_rr_rdata(record), ns_rr_rdlen(record));
    if (text == NULL)
      return damaged(error);
    g_ptr_array_add(ret->answers, text);
    if (ret->ttl < 0 || (gint64)ns_rr_ttl(record) < ret->ttl)
      ret->ttl = ns_rr_ttl(record);
  }
  return TRUE;
}

static GSocketAddress *server_address(const char *server, GError **error) {
  g_auto(ChkAddress) address = {0};
  struct __res_state state;

  if (server) {
    if (!chk_address_parse(server, CHK_DNS_PORT, &address, error))
      return NULL;
    GSocketAddress *to =
        address.host ? g_inet_socket_address_new_from_string(address.host, address.port) : NULL;
    if (to == NULL)
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "'%s' is no address of a name server: write numbers", server);
    return to;
  }
  memset(&state, 0, sizeof state);
  if (res_ninit(&state) < 0 || state.nscount == 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "this system has no name server");
    return NULL;
  }
  /* a first server of IPv6 stands elsewhere, its place here is empty then */
  struct sockaddr_in6 *six = state._u._ext.nsaddrs[0];
  GSocketAddress *to =
      state.nsaddr_list[0].sin_family == AF_INET || six == NULL
          ? g_socket_address_new_from_native(&state.nsaddr_list[0], sizeof state.nsaddr_list[0])
          : g_socket_address_new_from_native(six, sizeof *six);
  res_nclose(&state);
  return to;
}

/* One datagram back that answers the question, or FALSE: none came within the try. */
static gboolean ask_udp(const ChkLook *look, GSocketAddress *to, const guint8 *question, gsize n,
                        guint8 *answer, gsize *ret_size, GError **error) {
  g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(to), G_SOCKET_TYPE_DATAGRAM,
                                           G_SOCKET_PROTOCOL_UDP, error);

  if (socket == NULL || !g_socket_connect(socket, to, look->cancel, error) ||
      g_socket_send(socket, (const char *)question, n, look->cancel, error) < 0)
    return FALSE;
  gint64 end = g_get_monotonic_time() + TRY_USEC;
  for (;;) {
    gint64 left = end - g_get_monotonic_time();
    if (!g_socket_condition_timed_wait(socket, G_IO_IN, MAX(left, 1), look->cancel, error))
      return FALSE;
    gssize size = g_socket_receive(socket, (char *)answer, ANSWER_MAX, look->cancel, error);
    if (size < 0)
      return FALSE;
    /* another's answer, late or forged, has another number */
    if (size >= NS_HFIXEDSZ && memcmp(answer, question, 2) == 0) {
      *ret_size = (gsize)size;
      return TRUE;
    }
  }
}

static gboolean ask_tcp(const ChkLook *look, GSocketAddress *to, const guint8 *question, gsize n,
                        guint8 *answer, gsize *ret_size, GError **error) {
  g_autoptr(GSocketClient) client = g_socket_client_new();
  /* length and question in one write: not every server reads on after the first two bytes */
  g_autofree guint8 *framed = g_malloc(n + 2);
  guint8 length[2];
  gsize got;

  framed[0] = (guint8)(n >> 8);
  framed[1] = (guint8)n;
  memcpy(framed + 2, question, n);

  g_socket_client_set_enable_proxy(client, FALSE);
  g_autoptr(GSocketConnection) c =
      g_socket_client_connect(client, G_SOCKET_CONNECTABLE(to), look->cancel, error);
  if (c == NULL)
    return FALSE;
  GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c));
  GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(c));
  if (!g_output_stream_write_all(out, framed, n + 2, NULL, look->cancel, error) ||
      !g_input_stream_read_all(in, length, 2, &got, look->cancel, error))
    return FALSE;
  gsize size = got == 2 ? (gsize)length[0] << 8 | length[1] : 0;
  if (!g_input_stream_read_all(in, answer, size, &got, look->cancel, error))
    return FALSE;
  *ret_size = got;
  return got >= NS_HFIXEDSZ ? TRUE : damaged(error);
}

gboolean chk_dns_query(const ChkLook *look, const char *server, const char *name, int type,
                       ChkDnsAnswer *ret, GError **error) {
  g_autofree guint8 *answer = g_malloc(ANSWER_MAX);
  g_autoptr(GSocketAddress) to = NULL;
  guint8 question[NS_PACKETSZ];
  g_autoptr(GError) own = NULL;
  gsize size = 0;

  int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, question, sizeof question);
  if (n < 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no name in DNS", name);
    return FALSE;
  }
  guint32 id = g_random_int();
  memcpy(question, &id, 2);
  to = server_address(server, error);
  if (to == NULL)
    return FALSE;
  while (!ask_udp(look, to, question, (gsize)n, answer, &size, &own)) {
    if (!g_error_matches(own, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
      g_propagate_error(error, g_steal_pointer(&own));
      return FALSE;
    }
    g_clear_error(&own);
  }
  if (answer[2] & 0x02 && /* cut short */
      !ask_tcp(look, to, question, (gsize)n, answer, &size, error))
    return FALSE;
  return chk_dns_parse(answer, size, type, ret, error);
}
