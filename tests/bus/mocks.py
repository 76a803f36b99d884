"""Other services on the tests' bus, on the tests' own main loop: they record calls and answer.

A call is answered while the test turns its main loop (wait_for), never in a thread.
"""

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

SYSTEMD = "org.freedesktop.systemd1"
DELIVERY = "org.waggle.Delivery1"
XML = {
    SYSTEMD: ("/org/freedesktop/systemd1", SYSTEMD + ".Manager",
              '<method name="StartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>'
              '<arg type="o" direction="out"/></method>'),
    DELIVERY: ("/org/waggle/Delivery1", DELIVERY, '<method name="Wake"/>'),
}


class Mock:
    """A service with one method. `calls`: (method, arguments, when) in order."""

    def __init__(self, address, name, error=None):
        path, interface, methods = XML[name]
        self.calls = []
        self.error = error  # name of a D-Bus error to answer with
        self.held = None  # a list: calls wait in it for answer()
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        info = Gio.DBusNodeInfo.new_for_xml(
            f'<node><interface name="{interface}">{methods}</interface></node>')
        self.connection.register_object(path, info.interfaces[0], self._called, None, None)
        self._bus("RequestName", GLib.Variant("(su)", (name, 4)))

    def _bus(self, method, args):
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", method, args, None,
                                  Gio.DBusCallFlags.NONE, 10000, None)

    def _called(self, _connection, _sender, _path, _interface, method, args, invocation):
        self.calls.append((method, args.unpack(), GLib.get_monotonic_time() / 1e6))
        if self.held is not None:
            self.held.append((method, invocation))
        else:
            self._answer(method, invocation)

    def answer(self, n):
        """Answers the first n calls that wait."""
        for method, invocation in self.held[:n]:
            self._answer(method, invocation)
        del self.held[:n]

    def _answer(self, method, invocation):
        if self.error is not None:
            invocation.return_dbus_error(self.error, "the mock refuses")
        elif method == "StartUnit":
            invocation.return_value(GLib.Variant("(o)", ("/org/freedesktop/systemd1/job/1",)))
        else:
            invocation.return_value(None)

    def close(self):
        self.connection.close_sync(None)
