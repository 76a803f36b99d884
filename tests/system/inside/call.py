#!/usr/bin/python3
"""call: one D-Bus call to a service of ours, over one of its doors; prints the answer as JSON.

    call.py DOOR INTERFACE METHOD ARGUMENTS [--path PATH] [--interactive]

DOOR: socket (the private one of the system), user-socket, bus (the system's) or user-bus; the sockets are
those of the messaging service. On a bus the interface tells whose it is.
"""

import json
import os
import sys

from gi.repository import Gio, GLib

NAME = "org.waggle.Messaging1"
RUNTIME = os.environ.get("XDG_RUNTIME_DIR", "")
ADDRESSES = {
    "socket": "unix:path=/run/waggle/messaging",
    "user-socket": f"unix:path={RUNTIME}/waggle/messaging",
    "bus": "unix:path=/run/dbus/system_bus_socket",
    "user-bus": f"unix:path={RUNTIME}/bus",
}


def connect(door):
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
    if door.endswith("bus"):
        flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(ADDRESSES[door], flags, None, None)


def call(connection, door, interface, method, arguments, path=None, interactive=False):
    service = ".".join(interface.split(".")[:3])
    service = service if service.startswith("org.waggle.") else NAME
    name = service if door.endswith("bus") else None
    flags = Gio.DBusCallFlags.NONE
    if interactive:
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
    path = path or "/" + service.replace(".", "/")
    return connection.call_sync(name, path, interface, method, arguments, None, flags, 30000, None)


def main():
    arguments = sys.argv[1:]
    interactive = "--interactive" in arguments
    if interactive:
        arguments.remove("--interactive")
    path = None
    if "--path" in arguments:
        where = arguments.index("--path")
        path = arguments[where + 1]
        del arguments[where : where + 2]
    door, interface, method, text = arguments
    try:
        value = GLib.Variant.parse(None, text)
        reply = call(connect(door), door, interface, method, value, path, interactive)
        print(json.dumps({"reply": reply.unpack()}))
    except GLib.Error as error:
        name = Gio.DBusError.get_remote_error(error) or "local"
        Gio.DBusError.strip_remote_error(error)
        print(json.dumps({"error": name, "text": error.message}))


if __name__ == "__main__":
    main()
