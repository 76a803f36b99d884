"""waggle-monitord for the tests: the real daemon on a bus of its own, with a manager of units that
really runs services (mock_systemd.py)."""

import json
import os

from gi.repository import GLib

from caller import ServiceCaller
from client import Error, wait_for
from harness import Daemon, Failure, check, equal
from mock_systemd import MockSystemd

NAME = "org.waggle.Monitoring1"
PATH = "/org/waggle/Monitoring1"
REGISTRY, METRICS, ALERTS = NAME + ".Registry", NAME + ".Metrics", NAME + ".Alerts"
SERVICE, ALERT = NAME + ".Service", NAME + ".Alert"
MONITORD = os.environ.get("WAGGLE_MONITORD", "waggle-monitord")
# D-Bus types of options that are not texts; a room adds its own keys
TYPES = {"tags": "as", "waiting": "b", "ends-at": "t", "starts-at": "t", "capabilities": "as", "states": "as", "matchers": "as", "all": "b",
         "force": "b", "dry_run": "b", "max": "u", "limit": "u", "since": "t", "until": "t", "from": "t", "to": "t",
         "rules": "a{ss}", "time": "t", "step": "t", "duration": "t", "revision": "t", "wait": "t", "pid": "u", "probes": "b"}


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


class Caller(ServiceCaller):
    """A client of the interfaces."""

    name, path = NAME, PATH

    def with_options(self, interface, method, signature="", *args, **options):
        """A method whose last argument is a{sv}."""
        return self.call(method, f"({signature}a{{sv}})", *args, vardict(options),
                         interface=interface)

    def of(self, signal):
        """Arguments of the signals of that name so far."""
        return self.client.of(signal)

    def wait(self, what, text, limit=60):
        wait_for(what, text, limit)


__all__ = ["Monitord", "Caller", "NAME", "PATH", "REGISTRY", "METRICS", "ALERTS", "SERVICE",
           "ALERT", "MONITORD", "TYPES", "Error", "Failure", "check", "equal", "vardict", "wait_for"]
