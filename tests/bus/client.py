"""A client of org.waggle.Messaging1 over GDBus, on the private socket or on a bus.

Started as a program it is the hand of harness.Stranger: one JSON request a line in, one answer out.
GDBus is taken because it is not sd-bus: what both understand is D-Bus.
"""

import json
import os
import sys
import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = ROOT = "org.waggle.Messaging1"
COURIER = ROOT + ".Courier"
AGENT = ROOT + ".Agent"
PATH = "/org/waggle/Messaging1"
PROPERTIES = "org.freedesktop.DBus.Properties"
MANAGER = "org.freedesktop.DBus.ObjectManager"
LIMIT_MS = 90000

# D-Bus types of all options, so that a test may write options as keywords.
TYPES = {
    "a{ss}": "metadata headers", "as": "roles topics tags capabilities unset backends",
    "at": "backoff", "b": "detach no_body expects_reply volatile hold force reverse dry_run continue",
    "d": "rate", "h": "body_fd", "u": "uid burst max_deliveries max limit count step", "y": "priority",
    "t": "max_messages max_bytes lease until ttl deliver_at delay in_reply_to reply_by wait "
         "timeout since cursor sequence before retry_after time updated",
}
TYPE_OF = {key: kind for kind, keys in TYPES.items() for key in keys.split()}

SIGNATURES = {
    "RegisterAgent": "(sa{sv})", "UpdateAgent": "(sa{sv})", "UnregisterAgent": "(sa{sv})",
    "ListAgents": "(a{sv})", "GetAgent": "(s)", "PauseAgent": "(sa{sv})",
    "ResumeAgent": "(sa{sv})", "Send": "(saya{sv})", "SendMany": "(a(saya{sv})a{sv})",
    "Cancel": "(ta{sv})", "Receive": "(sa{sv})", "Ack": "(ta{sv})", "AckMany": "(ata{sv})",
    "Nack": "(ta{sv})", "Touch": "(ta{sv})", "Terminate": "(tsa{sv})", "Detach": "(ta{sv})",
    "Subscribe": "(sua{sv})", "AddCredits": "(tu)", "Unsubscribe": "(t)",
    "GetMessage": "(ta{sv})", "GetReceipts": "(ta{sv})", "Wait": "(tsa{sv})",
    "FindMessage": "(ssa{sv})", "ListMessages": "(a{sv})", "ListDead": "(a{sv})",
    "RequeueDead": "(ta{sv})", "PurgeDead": "(ta{sv})", "Hold": "(ta{sv})",
    "Release": "(ta{sv})", "Watch": "(a{sv})", "Unwatch": "(t)", "GetStatistics": "()",
    "Import": "(aa{sv}a{sv})", "Check": "(a{sv})", "Reload": "()", "Ping": "()", "Discard": "(ay)",
    "RegisterCourier": "(a{sv})", "LeaseAttempts": "(ta{sv})", "ReportAttempt": "(tsa{sv})",
    "ReportAttempts": "(a(tsa{sv}))", "TakeAttempts": "(ata{sv})",
}


class Error(Exception):
    """A D-Bus error: its name, its text, and all of its arguments."""

    def __init__(self, name, text, args):
        super().__init__(f"{name}: {text}")
        self.name, self.text, self.arguments = name, text, args


def variant(key, value):
    if isinstance(value, GLib.Variant):
        return value
    if key == "body":  # of an import; LeaseAttempts asks for it by a flag
        return GLib.Variant("ay" if isinstance(value, bytes) else "b", value)
    if value is True:  # `policy` is a flag there, too, and a text elsewhere
        return GLib.Variant("b", value)
    return GLib.Variant(TYPE_OF.get(key.replace("-", "_"), "s"), value)


def options(**given):
    """a{sv} from keywords: expects_reply=True is {'expects-reply': <true>}."""
    return {key.rstrip("_").replace("_", "-"): variant(key.rstrip("_"), value)
            for key, value in given.items()}


def send_args(to, body, given):
    """Send's arguments. A body goes in as one piece, not byte by byte, which takes seconds."""
    body = GLib.Variant.new_from_bytes(GLib.VariantType("ay"), GLib.Bytes.new(body), True)
    return GLib.Variant.new_tuple(GLib.Variant("s", to), body, GLib.Variant("a{sv}", given))


def wait_for(condition, what="the event", limit=60):
    """Turns the main loop until `condition` holds."""
    context = GLib.MainContext.default()
    deadline = GLib.get_monotonic_time() + limit * 1000000
    tick = GLib.timeout_add(10, lambda: True)
    try:
        while not condition():
            if GLib.get_monotonic_time() > deadline:
                raise AssertionError(f"waited {limit} s in vain for {what}")
            context.iteration(True)
    finally:
        GLib.source_remove(tick)


class Pending:
    """A call whose answer comes later."""

    def __init__(self):
        self.reply = None

    def done(self):
        return self.reply is not None

    def result(self, limit=LIMIT_MS / 1000):
        wait_for(self.done, "an answer", limit)
        return unpack(self.reply)


def unpack(reply):
    body = reply.get_body()
    values = body.unpack() if body is not None else ()
    if reply.get_message_type() == Gio.DBusMessageType.ERROR:
        raise Error(reply.get_error_name(), values[0] if values else "", values)
    return values


class Client:
    def __init__(self, address, over_bus=False):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        if over_bus:
            flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        self.destination = NAME if over_bus else None
        self.signals = []
        # a daemon that does not answer the greeting is no reason to wait for ever
        cancel = Gio.Cancellable()
        limit = threading.Timer(LIMIT_MS / 1000, cancel.cancel)
        limit.start()
        try:
            self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, cancel)
        finally:
            limit.cancel()
        self.connection.set_exit_on_close(False)
        self.connection.signal_subscribe(self.destination, None, None, None, None,
                                         Gio.DBusSignalFlags.NONE, self._on_signal)

    def _on_signal(self, _connection, _sender, path, interface, member, parameters):
        self.signals.append((member, parameters.unpack(), path, interface))

    def of(self, member):
        """Arguments of the signals of that name so far."""
        return [s[1] for s in self.signals if s[0] == member]

    def message(self, method, args, path=PATH, interface=None, fds=()):
        if interface is None:
            interface = COURIER if "Attempt" in method or method == "RegisterCourier" else ROOT
        m = Gio.DBusMessage.new_method_call(self.destination, path, interface, method)
        if args is not None:
            m.set_body(args)
        if fds:
            # The list takes descriptors of its own.
            m.set_unix_fd_list(Gio.UnixFDList.new_from_array([os.dup(fd) for fd in fds]))
        return m

    def send_message(self, m):
        reply, _serial = self.connection.send_message_with_reply_sync(
            m, Gio.DBusSendMessageFlags.NONE, LIMIT_MS, None)
        return reply

    def raw(self, method, signature, *args, **kwargs):
        reply = self.send_message(self.message(method, GLib.Variant(signature, args), **kwargs))
        return unpack(reply)

    def call(self, method, *args, fds=(), **given):
        """A method of the interface; trailing options are keywords."""
        return unpack(self.send_message(self.build(method, args, given, fds)))

    def build(self, method, args, given, fds=()):
        signature = SIGNATURES[method]
        if signature.endswith("a{sv})") and GLib.VariantType(signature).n_items() == len(args) + 1:
            args = args + (options(**given),)
        if method == "Send":
            return self.message(method, send_args(*args), fds=fds)
        return self.message(method, GLib.Variant(signature, args), fds=fds)

    def later(self, method, *args, **given):
        pending = Pending()

        def finished(connection, result):
            try:
                pending.reply = connection.send_message_with_reply_finish(result)
            except GLib.Error as e:
                m = Gio.DBusMessage.new()
                m.set_message_type(Gio.DBusMessageType.ERROR)
                m.set_error_name("local.Closed")
                m.set_body(GLib.Variant("(s)", (e.message,)))
                pending.reply = m

        self.connection.send_message_with_reply(
            self.build(method, args, given), Gio.DBusSendMessageFlags.NONE, LIMIT_MS, None,
            finished)
        return pending

    def get(self, name, path=PATH, interface=ROOT):
        return self.raw("Get", "(ss)", interface, name, path=path, interface=PROPERTIES)[0]

    def send(self, to, body=b"", **given):
        """The number of the message."""
        return self.call("Send", to, body, **given)[0]

    def receive(self, agent, **given):
        return self.call("Receive", agent, **given)[0]

    def states(self, message, **given):
        """The names of its receipts, oldest first."""
        return [r[1] for r in self.call("GetReceipts", message, **given)[0]]

    def close(self):
        if not self.connection.is_closed():
            self.connection.close_sync(None)


def stranger(address, kind):
    client = Client(address, kind == "bus")
    for line in sys.stdin:
        request = json.loads(line)
        if request["method"] == "Events":  # what was signalled until now
            client.call("Ping")
            while GLib.MainContext.default().iteration(False):
                pass
            print(json.dumps({"result": repr(client.of("Event"))}), flush=True)
            continue
        args = GLib.Variant.parse(GLib.VariantType(request["signature"]), request["args"])
        m = client.message(request["method"], args, interface=request["interface"],
                           path=request["path"] or PATH)
        if kind == "bus" and request.get("destination"):
            m.set_destination(request["destination"])
        if request["interactive"]:
            m.set_flags(Gio.DBusMessageFlags.ALLOW_INTERACTIVE_AUTHORIZATION)
        try:
            reply = client.send_message(m)
            unpack(reply)
            body = reply.get_body()
            answer = {"result": body.print_(False) if body is not None else "()"}
        except Error as e:
            answer = {"error": e.name, "text": e.text}
        except GLib.Error as e:
            answer = {"error": "local.Failed", "text": e.message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    stranger(sys.argv[1], sys.argv[2])
