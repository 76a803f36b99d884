/* names.h: every literal name in one place.
 *
 * Bus names, object paths, interfaces, journal fields, message IDs, environment
 * variables and file names stand here and nowhere else, so that a reader can see
 * the whole surface of the suite at once and a test can compare it with the
 * catalog, the units and the bus policy. No logic, no types. */
#pragma once

#define WG_BUS_MESSAGING "org.waggle.Messaging1"
#define WG_PATH_MESSAGING "/org/waggle/Messaging1"
#define WG_PATH_MESSAGING_AGENT "/org/waggle/Messaging1/agent"
#define WG_IFACE_MESSAGING "org.waggle.Messaging1"
#define WG_IFACE_AGENT "org.waggle.Messaging1.Agent"
#define WG_IFACE_COURIER "org.waggle.Messaging1.Courier"

#define WG_BUS_DELIVERY "org.waggle.Delivery1"
#define WG_PATH_DELIVERY "/org/waggle/Delivery1"
#define WG_IFACE_DELIVERY "org.waggle.Delivery1"

#define WG_BUS_TYPING "org.waggle.Typing1"
#define WG_PATH_TYPING "/org/waggle/Typing1"
#define WG_IFACE_TYPING "org.waggle.Typing1"

#define WG_BUS_DEPLOYMENT "org.waggle.Deployment1"
#define WG_PATH_DEPLOYMENT "/org/waggle/Deployment1"
#define WG_PATH_DEPLOYMENT_JOB "/org/waggle/Deployment1/job"
#define WG_PATH_DEPLOYMENT_TARGET "/org/waggle/Deployment1/target"
#define WG_IFACE_DEPLOYMENT "org.waggle.Deployment1"
#define WG_IFACE_DEPLOYMENT_JOB "org.waggle.Deployment1.Job"
#define WG_IFACE_DEPLOYMENT_TARGET "org.waggle.Deployment1.Target"

#define WG_BUS_MONITORING "org.waggle.Monitoring1"
#define WG_PATH_MONITORING "/org/waggle/Monitoring1"
#define WG_PATH_MONITORING_SERVICE "/org/waggle/Monitoring1/service"
#define WG_PATH_MONITORING_ALERT "/org/waggle/Monitoring1/alert"
#define WG_IFACE_MONITORING "org.waggle.Monitoring1"
#define WG_IFACE_MONITORING_REGISTRY "org.waggle.Monitoring1.Registry"
#define WG_IFACE_MONITORING_SERVICE "org.waggle.Monitoring1.Service"
#define WG_IFACE_MONITORING_METRICS "org.waggle.Monitoring1.Metrics"
#define WG_IFACE_MONITORING_ALERTS "org.waggle.Monitoring1.Alerts"
#define WG_IFACE_MONITORING_NOTIFY "org.waggle.Monitoring1.Notify"
#define WG_IFACE_MONITORING_ALERT "org.waggle.Monitoring1.Alert"

/* What others serve */
#define WG_BUS_SYSTEMD "org.freedesktop.systemd1"
#define WG_PATH_SYSTEMD "/org/freedesktop/systemd1"
#define WG_IFACE_SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define WG_IFACE_SYSTEMD_UNIT "org.freedesktop.systemd1.Unit"
#define WG_IFACE_SYSTEMD_SERVICE "org.freedesktop.systemd1.Service"
#define WG_ERROR_SYSTEMD_UNIT_EXISTS "org.freedesktop.systemd1.UnitExists"
#define WG_BUS_BROKER "org.freedesktop.DBus"
#define WG_PATH_BROKER "/org/freedesktop/DBus"
#define WG_IFACE_BROKER "org.freedesktop.DBus"
#define WG_BUS_LOCAL "org.freedesktop.DBus.Local" /* sd-bus itself: the connection is over */
#define WG_PATH_LOCAL "/org/freedesktop/DBus/Local"
#define WG_IFACE_LOCAL "org.freedesktop.DBus.Local"
/* another manager, or the same after it was executed anew */
#define WG_MATCH_SYSTEMD_OWNER                                                                     \
  "type='signal',sender='" WG_BUS_BROKER "',path='" WG_PATH_BROKER "',interface='" WG_IFACE_BROKER \
  "',member='NameOwnerChanged',arg0='" WG_BUS_SYSTEMD "'"
#define WG_IFACE_PEER "org.freedesktop.DBus.Peer"
#define WG_IFACE_PROPERTIES "org.freedesktop.DBus.Properties"

/* Units */
#define WG_UNIT_DEPLOYD "waggle-deployd.service"
#define WG_UNIT_DEPLOY_RECOVER "waggle-deployd-recover.service"
#define WG_UNIT_DROP_IN "50-waggle.conf"

#define WG_ERROR_PREFIX "org.waggle.Error."

/* Sockets below the runtime directory: %t/waggle/NAME */
#define WG_SOCKET_DIR "waggle"
#define WG_SOCKET_MESSAGING "messaging"
#define WG_SOCKET_DELIVERY "delivery"
#define WG_SOCKET_TYPING "typing"
#define WG_SOCKET_DEPLOYMENT "deployment"
#define WG_SOCKET_MONITORING "monitoring"
#define WG_SOCKET_PROBE_EXEC "probe-exec"
#define WG_FD_NAME_PRIVATE "private"
#define WG_FD_NAME_METRICS "metrics" /* HTTP: loopback TCP and %t/waggle/metrics */

/* Configuration: WG_CONFIG_DIR below the vendor's, the administrator's and the user's directory */
#define WG_CONFIG_DIR "waggle"

/* State: WG_STATE_DIR/NAME below a user's state directory; who holds it stands in WG_LOCK_FILE */
#define WG_STATE_DIR "waggle"
#define WG_LOCK_FILE "lock"

/* Environment */
#define WG_ENV_ADDRESS "WAGGLE_ADDRESS"
#define WG_ENV_DEPLOYMENT_ADDRESS "WAGGLE_DEPLOYMENT_ADDRESS"
#define WG_ENV_MONITORING_ADDRESS "WAGGLE_MONITORING_ADDRESS"
#define WG_ENV_SCOPE "WAGGLE_SCOPE"
#define WG_ENV_AGENT "WAGGLE_AGENT"
#define WG_ENV_IDLE_EXIT "WAGGLE_IDLE_EXIT"       /* a time span; 0 or "never" turns it off */
#define WG_ENV_HANDOVER "WAGGLE_COURIER_HANDOVER" /* 1: leave to the user's own courier */
#define WG_ENV_CONFIG_PATH "WAGGLE_CONFIG_PATH"   /* directories, ':' between; first is vendor */
#define WG_ENV_TYPIST_HAND "WAGGLE_TYPIST_HAND"   /* another typing process */
#define WG_ENV_PROBER "WAGGLE_PROBER"             /* another program that looks at probes */
#define WG_ENV_UNIT_DIR "WAGGLE_UNIT_DIR"         /* where deployments install unit files */
#define WG_ENV_VERIFY "WAGGLE_VERIFY"             /* another program of verification */
/* for the hooks of a deployment */
#define WG_ENV_HOOK "WAGGLE_HOOK"
#define WG_ENV_TARGET "WAGGLE_TARGET"
#define WG_ENV_ROOT "WAGGLE_ROOT"
#define WG_ENV_RELEASE "WAGGLE_RELEASE"
#define WG_ENV_RELEASE_PATH "WAGGLE_RELEASE_PATH"
#define WG_ENV_PREVIOUS "WAGGLE_PREVIOUS"
#define WG_ENV_PREVIOUS_PATH "WAGGLE_PREVIOUS_PATH"
#define WG_ENV_VERSION "WAGGLE_VERSION"
#define WG_ENV_DEPLOYMENT "WAGGLE_DEPLOYMENT"
#define WG_ENV_INSTANCE "WAGGLE_INSTANCE"
/* for the command of the back-end "exec" */
#define WG_ENV_MESSAGE "WAGGLE_MESSAGE"
#define WG_ENV_FROM "WAGGLE_FROM"
#define WG_ENV_TOKEN "WAGGLE_TOKEN"
#define WG_ENV_PRIORITY "WAGGLE_PRIORITY"
/* for the command of a receiver of alerts */
#define WG_ENV_ALERT_STATUS "WAGGLE_ALERT_STATUS"
#define WG_ENV_ALERT_DEDUP "WAGGLE_ALERT_DEDUP"
#define WG_ENV_ALERT_RECEIVER "WAGGLE_ALERT_RECEIVER"
#define WG_ENV_ALERT_SUBJECT "WAGGLE_ALERT_SUBJECT"
#define WG_ENV_MEMORY_PRESSURE_WATCH "MEMORY_PRESSURE_WATCH" /* systemd's, of the unit */
#define WG_ENV_MEMORY_PRESSURE_WRITE "MEMORY_PRESSURE_WRITE"
#define WG_ENV_TRACEPARENT "TRACEPARENT" /* W3C trace context, as other programs have it */

/* Journal fields */
#define WG_FIELD_DEPLOYMENT "WAGGLE_DEPLOYMENT"
#define WG_FIELD_RELEASE "WAGGLE_RELEASE"
#define WG_FIELD_TARGET "WAGGLE_TARGET"
#define WG_FIELD_CHECK "WAGGLE_CHECK"
#define WG_FIELD_AGENT "WAGGLE_AGENT"
#define WG_FIELD_MESSAGE "WAGGLE_MESSAGE"
#define WG_FIELD_UID "WAGGLE_UID"
#define WG_FIELD_SERVICE "WAGGLE_SERVICE"
#define WG_FIELD_ERROR "WAGGLE_ERROR"
#define WG_FIELD_PATH "WAGGLE_PATH"
#define WG_FIELD_DEGRADED "WAGGLE_DEGRADED"
#define WG_FIELD_COUNT "WAGGLE_COUNT"
#define WG_FIELD_UNIT "WAGGLE_UNIT"
#define WG_FIELD_ALERT "WAGGLE_ALERT"
#define WG_FIELD_PROBE "WAGGLE_PROBE"
#define WG_FIELD_RECEIVER "WAGGLE_RECEIVER"
#define WG_FIELD_RULE "WAGGLE_RULE"
#define WG_FIELD_DEDUP "WAGGLE_DEDUP"
#define WG_FIELD_WHAT_TO_DO "WAGGLE_WHAT_TO_DO"
#define WG_FIELD_AUDIT_HASH "WAGGLE_AUDIT_HASH"
/* W3C trace context, under the names that other programs look for */
#define WG_FIELD_TRACE_ID "TRACE_ID"
#define WG_FIELD_SPAN_ID "SPAN_ID"

/* The same as an option of a call, a header of HTTP, and a field of what is told */
#define WG_TRACEPARENT "traceparent"
