"""A manager of units for tests: org.freedesktop.systemd1 on a private bus, without root and systemd.

    mock_systemd.py ADDRESS DIRECTORY [LOGS]

really runs the services whose unit files stand in DIRECTORY (see mock_systemd_file.py for what of
them is obeyed) and transient units. What services write goes to LOGS/UNIT.log (LOGS: DIRECTORY).
Where systemd is particular, this is, too: a changed file is seen after Reload only, signals go out
only while somebody has subscribed, a job is over when JobRemoved says so, a transient unit lives as
long as it runs or is referenced.

Tests speak to it by org.waggle.Test.Systemd: Calls() lists what the manager was asked ("StartUnit
shop.service replace"), Clear(), Refuse(method, error; "" ends it), Mute(method: it never answers),
Hold(b: jobs are accepted and not begun), Leave() and Return() (by its own name: the other one is gone
meanwhile). `MockSystemd` starts it for a test. SIGTERM ends it, its services with it.
"""

import heapq
import os
import selectors
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from mock_systemd_bus import Connection  # noqa: E402
from mock_systemd_calls import Calls, escape  # noqa: E402
from mock_systemd_unit import Unit  # noqa: E402

from gi.repository import GLib  # noqa: E402

NAME = "org.freedesktop.systemd1"
ROOT = "/org/freedesktop/systemd1"
MANAGER = NAME + ".Manager"


class Job:
    def __init__(self, number, kind, unit):
        self.id, self.kind, self.unit, self.running = number, kind, unit, False
        self.path = f"{ROOT}/job/{number}"


class Manager(Calls):
    """Units, jobs and the loop; the D-Bus methods are in Calls."""

    def __init__(self, address, directory, logs):
        self.directory, self.logs = directory, logs
        self.units, self.jobs, self.subscribers = {}, [], set()
        self.log, self.gets, self.refused, self.muted, self.held = [], [], {}, set(), False
        self.n_jobs, self.timers, self.n_timers = 0, [], 0
        self.selector = selectors.DefaultSelector()
        self.bus = Connection(address, self.called, self.vanished)
        self.selector.register(self.bus.socket, selectors.EVENT_READ, None)
        self.own_name()

    def own_name(self):
        self.bus.call("RequestName", GLib.Variant("(su)", (NAME, 4)))

    # ---- the loop
    def watch(self, fd, func):
        self.selector.register(fd, selectors.EVENT_READ, func)

    def unwatch(self, fd):
        self.selector.unregister(fd)
        os.close(fd)

    def later(self, seconds, func):
        self.n_timers += 1
        timer = [time.monotonic() + seconds, self.n_timers, func]
        heapq.heappush(self.timers, timer)
        return timer

    def cancel(self, timer):
        timer[2] = None

    def run(self):
        while True:
            while self.timers and self.timers[0][0] <= time.monotonic():
                func = heapq.heappop(self.timers)[2]
                if func:
                    func()
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, _events in self.selector.select(wait):
                if key.data is None:
                    if not self.bus.turn():
                        return
                elif key.fd in self.selector.get_map():
                    key.data(key.fd)

    def vanished(self, name):
        self.subscribers.discard(name)
        for unit in list(self.units.values()):
            unit.refs.discard(name)
            self.collect(unit)

    # ---- units
    def unit_path(self, unit):
        return f"{ROOT}/unit/{escape(unit.name)}"

    def unit(self, name):
        if name not in self.units:
            self.units[name] = Unit(self, name)
        return self.units[name]

    def collect(self, unit):
        """Forgets a unit that nobody needs any more, and how it ended; a failed one is kept."""
        over = ("inactive",) if unit.transient is None else ("inactive", "failed")
        if not unit.refs and not unit.job and unit.active in over and \
                self.units.get(unit.name) is unit:
            del self.units[unit.name]
            self.emit(ROOT, MANAGER, "UnitRemoved", "(so)", (unit.name, self.unit_path(unit)))

    def emit(self, path, interface, member, signature, values):
        if self.subscribers:
            self.bus.emit(path, interface, member, signature, values)

    def changed(self, unit):
        for interface in ("Service", "Unit"):
            told = unit.properties(interface)
            if told:
                body = {key: GLib.Variant(*value) for key, value in told.items()}
                self.emit(self.unit_path(unit), "org.freedesktop.DBus.Properties",
                          "PropertiesChanged", "(sa{sv}as)", (f"{NAME}.{interface}", body, []))
        self.collect(unit)

    # ---- jobs
    def add_job(self, kind, unit):
        if unit.job is not None:
            if unit.job.kind == kind:
                return unit.job
            self.finish(unit.job, "canceled")
        self.n_jobs += 1
        job = Job(self.n_jobs, kind, unit)
        unit.job = job
        self.jobs.append(job)
        self.emit(ROOT, MANAGER, "JobNew", "(uos)", (job.id, job.path, unit.name))
        if kind in ("start", "restart"):
            for key in ("Requires", "BindsTo", "Wants"):
                for other in map(self.unit, unit.relations(key)):
                    if other.load == "loaded" and not other.is_up and other.job is None:
                        self.add_job("start", other)
        if kind == "stop":
            for other in list(self.units.values()):
                if other.is_up and other.job is None and unit.name in (
                        other.relations("Requires") + other.relations("BindsTo")):
                    self.add_job("stop", other)
        return job

    def pump(self):
        """Begins what waits for nothing."""
        if self.held:
            return
        for job in list(self.jobs):
            waits = any(other is not job and self._before(other, job) for other in self.jobs)
            if not job.running and not waits and job in self.jobs:
                job.running = True
                self._begin(job)

    @staticmethod
    def _before(other, job):
        if job.kind == "stop":
            return other.kind == "stop" and job.unit.name in other.unit.relations("After")
        return other.unit.name in job.unit.relations("After")

    def _begin(self, job):
        unit = job.unit
        missing = [name for key in ("Requires", "BindsTo", "Requisite") for name in
                   unit.relations(key) if self.unit(name).load == "loaded" and
                   not self.unit(name).is_up]
        if job.kind in ("start", "restart") and missing and self.unit(missing[0]).job is None:
            self.finish(job, "dependency")
        elif job.kind == "start":
            unit.start()
        elif job.kind == "reload":
            subprocess.run(unit.file.commands("ExecReload")[0][0], check=False,
                           env=dict(os.environ, MAINPID=str(unit.main_pid)))
            self.finish(job, "done")
        elif unit.active in ("inactive", "failed") and job.kind == "restart":
            unit.start()
        else:
            unit.stop()

    def start_over(self, unit, result):
        if unit.job is not None and unit.job.kind in ("start", "restart") and unit.job.running:
            self.finish(unit.job, result)

    def stop_over(self, unit):
        job = unit.job
        if job is None or not job.running:
            return
        if job.kind == "stop":
            self.finish(job, "done")
        elif job.kind == "restart" and unit.stopping:
            unit.start()

    def finish(self, job, result):
        self.jobs.remove(job)
        job.unit.job = None
        self.emit(ROOT, MANAGER, "JobRemoved", "(uoss)", (job.id, job.path, job.unit.name, result))
        self.collect(job.unit)
        self.pump()

    def stop_all(self):
        for unit in self.units.values():
            unit.kill(signal.SIGKILL)


class MockSystemd:
    """The mock as a process of the test's; it is ready when this returns."""

    def __init__(self, address, directory, logs=None):
        self.directory, self.logs = directory, logs or directory
        os.makedirs(directory, exist_ok=True)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, os.path.abspath(__file__),
             address, directory, self.logs], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the mock of systemd did not come up")

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def main():
    address, directory = sys.argv[1:3]
    manager = Manager(address, directory, sys.argv[3] if len(sys.argv) > 3 else directory)

    def leave(_number, _frame):
        manager.stop_all()
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    print("ready", flush=True)
    manager.run()
    manager.stop_all()


if __name__ == "__main__":
    main()
