"""What the crash tests of deployments stand on: waggle-deployd itself on a private bus, a mock of
systemd that really runs services, one target, and a library that lets the daemon die, or its calls
fail, at the n-th durable call (fault.c).

One world lives through a whole test: each deployment is cut off somewhere, the daemon is started
again, and what the table of states promises is compared with what is there: the link, the tree
(byte by byte, by our own proof), the running process, the data, and what the daemon says.
"""

import contextlib
import faulthandler
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

from harness import Client, Daemon, Error, check, equal, wait_for  # noqa: F401
from mock_systemd import MockSystemd

NAME = "org.waggle.Deployment1"
PATH = "/org/waggle/Deployment1"
HAND = os.environ["WAGGLE_DEPLOY_HAND"]
FAULT = os.environ["WAGGLE_FAULT_LIBRARY"]
PRELOAD = os.environ.get("WAGGLE_TEST_PRELOAD", "")  # the sanitizer's library comes first
UNIT = "shop.service"
LIMIT = 120  # seconds; the sync of a release waits for whatever else this machine writes


class State:
    def __init__(self, line):
        self.name, self.crash, is_end, changed = line.split()
        self.is_end, self.changed = is_end == "1", changed == "1"


def states():
    """The table, out of the code."""
    text = subprocess.run([HAND, "states"], check=True, capture_output=True, text=True).stdout
    return {state.name: state for state in map(State, text.splitlines())}


class World(Daemon):
    program = os.environ["WAGGLE_DEPLOYD"]
    config_name = "deployd.conf"

    def __init__(self):
        self.fault, self.watched, self.closed = None, None, False
        self.hanging_up = threading.Lock()
        super().__init__(scope="user", bus=True, start=False)
        self.root = os.path.join(self.directory, "root")
        self.units = os.path.join(self.directory, "units")
        self.data = os.path.join(self.directory, "data")
        self.counted = os.path.join(self.directory, "counted")
        self.lifted = os.path.join(self.directory, "lifted")
        os.makedirs(os.path.join(self.directory, "run"))
        os.mkdir(self.data)
        self.configure(f"[Programs]\nUnitDirectory={self.units}\n")
        self.mock = MockSystemd(self.bus.address, self.units, self.directory)
        self.number = 0
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def clean_up(self):
        self.closed = True
        self.watcher.join()
        self.mock.stop()
        super().clean_up()

    # ---- the daemon and its faults
    def environment(self):
        env = super().environment()
        env["RUNTIME_DIRECTORY"] = env["XDG_RUNTIME_DIR"] = os.path.join(self.directory, "run")
        if self.fault is not None:
            env["LD_PRELOAD"] = (PRELOAD + " " + FAULT).strip()
            env["WAGGLE_FAULT"] = self.fault
            env["WAGGLE_FAULT_COUNT"] = self.counted
            env["WAGGLE_FAULT_END"] = self.lifted
        return env

    def start_faulty(self, how, n):
        """True: it lives; False: it was killed before it was ready."""
        for path in (self.counted, self.lifted):
            if os.path.exists(path):
                os.unlink(path)
        self.fault = f"{how}:{n}"
        self.start(wait=False)
        self.fault = None
        try:
            self.wait_notify("READY=1")
        except Exception:
            if self.process.poll() is None:
                raise
            return False
        return True

    def count(self):
        with open(self.counted, "rb") as f:
            return struct.unpack("=Q", f.read(8))[0]

    def dead(self):
        return self.process.poll() is not None

    def killed_by_leaving(self):
        """Asked to leave; True when the kill met it on its way out."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(LIMIT) == -signal.SIGKILL:
            return True
        equal(self.process.returncode, 0, "exit status of the daemon")
        self.process = None
        return False

    def wait_dead(self):
        equal(self.process.wait(LIMIT), -signal.SIGKILL, "how the daemon ended")
        self.process = None

    def hang_up(self):
        """Two threads do so, and who knocked may be gone: the socket does not block, the daemon has seen to that."""
        with self.hanging_up, contextlib.suppress(BlockingIOError):
            while select.select([self.listener], [], [], 0)[0]:
                self.listener.accept()[0].close()

    def watch(self):
        """A thread: who knocks at a daemon that is dead is not left waiting for ever, as nobody is
        whose socket systemd holds: it would start the daemon."""
        while not self.closed:
            process = self.watched
            if process is not None and process.poll() is not None and process is self.watched:
                self.hang_up()
            time.sleep(0.02)

    @contextlib.contextmanager
    def limited(self, what, seconds=240):
        """What takes longer hangs: where everybody stands is told, and the daemon is killed, which ends the waiting."""
        over = threading.Event()

        def tell():
            if over.wait(seconds):
                return
            print(f"# {what}: not over after {seconds} s", file=sys.stderr, flush=True)
            faulthandler.dump_traceback(sys.stderr)
            if self.process is not None:
                for task in sorted(os.listdir(f"/proc/{self.process.pid}/task")):
                    for name in ("comm", "wchan", "syscall"):
                        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{task}/{name}",
                                                                encoding="ascii", errors="replace") as f:
                            print(f"# {task} {name}: {f.read().strip()}", file=sys.stderr, flush=True)
                self.process.kill()

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def start(self, wait=True):
        self.watched = None
        super().start(wait=False)
        self.watched = self.process
        if wait:
            self.wait_notify("READY=1")

    def forget(self):
        """The clients of a daemon that is gone; its knocks on the socket, too."""
        for client in self.clients:
            client.close()
        self.clients = []
        self.hang_up()
        try:
            while True:
                self.notify.recv(65536)
        except socket.timeout:
            pass

    def reboot(self):
        """Everything dies at once, services as well; then the recovery of the boot runs, and
        systemd comes up and starts what is enabled."""
        self.mock.process.kill()
        self.mock.process.wait()
        done = subprocess.run([self.program, "--recover", "--user", "--state-dir=" + self.state],
                              env=self.environment(), capture_output=True, text=True, check=False)
        equal(done.returncode, 0, "the recovery at boot: " + done.stderr)
        link = self.current()
        self.mock = MockSystemd(self.bus.address, self.units, self.directory)
        if os.path.exists(os.path.join(self.units, UNIT)):
            self.manager("StartUnit", "(ss)", UNIT, "replace")
            wait_for(lambda: self.runs() is not None, "the unit after the boot")
        return link

    def manager(self, method, signature, *args):
        client = Client(self.bus.address, over_bus=True)
        client.destination = "org.freedesktop.systemd1"
        try:
            return client.raw(method, signature, *args, path="/org/freedesktop/systemd1",
                              interface="org.freedesktop.systemd1.Manager")
        finally:
            client.close()

    # ---- deployments
    def release(self, good=True, confirm=None):
        """A new release with its manifest: (path, version)."""
        self.number += 1
        version = f"v{self.number}"
        source = os.path.join(self.directory, "source")
        shutil.rmtree(source, ignore_errors=True)
        os.makedirs(os.path.join(source, "units"))
        with open(os.path.join(source, "run"), "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho {version} >>{self.data}/log\n"
                    f"echo $$ {version} >{self.directory}/answer.new\n"
                    f"mv {self.directory}/answer.new {self.directory}/answer\nexec sleep 100000\n")
            os.chmod(f.name, 0o755)
        with open(os.path.join(source, "units", UNIT), "w", encoding="utf-8") as f:
            f.write("[Unit]\nDescription=shop\nStartLimitIntervalSec=0\n[Service]\nType=simple\n"
                    f"ExecStart={self.root}/current/run\n")
        wanted = version if good else "another"
        manifest = {
            "name": "shop", "version": version,
            "target": {"name": "shop", "root": self.root},
            "artifacts": [{"source": "source"}],
            "units": {"install": ["units/" + UNIT], "start": [UNIT]},
            "backup": [os.path.join(self.directory, "config", "deployd.conf")],
            "state": {"directory": self.data, "schema": 1, "reads": "1", "writes": 1,
                      "snapshot": True},
            "retention": {"count": 3, "failed": 1},
            "checks": [{"file": self.directory + "/answer", "name": "answer", "timeout": "2s",
                        "expect": {"content": {"contains": wanted + "\n"}},
                        "attempts": 30 if good else 1, "pause": "50ms"}],
        }
        if confirm:
            manifest["strategy"] = {"confirm": confirm}
        path = os.path.join(self.directory, "manifest.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(manifest, f)
        return path, version

    def deploy(self, path):
        """The job's path, or None when the daemon died over it or refused for the fault's sake."""
        with open(path, "rb") as f:
            try:
                # sd-bus refuses descriptors that come in one read with the end of GDBus's greeting
                client = self.client()
                client.raw("Ping", "()", path=PATH, interface=NAME)
                return client.raw("Deploy", "(hsa{sv})", 0, self.directory, {}, path=PATH,
                                  interface=NAME, fds=[f.fileno()])[0]
            except Exception:
                return None

    def ask(self, method, signature, *args):
        return self.client().raw(method, signature, *args, path=PATH, interface=NAME)

    def newest(self):
        """(number, state) of the newest transaction as a start would find it; None: there is none.
        A copy is read, since reading changes the log."""
        copy = tempfile.mkdtemp(dir=self.directory)
        for name in os.listdir(self.state):
            if name.startswith("deployments.db"):
                shutil.copy(os.path.join(self.state, name), copy)
        try:
            db = sqlite3.connect(os.path.join(copy, "deployments.db"))
            row = db.execute("SELECT id, state FROM txn ORDER BY id DESC LIMIT 1").fetchone()
            db.close()
            return row
        except sqlite3.OperationalError:
            return None
        finally:
            shutil.rmtree(copy)

    def settle(self, confirm=True):
        """Waits until nothing is under way; what waits for a confirmation gets it."""
        client = self.client()
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                live = self.live(client)
            except Error:  # a question in the batch whose sync failed: it is asked again
                live = None
            if live == []:
                return
            if live and live[0]["state"] == "verified" and confirm:
                try:
                    client.raw("Confirm", "(ta{sv})", live[0]["id"], {}, path=PATH, interface=NAME)
                except Error:
                    pass
            time.sleep(0.05)
        raise AssertionError(f"still under way: {live}")

    @staticmethod
    def live(client):
        from gi.repository import GLib
        return client.raw("ListDeployments", "(a{sv})", {"active": GLib.Variant("b", True)},
                          path=PATH, interface=NAME)[0]

    # ---- what is there
    def current(self):
        try:
            return os.readlink(os.path.join(self.root, "current")).removeprefix("releases/")
        except FileNotFoundError:
            return None

    def runs(self):
        """(pid, version) of the service that answers, if it is alive."""
        try:
            with open(os.path.join(self.directory, "answer"), encoding="utf-8") as f:
                pid, version = f.read().split()
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return None if f.read().split()[2] == "Z" else (int(pid), version)
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None

    def version_of(self, release):
        with open(os.path.join(self.root, "releases", release, "run"), encoding="utf-8") as f:
            return f.read().split()[2]

    def versions(self):
        """Of all releases that have a name."""
        names = os.listdir(os.path.join(self.root, "releases"))
        return {self.version_of(name) for name in names if not name.endswith(".tree")}

    def log(self):
        with open(os.path.join(self.data, "log"), encoding="utf-8") as f:
            return f.read().split()

    def check_whole(self, what):
        """What holds at any time: one release is current, it is proven, it is the one that runs."""
        release = self.current()
        check(release is not None, f"{what}: nothing is current")
        done = subprocess.run([HAND, "prove", self.root, "shop", release], capture_output=True,
                              text=True, check=False)
        equal(done.returncode, 0, f"{what}: the proof of {release}: {done.stderr}")
        wait_for(lambda: self.runs() is not None, f"{what}: a running service")
        equal(self.runs()[1], self.version_of(release), f"{what}: the version that runs")
        return release
