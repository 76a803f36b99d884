"""The D-Bus methods of mock_systemd.py; each returns (signature, values), or None for no values."""

import fnmatch
import os
import re

from mock_systemd_bus import BusError
from mock_systemd_unit import Unit

from gi.repository import GLib

NAME = "org.freedesktop.systemd1"
ROOT = "/org/freedesktop/systemd1"
STREAMS = {name + "FileDescriptor": name for name in
           ("StandardInput", "StandardOutput", "StandardError")}
NO_FILE = "org.freedesktop.DBus.Error.FileNotFound"


def escape(name):
    """A unit's name as the last part of its path."""
    return "".join(c if c.isalnum() and c.isascii() and not (i == 0 and c.isdigit())
                   else f"_{ord(c):02x}" for i, c in enumerate(name))


def unescape(text):
    return re.sub("_([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


class Calls:
    def called(self, call):
        if call.interface == "org.waggle.Test.Systemd":
            return getattr(self, "test_" + call.member.lower())(*call.args)
        if call.interface == "org.freedesktop.DBus.Properties":
            if call.member == "Get":
                self.gets.append(f"{call.path.rpartition('/')[2]} {call.args[1]}")
            return self._properties(call)
        if call.interface in ("org.freedesktop.DBus.Peer", None):
            return None
        words = [call.member] + [str(arg) for arg in call.args if isinstance(arg, (str, int))]
        words += [" ".join(arg) for arg in call.args
                  if isinstance(arg, list) and all(isinstance(a, str) for a in arg)]
        self.log.append(" ".join(words))
        if call.member in self.muted:
            return NotImplemented
        if call.member in self.refused:
            raise BusError(self.refused[call.member], "the mock refuses")
        if call.path.startswith(ROOT + "/unit/"):
            return self._of_unit(call)
        method = getattr(self, call.member, None)
        if method is None or not call.member[0].isupper():
            raise BusError("org.freedesktop.DBus.Error.UnknownMethod",
                           f"the mock has no {call.member}")
        return method(call, *call.args)

    # ---- the test's own
    def test_calls(self):
        return "(as)", (self.log,)

    def test_gets(self):
        """Single properties that were asked for."""
        return "(as)", (self.gets,)

    def test_clear(self):
        self.log.clear()

    def test_leave(self):
        """Its name is gone, as while it is executed anew; test_return() is called by its own."""
        self.bus.call("ReleaseName", GLib.Variant("(s)", (NAME,)))

    def test_return(self):
        self.own_name()

    def test_refuse(self, method, error):
        self.refused.pop(method, None)
        if error:
            self.refused[method] = error

    def test_mute(self, method):
        self.muted.add(method)

    def test_hold(self, held):
        self.held = held
        self.pump()

    # ---- properties
    def _properties(self, call):
        interface = call.args[0].rpartition(".")[2]
        if call.path == ROOT:
            told = {"Version": ("s", "252"), "SystemState": ("s", "running"),
                    "NFailedUnits": ("u", sum(u.active == "failed" for u in self.units.values())),
                    "UnitPath": ("as", [self.directory]), "Environment": ("as", [])}
        else:
            told = self._unit_at(call.path).properties(interface)
        if call.member == "GetAll":
            return "(a{sv})", ({key: GLib.Variant(*value) for key, value in told.items()},)
        if call.member == "Get" and call.args[1] in told:
            return "(v)", (GLib.Variant(*told[call.args[1]]),)
        raise BusError("org.freedesktop.DBus.Error.UnknownProperty", str(call.args[1:]))

    def _unit_at(self, path):
        return self.unit(unescape(path[len(ROOT + "/unit/"):]))

    def _of_unit(self, call):
        unit = self._unit_at(call.path)
        if call.member == "Ref":
            unit.refs.add(call.sender)
        elif call.member == "Unref":
            unit.refs.discard(call.sender)
            self.collect(unit)
        elif call.member == "ResetFailed":
            unit.reset()
        else:
            raise BusError("org.freedesktop.DBus.Error.UnknownMethod", call.member)

    # ---- the manager
    def Subscribe(self, call):
        self.subscribers.add(call.sender)

    def Unsubscribe(self, call):
        self.subscribers.discard(call.sender)

    def Reload(self, call):
        self.emit(ROOT, NAME + ".Manager", "Reloading", "(b)", (True,))
        for name, unit in list(self.units.items()):
            unit.read()
            if unit.load == "not-found" and unit.active == "inactive":
                del self.units[name]
        self.emit(ROOT, NAME + ".Manager", "Reloading", "(b)", (False,))

    def Reexecute(self, call):
        self.bus.call("ReleaseName", GLib.Variant("(s)", (NAME,)))
        self.own_name()

    def _loaded(self, name):
        unit = self.unit(name)
        if unit.load == "not-found":
            raise BusError(NAME + ".NoSuchUnit", f"Unit {name} not found.")
        if unit.load != "loaded":
            raise BusError(NAME + ".BadUnitSetting", f"Unit {name} has a bad unit file setting.")
        return unit

    def GetUnit(self, call, name):
        if name not in self.units or self.units[name].active == "inactive":
            raise BusError(NAME + ".NoSuchUnit", f"Unit {name} not loaded.")
        return "(o)", (self.unit_path(self.units[name]),)

    def LoadUnit(self, call, name):
        return "(o)", (self.unit_path(self.unit(name)),)

    def GetUnitByPID(self, call, pid):
        for unit in self.units.values():
            if unit.process is not None and os.getsid(pid) == unit.process.pid:
                return "(o)", (self.unit_path(unit),)
        raise BusError(NAME + ".NoUnitForPID", f"PID {pid} does not belong to any loaded unit.")

    def _job(self, call, kind, unit):
        job = self.add_job(kind, unit)
        self.bus.reply(call, "(o)", (job.path,))  # before JobRemoved, as systemd does
        self.pump()
        return NotImplemented

    def StartUnit(self, call, name, _mode):
        return self._job(call, "start", self._loaded(name))

    def RestartUnit(self, call, name, _mode):
        return self._job(call, "restart", self._loaded(name))

    def ReloadOrRestartUnit(self, call, name, _mode):
        unit = self._loaded(name)
        reloads = unit.is_up and unit.file.commands("ExecReload")
        return self._job(call, "reload" if reloads else "restart", unit)

    def StopUnit(self, call, name, _mode):
        unit = self.unit(name)
        if unit.load == "not-found" and not unit.is_up:
            raise BusError(NAME + ".NoSuchUnit", f"Unit {name} not loaded.")
        return self._job(call, "stop", unit)

    def KillUnit(self, call, name, _whom, number):
        self._loaded(name).kill(number)

    def ResetFailedUnit(self, call, name):
        self._loaded(name).reset()

    def ResetFailed(self, call):
        for unit in self.units.values():
            unit.reset()

    def RefUnit(self, call, name):
        self._loaded(name).refs.add(call.sender)

    def UnrefUnit(self, call, name):
        unit = self.unit(name)
        unit.refs.discard(call.sender)
        self.collect(unit)

    def CancelJob(self, call, number):
        for job in self.jobs:
            if job.id == number:
                self.finish(job, "canceled")
                return
        raise BusError(NAME + ".NoSuchJob", f"Job {number} does not exist.")

    def StartTransientUnit(self, call, name, _mode, properties, _others):
        if name in self.units and (self.units[name].active not in ("inactive", "failed")
                                   or self.units[name].refs):
            raise BusError(NAME + ".UnitExists", f"Unit {name} was already loaded.")
        settings, fds = {}, {}
        for key, value in properties:
            if key in STREAMS:
                fds[STREAMS[key]] = os.dup(call.fds[value])
            elif key == "ExecStart":  # "$$" is a plain one; variables are not for commands of ours
                settings["ExecStart"] = [value[0][0]] + [a.replace("$$", "$") for a in value[0][1][1:]]
            else:
                settings[key] = value
        unit = self.units[name] = Unit(self, name, settings)
        unit.fds = fds
        if settings.get("AddRef"):
            unit.refs.add(call.sender)
        return self._job(call, "start", unit)

    # ---- lists
    def _row(self, unit):
        return (unit.name, unit.name, unit.load, unit.active, unit.sub, "", self.unit_path(unit),
                unit.job.id if unit.job else 0, unit.job.kind if unit.job else "",
                unit.job.path if unit.job else "/")

    def ListUnits(self, call):
        return "(a(ssssssouso))", ([self._row(u) for u in self.units.values()],)

    def ListUnitsByNames(self, call, names):
        return "(a(ssssssouso))", ([self._row(self.unit(name)) for name in names],)

    def ListUnitsByPatterns(self, call, states, patterns):
        rows = [self._row(u) for u in self.units.values() if not states or u.active in states]
        return "(a(ssssssouso))", ([row for row in rows if not patterns or any(
            fnmatch.fnmatch(row[0], p) for p in patterns)],)

    # ---- unit files
    def _wanted_links(self, name):
        targets = self.unit(name).file.settings.get(("Install", "WantedBy"), [])
        return [os.path.join(self.directory, target + ".wants", name)
                for value in targets for target in value.split()]

    def GetUnitFileState(self, call, name):
        path = self.unit(name).file.path
        if not path:
            raise BusError(NO_FILE, f"No such file: {name}")
        links = self._wanted_links(name)
        state = "enabled" if any(map(os.path.lexists, links)) else \
            "linked" if os.path.islink(path) else "disabled" if links else "static"
        return "(s)", (state,)

    def EnableUnitFiles(self, call, names, _runtime, _force):
        changes = []
        for name in names:
            if not self._loaded(name).file.path:
                raise BusError(NO_FILE, f"Unit file {name} does not exist.")
            for link in self._wanted_links(name):
                if not os.path.lexists(link):
                    os.makedirs(os.path.dirname(link), exist_ok=True)
                    os.symlink(self.unit(name).file.path, link)
                    changes.append(("symlink", link, self.unit(name).file.path))
        return "(ba(sss))", (any(map(self._wanted_links, names)), changes)

    def DisableUnitFiles(self, call, names, _runtime):
        changes = []
        for name in names:
            links = [os.path.join(self.directory, d, name) for d in os.listdir(self.directory)
                     if d.endswith(".wants")]
            path = os.path.join(self.directory, name)
            for link in links + ([path] if os.path.islink(path) else []):
                if os.path.lexists(link):
                    os.unlink(link)
                    changes.append(("unlink", link, ""))
        return "(a(sss))", (changes,)

    def LinkUnitFiles(self, call, paths, _runtime, force):
        changes = []
        for path in paths:
            link = os.path.join(self.directory, os.path.basename(path))
            if not os.path.exists(path):
                raise BusError(NO_FILE, f"Unit file {path} does not exist.")
            if os.path.lexists(link):
                if os.path.islink(link) and os.readlink(link) == path:
                    continue
                if not force:
                    raise BusError("org.freedesktop.systemd1.UnitExists", f"{link} exists")
                os.unlink(link)
            os.symlink(path, link)
            changes.append(("symlink", link, path))
        return "(a(sss))", (changes,)
