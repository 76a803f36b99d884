"""A unit of mock_systemd.py: its states, its processes, its properties.

A service's processes are one session, which is killed as a whole when the service is over, and with
the mock: so nothing outlives a test. States go as systemd's do; each change is told to the manager,
which emits it.
"""

import ctypes
import os
import re
import signal
import subprocess
import time
import uuid

from mock_systemd_file import UnitFile, span

CLD_EXITED, CLD_KILLED, CLD_DUMPED = 1, 2, 3
LIMIT_BURST, LIMIT_SECONDS = 5, 10
LIBC = ctypes.CDLL(None)


def _in_child(parent):
    os.setsid()
    LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


class Unit:
    def __init__(self, manager, name, transient=None):
        self.manager, self.name, self.transient = manager, name, transient
        self.active, self.sub, self.result = "inactive", "dead", "success"
        self.invocation, self.restarts, self.starts = b"", 0, []
        self.code = self.status = self.main_pid = self.exec_pid = 0
        self.process = self.timer = self.kill_timer = None
        self.commands, self.stopping, self.refs = [], False, set()
        self.fds = {}  # of a transient one: standard stream to descriptor
        self.job, self.met = None, False
        self.read()

    # ---- what it is
    def read(self):
        self.file = UnitFile(self.manager.directory, self.name)

    @property
    def load(self):
        if self.transient is not None:
            return "loaded"
        if self.file.path and os.path.realpath(self.file.path) == "/dev/null":
            return "masked"
        if self.file.error or (self.file.path and self.is_service and not
                               self.file.commands("ExecStart")):
            return "bad-setting"
        return "loaded" if self.file.path else "not-found"

    @property
    def is_service(self):
        return self.name.endswith(".service")

    def setting(self, key, fallback=""):
        if self.transient is not None:
            return self.transient.get(key, fallback)
        return self.file.get("Service", key, fallback)

    @property
    def type(self):
        return self.setting("Type", "simple")

    def relations(self, key):
        if self.transient is not None:
            return list(self.transient.get(key, []))
        return self.file.words("Unit", key)

    def seconds(self, key, fallback):
        if self.transient is not None:
            usec = self.transient.get(key.replace("Sec", "USec"))
            return fallback if usec is None else usec / 1e6
        return span(self.file.get("Service", key), fallback)

    @property
    def is_up(self):
        return self.active in ("active", "reloading")

    # ---- its states
    def become(self, active, sub, result=None):
        self.active, self.sub = active, sub
        if result is not None:
            self.result = result
        self.manager.changed(self)

    def start(self):
        """Begins; start_over() follows with "done", "failed" or "skipped"."""
        if self.is_up:
            self.manager.start_over(self, "done")
            return
        if self.active == "activating" and self.sub != "auto-restart":
            return  # the job waits for what runs
        self._cancel("timer")
        now = time.monotonic()
        self.starts = [t for t in self.starts if t > now - LIMIT_SECONDS] + [now]
        if len(self.starts) > LIMIT_BURST and self.transient is None:
            self.become("failed", "failed", "start-limit-hit")
            self.manager.start_over(self, "failed")
            return
        path = self.file.get("Unit", "ConditionPathExists", "/")
        self.met = os.path.exists(path.lstrip("!")) != path.startswith("!")
        if not self.met:
            self.become("inactive", "dead")
            self.manager.start_over(self, "done")
            return
        self.invocation, self.code, self.status = uuid.uuid4().bytes, 0, 0
        self.stopping = False
        if self.file.get("Socket", "Backlog") == "0":  # here, what cannot be opened
            self.become("failed", "failed", "resources")
            self.manager.start_over(self, "failed")
            return
        if not self.is_service:
            self.become("active", "active", "success")
            self.manager.start_over(self, "done")
            return
        if self.transient is not None:
            self.commands = [("main", self.transient["ExecStart"], False)]
        else:
            self.commands = [("pre", argv, may) for argv, may in
                             self.file.commands("ExecStartPre")]
            self.commands += [("main", argv, may) for argv, may in self.file.commands("ExecStart")]
        self.become("activating", "start", "success")
        self._next()

    def _next(self):
        what, argv, _may = self.commands[0]
        try:
            self._spawn(argv)
        except OSError as error:
            self.exec_pid, self.code = 0, CLD_EXITED
            self.status = 200 if "cwd" in str(error) or isinstance(error, NotADirectoryError) \
                else 203
            self._over("exit-code")
            return
        if what != "main":
            return
        self.main_pid = self.exec_pid = self.process.pid
        limit = self.seconds("RuntimeMaxSec", None)
        if self.type == "oneshot":
            limit = self.seconds("TimeoutStartSec", None)
        if limit is not None:
            self.timer = self.manager.later(limit, self._out_of_time)
        if self.type != "oneshot":
            self.become("active", "running")
            self.manager.start_over(self, "done")

    def _spawn(self, argv):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}
        if self.transient is None:
            env.update(self.file.environment())
        else:
            env.update(entry.split("=", 1) for entry in self.transient.get("Environment", []))
        env["INVOCATION_ID"] = self.invocation.hex()
        if self.transient is None:
            argv = [word for part in argv for word in self._variables(part, env)]
        log = open(os.path.join(self.manager.logs, self.name + ".log"), "ab")
        directory = self.setting("WorkingDirectory", "/").lstrip("-") or "/"
        parent = os.getpid()
        try:
            self.process = subprocess.Popen(
                argv, env=env, cwd=directory, close_fds=True,
                stdin=self.fds.get("StandardInput", subprocess.DEVNULL),
                stdout=self.fds.get("StandardOutput", log),
                stderr=self.fds.get("StandardError", log),
                preexec_fn=lambda: _in_child(parent))
        finally:
            log.close()
        self.manager.watch(os.pidfd_open(self.process.pid), self._ended)

    @staticmethod
    def _variables(part, env):
        whole = re.fullmatch(r"\$(\w+)", part)
        if whole:
            return env.get(whole[1], "").split()
        return [re.sub(r"\$\{(\w+)\}", lambda m: env.get(m[1], ""), part)]

    def _ended(self, pidfd):
        info = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOWAIT)
        self._kill(signal.SIGKILL)  # what it left in its group
        self.process.wait()
        self.process = None
        self.manager.unwatch(pidfd)
        what, _argv, may_fail = self.commands[0]
        good = info.si_code == CLD_EXITED and info.si_status == 0
        if (good or may_fail) and len(self.commands) > 1 and not self.stopping:
            self.commands.pop(0)
            self._next()
            return
        if what == "main":
            self.code, self.status = info.si_code, info.si_status
        clean = good or may_fail or (info.si_code == CLD_KILLED and info.si_status in (1, 2, 13, 15))
        if self.result == "timeout" or clean:
            self._over(self.result)
        else:
            self._over({CLD_EXITED: "exit-code", CLD_KILLED: "signal"}.get(info.si_code,
                                                                          "core-dump"))

    def _over(self, result):
        starting, self.main_pid = self.active == "activating", 0
        self._cancel("timer")
        self._cancel("kill_timer")
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}
        remain = str(self.setting("RemainAfterExit", "no")).lower() in ("yes", "true", "1")
        if result == "success" and remain and not self.stopping:
            self.become("active", "exited", result)
        elif self._restarts(result):
            self.become("activating", "auto-restart", result)
            self.timer = self.manager.later(self.seconds("RestartSec", 0.1), self._again)
        elif result == "success":
            self.become("inactive", "dead", result)
        else:
            self.become("failed", "failed", result)
        if starting:
            self.manager.start_over(self, "done" if result == "success" else "failed")
        self.manager.stop_over(self)

    def _restarts(self, result):
        policy = self.setting("Restart", "no")
        return not self.stopping and (policy == "always" or
                                      (policy == "on-failure" and result != "success"))

    def _again(self):
        self.timer = None
        self.restarts += 1
        self.start()

    def stop(self):
        """stop_over() follows."""
        self.stopping = True
        self._cancel("timer")
        if self.process is None:
            if self.active != "failed":
                self.become("inactive", "dead")
            self.manager.stop_over(self)
        elif self.active != "deactivating":
            self.become("deactivating", "stop-sigterm")
            self._kill(getattr(signal, str(self.setting("KillSignal", "SIGTERM"))))
            self.kill_timer = self.manager.later(self.seconds("TimeoutStopSec", 5), self._deaf)

    def _deaf(self):
        self.kill_timer = None
        self.result = "timeout"
        self._kill(signal.SIGKILL)

    def _out_of_time(self):
        self.timer = None
        self.result = "timeout"
        self.stopping = True
        self._kill(signal.SIGTERM)
        self.kill_timer = self.manager.later(self.seconds("TimeoutStopSec", 5), self._deaf)

    def _kill(self, number):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    kill = _kill

    def reset(self):
        self.starts.clear()
        if self.active == "failed":
            self.become("inactive", "dead", "success")

    def _cancel(self, name):
        timer = getattr(self, name)
        if timer is not None:
            self.manager.cancel(timer)
            setattr(self, name, None)

    def ip(self):
        """What the kernel has counted: four numbers in a file beside its own, that a test writes."""
        names = ("IPIngressBytes", "IPEgressBytes", "IPIngressPackets", "IPEgressPackets")
        try:
            with open(os.path.join(self.manager.directory, self.name + ".ip"), encoding="ascii") as f:
                numbers = [int(word) for word in f.read().split()]
        except FileNotFoundError:
            numbers = [2**64 - 1] * 4
        return {name: ("t", number) for name, number in zip(names, numbers)}

    # ---- what is told
    def properties(self, interface):
        """{name: (signature, value)}"""
        told = {}
        if interface in ("", "Unit"):
            told.update({
                "Id": ("s", self.name), "Names": ("as", [self.name]), "LoadState": ("s", self.load),
                "ActiveState": ("s", self.active), "SubState": ("s", self.sub),
                "Description": ("s", self.file.get("Unit", "Description", self.name)),
                "FragmentPath": ("s", self.file.path), "DropInPaths": ("as", self.file.paths[1:]),
                "InvocationID": ("ay", list(self.invocation)),
                "NeedDaemonReload": ("b", self.file.stamp != self.file.stamp_now()),
                "LoadError": ("(ss)", ("", "") if self.load == "loaded" else
                              ("org.freedesktop.systemd1." + self.load,
                               self.file.error or f"Unit {self.name} is {self.load}.")),
                "Job": ("(uo)", (self.job.id, self.job.path) if self.job else (0, "/")),
                "ConditionResult": ("b", self.met), "ConditionTimestamp": ("t", len(self.starts)),
                "Transient": ("b", self.transient is not None),
                "ActiveEnterTimestamp": ("t", int(self.starts[-1] * 1e6) if self.starts else 0)})
            for key in ("After", "Before", "Requires", "Wants", "BindsTo", "Requisite", "PartOf"):
                told[key] = ("as", self.relations(key))
            for key, inverse in (("Requires", "RequiredBy"), ("BindsTo", "BoundBy"),
                                 ("PartOf", "ConsistsOf")):
                told[inverse] = ("as", sorted(u.name for u in self.manager.units.values()
                                              if self.name in u.relations(key)))
        if interface in ("", "Service") and self.is_service:
            told.update({
                "Type": ("s", self.type), "Result": ("s", self.result),
                "MainPID": ("u", self.main_pid), "ExecMainPID": ("u", self.exec_pid),
                "ExecMainCode": ("i", self.code), "ExecMainStatus": ("i", self.status),
                "NRestarts": ("u", self.restarts), "ControlGroup": ("s", f"/system.slice/{self.name}" if self.main_pid else ""),
                "Slice": ("s", "system.slice"),
                "IPAccounting": ("b", str(self.setting("IPAccounting", "no")) == "yes"), **self.ip(),
                "WatchdogUSec": ("t", 0), "StatusText": ("s", ""),
                "RemainAfterExit": ("b", str(self.setting("RemainAfterExit", "no")) == "yes")})
        return told
