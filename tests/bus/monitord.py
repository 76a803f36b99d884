"""waggle-monitord for the tests: the real daemon on a bus of its own, with a manager of units that
really runs services (mock_systemd.py)."""

import json
import os
import subprocess
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from client import PROPERTIES, Error, wait_for
from harness import Daemon, Failure, check, equal
from mock_systemd import MockSystemd

NAME = "org.waggle.Monitoring1"
PATH = "/org/waggle/Monitoring1"
REGISTRY, METRICS, ALERTS = NAME + ".Registry", NAME + ".Metrics", NAME + ".Alerts"
SERVICE, ALERT = NAME + ".Service", NAME + ".Alert"
MONITORD = os.environ.get("WAGGLE_MONITORD", "waggle-monitord")
# D-Bus types of options that are not texts; a room adds its own keys
TYPES = {"tags": "as", "waiting": "b", "ends-at": "t", "starts-at": "t", "capabilities": "as", "states": "as", "matchers": "as", "all": "b",
         "force": "b", "max": "u", "limit": "u", "since": "t", "until": "t", "from": "t", "to": "t",
         "time": "t", "step": "t", "duration": "t", "revision": "t", "wait": "t", "pid": "u", "probes": "b"}


def vardict(given):
    """a{sv} from keywords: max_age=... is {'max-age': ...}; a trailing _ is left out."""
    result = {}
    for key, value in given.items():
        name = key.rstrip("_")
        result[name.replace("_", "-")] = value if isinstance(value, GLib.Variant) \
            else GLib.Variant(TYPES.get(name, "s"), value)
    return result


class Monitord(Daemon):
    """`files`: {"rules.d/x.yaml": text} below the configuration. `more`: of the environment."""

    program = MONITORD
    config_name = "monitord.conf"

    def __init__(self, config="", files=None, environment=None, manager=True, **given):
        self.more = {"RUNTIME_DIRECTORY": None, **(environment or {})}
        self.manager = None
        super().__init__(**{"bus": True, "start": False, **given})
        self.units = os.path.join(self.directory, "units")
        os.mkdir(self.units)
        self.configure(config)
        for name, text in (files or {}).items():
            self.write(name, text)
        if self.bus and manager:
            self.manager = MockSystemd(self.bus.address, self.units)
            self.helpers.append(self.manager)
        if given.get("start", True):
            self.start()

    def environment(self):
        env = {**super().environment(), **self.more}
        return {key: value for key, value in env.items() if value is not None}

    def write(self, name, text):
        """A file below the configuration; text or something to write as JSON (which is YAML)."""
        path = os.path.join(self.config_dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def unit(self, name, text="[Service]\nExecStart=/bin/sleep 1000\n", start=True):
        """A unit of the mock's; started unless told otherwise."""
        self.manager.write(name, text)
        if start:
            self.systemd("StartUnit", "(ss)", name, "replace")

    def systemd(self, method, signature="()", *args, interface="org.freedesktop.systemd1.Manager"):
        """A call to the mock."""
        if not hasattr(self, "_systemd"):
            self._systemd = self.client(over_bus=True)
            self._systemd.destination = "org.freedesktop.systemd1"
        return self._systemd.raw(method, signature, *args, interface=interface,
                                 path="/org/freedesktop/systemd1")

    def mock(self, method, signature="()", *args):
        """Calls(), Mute(), Refuse() ... of the mock itself."""
        return self.systemd(method, signature, *args, interface="org.waggle.Test.Systemd")

    def caller(self, over_bus=False):
        return Caller(self, over_bus)


class Polkit:
    """A polkitd that allows what it is told to."""

    def __init__(self, daemon):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", sys.executable, "-m", "dbusmock", "--system",
             "--template", "polkitd"], env=daemon.environment(), stdout=subprocess.DEVNULL)
        self.bus = daemon.client(over_bus=True)
        self.bus.destination = "org.freedesktop.PolicyKit1"
        daemon.helpers.append(self)
        wait_for(self.is_there, "the mock of polkitd")

    def is_there(self):
        try:
            self.allow()
            return True
        except (Error, GLib.Error):
            return False

    def allow(self, *actions):
        self.bus.raw("SetAllowed", "(as)", ["org.waggle.monitoring." + a for a in actions],
                     interface="org.freedesktop.DBus.Mock",
                     path="/org/freedesktop/PolicyKit1/Authority")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Caller:
    """A client of the interfaces."""

    def __init__(self, daemon, over_bus=False):
        self.client = daemon.client(over_bus)
        if over_bus:
            self.client.destination = NAME
            self.client.connection.signal_subscribe(
                None, None, None, None, None, Gio.DBusSignalFlags.NONE, self.client._on_signal)
        else:  # sd-bus refuses descriptors that come in one read with the end of GDBus's greeting
            self.call("Ping")

    def call(self, method, signature="()", *args, path=PATH, interface=NAME, fds=()):
        """The values of the answer; raises client.Error."""
        return self.client.raw(method, signature, *args, path=path, interface=interface, fds=fds)

    def with_options(self, interface, method, signature="", *args, **options):
        """A method whose last argument is a{sv}."""
        return self.call(method, f"({signature}a{{sv}})", *args, vardict(options),
                         interface=interface)

    def get(self, name, path=PATH, interface=NAME):
        return self.client.raw("Get", "(ss)", interface, name, path=path, interface=PROPERTIES)[0]

    def of(self, signal):
        """Arguments of the signals of that name so far."""
        return self.client.of(signal)

    def wait(self, what, text, limit=20):
        wait_for(what, text, limit)


__all__ = ["Monitord", "Caller", "Polkit", "NAME", "PATH", "REGISTRY", "METRICS", "ALERTS", "SERVICE",
           "ALERT", "MONITORD", "TYPES", "Error", "Failure", "check", "equal", "vardict", "wait_for"]
