"""waggle-typist itself, on a private socket, with the real hand on a display of the rig's."""

import os
import shutil
import subprocess
import tempfile
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from harness import DIES_WITH_US, HAND, HERE, LIMIT, Failure, check, equal, variants

TYPIST = os.environ["WAGGLE_TYPIST"]
NAME, PATH = "org.waggle.Typing1", "/org/waggle/Typing1"
PROFILES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "src", "typing")


class Call:
    """A call that is answered later."""

    def __init__(self):
        self.outcome = None

    def result(self):
        until = time.monotonic() + LIMIT
        while self.outcome is None:
            check(time.monotonic() < until, "no answer")
            GLib.MainContext.default().iteration(False) or time.sleep(0.002)
        if isinstance(self.outcome, GLib.Error):
            raise self.outcome
        return self.outcome.unpack()


class Typist:
    def __init__(self, display):
        self.display = display
        self.directory = tempfile.mkdtemp(prefix="waggle-typist-")
        self.socket = os.path.join(self.directory, "socket")
        self.child = None
        self.start()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        env = {**self.display.env, "WAGGLE_TYPIST_HAND": HAND, "RUNTIME_DIRECTORY": self.directory,
               "WAGGLE_CONFIG_PATH": PROFILES}
        self.log = open(os.path.join(self.directory, "log"), "a", encoding="utf-8")
        self.child = subprocess.Popen(
            DIES_WITH_US + [TYPIST, "--user", "--no-bus", "--listen=" + self.socket,
                            "--state-dir=" + self.directory], env=env, stderr=self.log)
        until = time.monotonic() + LIMIT
        while True:
            try:
                self.bus = Gio.DBusConnection.new_for_address_sync(
                    "unix:path=" + self.socket, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None,
                    None)
                self.bus.set_exit_on_close(False)
                return
            except GLib.Error:
                check(self.child.poll() is None and time.monotonic() < until, self.said())
                time.sleep(0.01)

    def said(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8") as f:
            return f.read()

    def call(self, method, signature="()", *args):
        call = Call()

        def answered(connection, result):
            try:
                call.outcome = connection.call_finish(result)
            except GLib.Error as error:
                call.outcome = error

        self.bus.call(None, PATH, NAME, method, GLib.Variant(signature, args), None,
                      Gio.DBusCallFlags.NONE, LIMIT * 1000, None, answered)
        return call

    def begin(self, text, target, **options):
        options.setdefault("idle", 0)
        return self.call("Type", "(sa{sv}a{sv})", text, variants(target), variants(options))

    def type(self, text, target, **options):
        return self.begin(text, target, **options).result()

    def wait_for(self, **target):
        """Until exactly that window is there, and has had the focus that a new one gets."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            found = self.call("ListWindows", "(a{sv})", variants(target)).result()[0]
            if len(found) == 1:
                self.display.settle()
                return found[0]
            time.sleep(0.01)
        raise Failure(f"no window {target}: {self.said()}")

    def hand(self):
        """The hand's process id."""
        path = f"/proc/{self.child.pid}/task/{self.child.pid}/children"
        with open(path, encoding="ascii") as f:
            children = f.read().split()
        equal(len(children), 1, "children of the typist")
        return int(children[0])

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self):
        self.child.terminate()
        status = self.child.wait(LIMIT)
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        equal(status, 0, "exit status of the typist")
