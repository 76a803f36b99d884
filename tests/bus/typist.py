"""The typist for the tests: the real daemon with fake-hand.py for its hand, and mocks of those whom
it asks (logind, the screen saver, the user's manager), all on the tests' own bus."""

import json
import os
import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from client import LIMIT_MS, unpack, wait_for
from harness import HERE, Daemon, check, equal, whole_lines

NAME = "org.waggle.Typing1"
PATH = "/org/waggle/Typing1"
TYPIST = os.environ.get("WAGGLE_TYPIST", "waggle-typist")
VENDOR = os.path.join(os.path.dirname(os.path.dirname(HERE)), "src", "typing")
XTERM = {"window": 0x400001, "class": "XTerm", "instance": "xterm", "title": "agent-1", "pid": 41}
EDITOR = {"window": 0x400002, "class": "Code", "instance": "code", "title": "agent-1", "pid": 42}
TYPES = {"pid": "u", "window": "u", "x": "i", "y": "i", "idle": "t", "timeout": "t"}


def vardict(given):
    result = {}
    for key, value in given.items():
        kind = "b" if isinstance(value, bool) else TYPES.get(key, "s")
        key = key.rstrip("_").replace("_", "-")
        result[key] = value if isinstance(value, GLib.Variant) else GLib.Variant(kind, value)
    return result


class Answer:
    """A call that is not answered yet."""

    def __init__(self):
        self.reply = None

    def result(self):
        wait_for(lambda: self.reply is not None, "an answer")
        return unpack(self.reply)


class Typist(Daemon):
    """What it tells systemd is read all the time: sd_notify() waits for a reader."""

    program = TYPIST
    config_name = "typist.conf"

    def __init__(self, environment=None, **given):
        self.more = {"DISPLAY": ":99", "XDG_SESSION_TYPE": None, "WAYLAND_DISPLAY": None,
                     "RUNTIME_DIRECTORY": None, "XDG_RUNTIME_DIR": None, **(environment or {})}
        self.told = []  # texts for systemd
        self.begin = 0  # the first of them from the present process
        super().__init__(**{"bus": True, **given})

    def wait_notify(self, word):

        def said():
            check(self.process is None or self.process.poll() is None or self.process.poll() == 0,
                  f"the daemon ended before {word}: " + "".join(self.log_lines()[-3:]))
            return [text for text in self.told[self.begin:] if word in text]

        wait_for(said, f"'{word}' for systemd")
        return said()[-1]

    def _read_notify(self):
        while True:
            try:
                self.told.append(self.notify.recv(65536).decode())
            except TimeoutError:
                pass
            except OSError:
                return

    def start(self, wait=True):
        self.scenario_path = os.path.join(self.directory, "scenario")
        if not os.path.exists(self.scenario_path):
            self.scenario(windows=[XTERM])
        if not self.told:
            threading.Thread(target=self._read_notify, daemon=True).start()
        self.begin = len(self.told)
        super().start(wait)

    def environment(self):
        env = {**super().environment(), "WAGGLE_FAKE_HAND": self.scenario_path,
               "WAGGLE_TYPIST_HAND": os.path.join(HERE, "fake-hand.py"),
               "WAGGLE_CONFIG_PATH": VENDOR + ":" + self.config_dir, **self.more}
        return {key: value for key, value in env.items() if value is not None}

    def scenario(self, **plan):
        with open(self.scenario_path + ".new", "w", encoding="utf-8") as f:
            json.dump({"windows": [XTERM], **plan}, f)
        os.rename(self.scenario_path + ".new", self.scenario_path)

    def asked(self, kind=None):
        """What the hand was asked so far."""
        lines = [json.loads(line) for line in whole_lines(self.scenario_path + ".log")]
        return [line for line in lines if kind is None or line["kind"] == kind]

    def wait_asked(self, kind, n=1):
        wait_for(lambda: len(self.asked(kind)) >= n, f"{n} requests '{kind}'")
        return self.asked(kind)[-1]

    def profile(self, name, text):
        os.makedirs(os.path.join(self.config_dir, "profiles.d"), exist_ok=True)
        with open(os.path.join(self.config_dir, "profiles.d", name + ".conf"), "w",
                  encoding="utf-8") as f:
            f.write(text)


class Caller:
    """A client of the interface."""

    def __init__(self, typist, over_bus=False):
        self.client = typist.client(over_bus)
        self.client.destination = NAME if over_bus else None
        if over_bus:
            self.client.connection.signal_subscribe(
                None, None, None, PATH, None, Gio.DBusSignalFlags.NONE, self.client._on_signal)

    def call(self, method, signature="()", *args):
        return self.client.raw(method, signature, *args, path=PATH, interface=NAME)

    def type(self, text="3 waiting", target=None, **options):
        """(result, details)"""
        return self.call("Type", "(sa{sv}a{sv})", text, vardict(target or {"class": "XTerm"}),
                         vardict(options))

    def type_later(self, text="3 waiting", target=None, **options):
        answer = Answer()
        args = (text, vardict(target or {"class": "XTerm"}), vardict(options))
        m = self.client.message("Type", GLib.Variant("(sa{sv}a{sv})", args), path=PATH,
                                interface=NAME)

        def finished(connection, result):
            try:
                answer.reply = connection.send_message_with_reply_finish(result)
            except GLib.Error:
                pass  # the connection was closed on purpose

        self.client.connection.send_message_with_reply(m, Gio.DBusSendMessageFlags.NONE, LIMIT_MS,
                                                       None, finished)
        return answer

    def windows(self, **filter_):
        return self.call("ListWindows", "(a{sv})", vardict(filter_))[0]

    def get(self, name):
        return self.client.get(name, path=PATH, interface=NAME)

    def changed(self):
        """Properties that were signalled so far, the newest value of each."""
        values = {}
        for _interface, changed, _invalidated in self.client.of("PropertiesChanged"):
            values.update(changed)
        return values


class Mock:
    """A service on the tests' bus; its properties and answers are this object's."""

    def __init__(self, address, name, objects):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)
        for path, interface, members in objects:
            info = Gio.DBusNodeInfo.new_for_xml(
                f'<node><interface name="{interface}">{members}</interface></node>')
            self.connection.register_object(path, info.interfaces[0], self.called, self.read, None)
        self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "RequestName",
                                  GLib.Variant("(su)", (name, 4)), None, Gio.DBusCallFlags.NONE,
                                  10000, None)

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.connection.close_sync(None)

    def called(self, _connection, _sender, _path, _interface, _method, _args, invocation):
        invocation.return_dbus_error("org.freedesktop.DBus.Error.UnknownMethod", "a mock")

    def read(self, _connection, _sender, _path, _interface, _name):
        return None


class Manager(Mock):
    """The user's systemd."""

    def __init__(self, address):
        self.environment = []
        super().__init__(address, "org.freedesktop.systemd1", [
            ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
             '<property name="Environment" type="as" access="read"/>')])

    def read(self, *_args):
        return GLib.Variant("as", self.environment)


class Logind(Mock):
    def __init__(self, address):
        self.locked, self.session = False, "c2"
        self.path = "/org/freedesktop/login1/session/c2"
        super().__init__(address, "org.freedesktop.login1", [
            (f"/org/freedesktop/login1/user/_{os.getuid()}", "org.freedesktop.login1.User",
             '<property name="Display" type="(so)" access="read"/>'),
            (self.path, "org.freedesktop.login1.Session",
             '<property name="LockedHint" type="b" access="read"/>')])

    def read(self, _connection, _sender, _path, _interface, name):
        if name == "LockedHint":
            return GLib.Variant("b", self.locked)
        return GLib.Variant("(so)", (self.session, self.path if self.session else "/"))


class ScreenSaver(Mock):
    def __init__(self, address):
        self.active, self.answers = False, True
        super().__init__(address, "org.freedesktop.ScreenSaver", [
            ("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver",
             '<method name="GetActive"><arg type="b" direction="out"/></method>')])

    def called(self, _connection, _sender, _path, _interface, _method, _args, invocation):
        if self.answers:
            invocation.return_value(GLib.Variant("(b)", (self.active,)))


__all__ = ["Manager", "Logind", "ScreenSaver", "NAME", "PATH", "Typist", "Caller", "XTERM", "EDITOR", "check", "equal", "vardict", "wait_for"]
