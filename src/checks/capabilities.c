/* capabilities.c: see capabilities.h. */
#include "checks/capabilities.h"

#include <string.h>

static const char *const names[] = {"chown",
                                    "dac_override",
                                    "dac_read_search",
                                    "fowner",
                                    "fsetid",
                                    "kill",
                                    "setgid",
                                    "setuid",
                                    "setpcap",
                                    "linux_immutable",
                                    "net_bind_service",
                                    "net_broadcast",
                                    "net_admin",
                                    "net_raw",
                                    "ipc_lock",
                                    "ipc_owner",
                                    "sys_module",
                                    "sys_rawio",
                                    "sys_chroot",
                                    "sys_ptrace",
                                    "sys_pacct",
                                    "sys_admin",
                                    "sys_boot",
                                    "sys_nice",
                                    "sys_resource",
                                    "sys_time",
                                    "sys_tty_config",
                                    "mknod",
                                    "lease",
                                    "audit_write",
                                    "audit_control",
                                    "setfcap",
                                    "mac_override",
                                    "mac_admin",
                                    "syslog",
                                    "wake_alarm",
                                    "block_suspend",
                                    "audit_read",
                                    "perfmon",
                                    "bpf",
                                    "checkpoint_restore"};

/* The number behind "\nKEY:\t"; FALSE: there is no such line. */
static gboolean field(const char *status, const char *key, guint base, guint64 *ret) {
  g_autofree char *head = g_strdup_printf("\n%s:\t", key);
  const char *at = strstr(status, head);

  if (at == NULL)
    return FALSE;
  *ret = g_ascii_strtoull(at + strlen(head), NULL, base);
  return TRUE;
}

gboolean chk_capabilities_add(const char *status, ChkCapabilities *ret) {
  guint64 permitted, effective, bounding, ambient, no_new;

  if (!field(status, "CapPrm", 16, &permitted) || !field(status, "CapEff", 16, &effective) ||
      !field(status, "CapBnd", 16, &bounding) || !field(status, "CapAmb", 16, &ambient) ||
      !field(status, "NoNewPrivs", 10, &no_new))
    return FALSE;
  guint64 has = permitted | effective | ambient;
  ret->has |= has;
  ret->gains |= no_new == 0;
  ret->may_gain |= no_new == 0 ? bounding & ~has : 0;
  return TRUE;
}

gboolean chk_capabilities_read(pid_t pid, ChkCapabilities *ret) {
  g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)pid);
  g_autofree char *status = NULL;

  return g_file_get_contents(path, &status, NULL, NULL) && chk_capabilities_add(status, ret);
}

char **chk_capabilities_names(guint64 bits) {
  g_autoptr(GStrvBuilder) all = g_strv_builder_new();

  for (guint i = 0; i < 64; i++) {
    g_autofree char *name = i < G_N_ELEMENTS(names) ? g_strconcat("cap_", names[i], NULL)
                                                    : g_strdup_printf("cap_%u", i);
    if (bits >> i & 1)
      g_strv_builder_add(all, name);
  }
  return g_strv_builder_end(all);
}
