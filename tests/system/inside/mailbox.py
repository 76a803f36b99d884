#!/usr/bin/python3
"""mailbox units FIRST COUNT: fails fails@FIRST.service ... one after the other and tells how long each took to be a
message in the mailbox of the agent "oncall", in ms, as {"msec": [...], "told": [...]}; told: how long
systemd's own signal of the failure took to come here, as it does to whoever else listens.

mailbox files DIRECTORY SECONDS: removes the files there one after the other, each at another moment of the
interval of the probe that looks at it, and tells how long each took in the same way; the alert has the
name of the file in it."""

import json
import os
import pathlib
import signal
import sys
import threading
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME, PATH = "org.waggle.Messaging1", "/org/waggle/Messaging1"
LIMIT = 20


class Mailbox:
    def __init__(self):
        self.bus = Gio.DBusConnection.new_for_address_sync(
            "unix:path=/run/waggle/messaging", Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None, None)
        while self.receive(0):
            pass

    def receive(self, wait):
        options = {"max": GLib.Variant("u", 50), "wait": GLib.Variant("t", int(wait * 1e6))}
        reply = self.bus.call_sync(None, PATH, NAME, "Receive", GLib.Variant("(sa{sv})", ("oncall", options)),
                                   None, Gio.DBusCallFlags.NONE, -1, None)
        return [bytes(m[3]).decode() for m in reply.unpack()[0]]

    def told(self, word, since):
        """Waits for a message with this word in it; how many ms it took since then."""
        while not any(word in text for text in self.receive(LIMIT)):
            if time.monotonic() - since > LIMIT:
                sys.exit(f"{word}: nobody was told within {LIMIT} s")
        return (time.monotonic() - since) * 1000


class Signals(threading.Thread):
    """When systemd told that a unit has failed, by its object's path."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ready, self.failed = threading.Event(), {}
        self.start()
        self.ready.wait(LIMIT)

    def run(self):
        context = GLib.MainContext()
        context.push_thread_default()
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        bus = Gio.DBusConnection.new_for_address_sync(
            Gio.dbus_address_get_for_bus_sync(Gio.BusType.SYSTEM, None), flags, None, None)
        bus.signal_subscribe("org.freedesktop.systemd1", "org.freedesktop.DBus.Properties", "PropertiesChanged", None,
                             "org.freedesktop.systemd1.Unit", Gio.DBusSignalFlags.NONE, self.changed)
        bus.call_sync("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
                      "Subscribe", None, None, Gio.DBusCallFlags.NONE, -1, None)
        self.ready.set()
        GLib.MainLoop.new(context, False).run()

    def changed(self, _bus, _sender, path, _interface, _signal, arguments):
        now = time.monotonic()
        if arguments.unpack()[1].get("ActiveState") == "failed":
            self.failed.setdefault(path, now)

    def wait(self, path):
        """It may come after all that it led to."""
        end = time.monotonic() + LIMIT
        while path not in self.failed:
            if time.monotonic() > end:
                sys.exit(f"{path} failed and systemd told nobody within {LIMIT} s")
            time.sleep(0.001)
        return self.failed[path]


def path_and_pid(system, unit):
    path = system.call_sync("org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                            "org.freedesktop.systemd1.Manager", "GetUnit", GLib.Variant("(s)", (unit,)),
                            None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
    return path, system.call_sync("org.freedesktop.systemd1", path, "org.freedesktop.DBus.Properties", "Get",
                                  GLib.Variant("(ss)", ("org.freedesktop.systemd1.Service", "MainPID")),
                                  None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]


def fail_units(first, count):
    system, mailbox, signals = Gio.bus_get_sync(Gio.BusType.SYSTEM, None), Mailbox(), Signals()
    took, told = [], []
    for i in range(int(first), int(first) + int(count)):
        unit = f"fails@{i}.service"
        path, pid = path_and_pid(system, unit)
        begin = time.monotonic()
        os.kill(pid, signal.SIGABRT)
        took.append(mailbox.told(unit, begin))
        told.append((signals.wait(path) - begin) * 1000)
    return {"msec": took, "told": told}


def remove_files(directory, interval):
    mailbox, took = Mailbox(), []
    files = sorted(pathlib.Path(directory).iterdir())
    for i, file in enumerate(files):
        time.sleep(float(interval) * i / len(files))
        begin = time.monotonic()
        file.unlink()
        took.append(mailbox.told(file.name, begin))
    return {"msec": took}


print(json.dumps({"units": fail_units, "files": remove_files}[sys.argv[1]](*sys.argv[2:])))
