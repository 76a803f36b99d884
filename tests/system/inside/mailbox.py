#!/usr/bin/python3
"""mailbox COUNT: fails fails@1.service ... one after the other and tells how long each took to be a
message in the mailbox of the agent "oncall", in ms, as {"msec": [...], "idle": [...]}; idle: how long
systemd took to answer two questions before each, which shows how busy the machine is with others."""

import json
import os
import signal
import sys
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.waggle.Messaging1", "/org/waggle/Messaging1"
LIMIT = 20


def main(count):
    bus = Gio.DBusConnection.new_for_address_sync(
        "unix:path=/run/waggle/messaging", Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
    system = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)

    def receive(wait):
        options = {"max": GLib.Variant("u", 50), "wait": GLib.Variant("t", int(wait * 1e6))}
        reply = bus.call_sync(None, PATH, NAME, "Receive", GLib.Variant("(sa{sv})", ("oncall", options)),
                              None, Gio.DBusCallFlags.NONE, -1, None)
        return [bytes(m[3]).decode() for m in reply.unpack()[0]]

    def main_pid(unit):
        path = system.call_sync("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                "org.freedesktop.systemd1.Manager", "GetUnit", GLib.Variant("(s)", (unit,)),
                                None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
        return system.call_sync("org.freedesktop.systemd1", path, "org.freedesktop.DBus.Properties", "Get",
                                GLib.Variant("(ss)", ("org.freedesktop.systemd1.Service", "MainPID")),
                                None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]

    while receive(0):
        pass
    took, idle = [], []
    for i in range(1, count + 1):
        unit = f"fails@{i}.service"
        asked = time.monotonic()
        pid = main_pid(unit)
        begin = time.monotonic()
        idle.append((begin - asked) * 1000)
        os.kill(pid, signal.SIGABRT)
        while not any(unit in text for text in receive(LIMIT)):
            if time.monotonic() - begin > LIMIT:
                sys.exit(f"{unit} failed and nobody was told within {LIMIT} s")
        took.append((time.monotonic() - begin) * 1000)
    print(json.dumps({"msec": took, "idle": idle}))


main(int(sys.argv[1]))
