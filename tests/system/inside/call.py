#!/usr/bin/python3
"""call: one D-Bus call to a service of ours, over one of its doors; prints the answer as JSON.

    call.py DOOR INTERFACE METHOD ARGUMENTS [--path PATH] [--file FILE] [--interactive]

DOOR: socket (the private one of the system), user-socket, bus (the system's) or user-bus; the interface tells
whose it is. FILE is opened for reading and is `handle 0` of the arguments; sealed:FILE: a sealed memory file
with what FILE has.

    call.py DOOR batch < [[INTERFACE, METHOD, ARGUMENTS, PATH, FILE], ...]

One answer for each call; they must be of one service.
"""

import fcntl
import json
import os
import pathlib
import sys

from gi.repository import Gio, GLib

NAME = "org.waggle.Messaging1"
RUNTIME = os.environ.get("XDG_RUNTIME_DIR", "")
SOCKETS = {"org.waggle.Deployment1": "deployment", "org.waggle.Monitoring1": "monitoring"}
ADDRESSES = {
    "socket": "unix:path=/run/waggle/{}",
    "user-socket": f"unix:path={RUNTIME}/waggle/{{}}",
    "bus": "unix:path=/run/dbus/system_bus_socket",
    "user-bus": f"unix:path={RUNTIME}/bus",
}


def service_of(interface):
    service = ".".join(interface.split(".")[:3])
    return service if service.startswith("org.waggle.") else NAME


def connect(door, interface=NAME):
    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
    if door.endswith("bus"):
        flags |= Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    address = ADDRESSES[door].format(SOCKETS.get(service_of(interface), "messaging"))
    return Gio.DBusConnection.new_for_address_sync(address, flags, None, None)


def _open(file):
    if not file.startswith("sealed:"):
        return os.open(file, os.O_RDONLY)
    fd = os.memfd_create("call", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, pathlib.Path(file.removeprefix("sealed:")).read_bytes())
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return fd


def call(connection, door, interface, method, arguments, path=None, interactive=False, file=None):
    service = service_of(interface)
    name = service if door.endswith("bus") else None
    flags = Gio.DBusCallFlags.NONE
    if interactive:
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
    path = path or "/" + service.replace(".", "/")
    # sd-bus refuses descriptors that come in one read with the end of GDBus's greeting
    if file:
        connection.call_sync(name, path, "org.freedesktop.DBus.Peer", "Ping", None, None, 0, 30000, None)
    files = Gio.UnixFDList.new_from_array([_open(file)] if file else [])
    reply, _files = connection.call_with_unix_fd_list_sync(
        name, path, interface, method, arguments, None, flags, 30000, files, None
    )  # fmt: skip
    return reply


def _take(arguments, option):
    """The value of an option, which is taken out."""
    if option not in arguments:
        return None
    where = arguments.index(option)
    value = arguments[where + 1]
    del arguments[where : where + 2]
    return value


def _answer(connection, door, interface, method, text, **more):
    try:
        reply = call(connection, door, interface, method, GLib.Variant.parse(None, text), **more)
        return {"reply": reply.unpack()}
    except GLib.Error as error:
        name = Gio.DBusError.get_remote_error(error) or "local"
        Gio.DBusError.strip_remote_error(error)
        return {"error": name, "text": error.message}


def _batch(door):
    calls = json.load(sys.stdin)
    connection = connect(door, calls[0][0])
    return [_answer(connection, door, *one[:3], path=one[3], file=one[4]) for one in calls]


def main():
    arguments = sys.argv[1:]
    interactive = "--interactive" in arguments
    if interactive:
        arguments.remove("--interactive")
    path, file = _take(arguments, "--path"), _take(arguments, "--file")
    if arguments[1] == "batch":
        print(json.dumps(_batch(arguments[0])))
        return
    door, interface, method, text = arguments
    try:
        connection = connect(door, interface)
    except GLib.Error as error:
        print(json.dumps({"error": "local", "text": error.message}))
        return
    more = {"path": path, "interactive": interactive, "file": file}
    print(json.dumps(_answer(connection, door, interface, method, text, **more)))


if __name__ == "__main__":
    main()
