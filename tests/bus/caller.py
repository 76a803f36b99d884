"""A client of a service's interfaces, for the services other than messaging (client.py)."""

from gi.repository import Gio

from client import PROPERTIES


class ServiceCaller:
    """`name`, `path` of the service; its root interface has the same name."""

    name = path = None

    def __init__(self, daemon, over_bus=False):
        self.daemon = daemon
        self.client = daemon.client(over_bus)
        if over_bus:
            self.client.destination = self.name
            self.client.connection.signal_subscribe(
                None, None, None, None, None, Gio.DBusSignalFlags.NONE, self.client._on_signal)
        else:  # sd-bus refuses descriptors that come in one read with the end of GDBus's greeting
            self.call("Ping")

    def call(self, method, signature="()", *args, path=None, interface=None, fds=()):
        """The values of the answer; raises client.Error."""
        return self.client.raw(method, signature, *args, path=path or self.path,
                               interface=interface or self.name, fds=fds)

    def get(self, name, path=None, interface=None):
        """A property."""
        return self.call("Get", "(ss)", interface or self.name, name, path=path,
                         interface=PROPERTIES)[0]
