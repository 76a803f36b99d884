"""What the tests of this folder stand on: an X server of their own (Xvfb) with a window manager
(openbox), the hand as the typist starts it, clients to type into, TAP.

Nothing here touches the display or the buses of whoever runs it. A test waits for events; every wait
has a limit after which it fails.
"""

import atexit
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import gi

gi.require_version("GLib", "2.0")
from gi.repository import GLib  # noqa: E402

HAND = os.environ["WAGGLE_TYPIST_HAND"]
SINK_X = os.environ["WAGGLE_SINK_X"]
SINK_GTK = os.environ["WAGGLE_SINK_GTK"]
PROBE = os.environ["WAGGLE_PROBE"]
HERE = os.path.dirname(os.path.abspath(__file__))
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
LIMIT = 60  # seconds that any single wait may take, on a machine that is slow and busy
PACKET = "(usa{sv})"


class Failure(Exception):
    """A check of a test did not hold."""


def directory(prefix):
    """A new one, which goes with this process."""
    path = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def check(condition, text="check failed"):
    if not condition:
        raise Failure(text)


def equal(got, wanted, what="value"):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


def environment(**extra):
    """The environment of a client: no bus, no input method, no configuration of the user's."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LSAN_OPTIONS", "ASAN_OPTIONS")}
    keep.update({"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "NO_AT_BRIDGE": "1",
                 "GTK_IM_MODULE": "gtk-im-context-simple", "GDK_BACKEND": "x11",
                 "GSETTINGS_BACKEND": "memory"})
    keep.update(extra)
    return keep


class Process:
    """A child that says things line by line."""

    def __init__(self, argv, env):
        self.child = subprocess.Popen(DIES_WITH_US + argv, env=env, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.fd = self.child.stdout.fileno()
        self.text = b""

    def more(self, until):
        left = until - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        data = os.read(self.fd, 65536)
        self.text += data
        return bool(data)

    def line(self, limit=LIMIT):
        until = time.monotonic() + limit
        while b"\n" not in self.text:
            if not self.more(until):
                raise Failure(f"{self.child.args}: no line, only {self.text!r}")
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def tell(self, line):
        self.child.stdin.write((line + "\n").encode())
        self.child.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.line()

    def end(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Display:
    """Xvfb with a keyboard layout, and openbox unless `manager` says otherwise."""

    def __init__(self, layout="us", manager=True):
        read, write = os.pipe()
        self.server = subprocess.Popen(
            DIES_WITH_US + ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24",
                            "-nolisten", "tcp", "-noreset"],
            pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        number = b""
        while not number.endswith(b"\n"):  # it comes in two writes
            check(select.select([read], [], [], LIMIT)[0], "Xvfb does not start")
            data = os.read(read, 16)
            check(data, "Xvfb died")
            number += data
        os.close(read)
        number = number.decode().strip()
        self.name = ":" + number
        self.env = environment(DISPLAY=self.name)
        self.manager = None
        self.clients = []
        self.layout(layout)
        self.probe = self.client([PROBE])
        if manager:
            self.start_manager()

    def layout(self, layout):
        variant = []
        if "(" in layout:
            layout, variant = layout.rstrip(")").split("(")
            variant = ["-variant", variant]
        subprocess.run(["setxkbmap", "-layout", layout, *variant], env=self.env, check=True)

    def start_manager(self):
        config = tempfile.NamedTemporaryFile("w", suffix=".xml")
        config.write('<openbox_config xmlns="http://openbox.org/3.4/rc"/>')
        config.flush()
        self.config = config
        self.manager = subprocess.Popen(
            DIES_WITH_US + ["openbox", "--sm-disable", "--config-file", config.name],
            env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            out = subprocess.run(["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=self.env,
                                 capture_output=True, text=True)
            if "window id" in out.stdout:
                self.ask("sync")
                return
            time.sleep(0.02)
        raise Failure("openbox does not start")

    def client(self, argv, **env):
        client = Process(argv, {**self.env, **env})
        self.clients.append(client)
        return client

    def ask(self, line):
        return self.probe.ask(line)

    def settle(self):
        """Until the focus that a new window gets has come to rest: the manager has done what it was
        asked, the client what the manager told it, and the manager what followed from that."""
        self.ask("sync")
        self.ask("sync-client")
        self.ask("sync")

    def end(self):
        for client in self.clients:
            client.end()
        for child in (self.manager, self.server):
            if child:
                child.terminate()  # so that it takes its socket and lock file away
                child.wait(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.end()


class Hand:
    """waggle-typist-hand, started as the typist starts it."""

    def __init__(self, display, place=None, env=None):
        self.directory = place or directory("waggle-typing-")
        self.restore_file = os.path.join(self.directory, "restore")
        self.link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        self.child = subprocess.Popen(
            DIES_WITH_US + [sys.executable, "-c",
                            f"import os, sys; os.dup2({fd}, 3); os.execv(sys.argv[1], sys.argv[1:])",
                            HAND, "--restore-file=" + self.restore_file],
            env=env or display.env, pass_fds=[fd], stdin=subprocess.DEVNULL)
        theirs.close()
        self.serial = 0
        self.link.settimeout(LIMIT)
        self.answers = {}
        self.ready = self.event()

    def receive(self):
        data = self.link.recv(1 << 18)
        if not data:
            raise EOFError(f"the hand is gone: {self.child.wait(LIMIT)}")
        packet = GLib.Variant.new_from_bytes(GLib.VariantType(PACKET), GLib.Bytes.new(data), False)
        return packet.unpack()

    def event(self):
        serial, kind, args = self.receive()
        equal(serial, 0, "serial of an event")
        return kind, args

    def send(self, kind, **args):
        self.serial += 1
        packet = GLib.Variant(PACKET, (self.serial, kind, variants(args)))
        self.link.send(packet.get_data_as_bytes().get_data())
        return self.serial

    def answer(self, serial):
        while serial not in self.answers:
            got, kind, args = self.receive()
            self.answers[got] = (kind, args)
        return self.answers.pop(serial)

    def call(self, kind, **args):
        kind, reply = self.answer(self.send(kind, **args))
        if kind != "reply":
            raise Failure(f"the hand refuses: {reply}")
        return reply

    def wait_for(self, **target):
        """Until exactly that window is there; its description."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            found = self.call("windows", **target)["windows"]
            if len(found) == 1:
                return found[0]
            time.sleep(0.01)
        raise Failure(f"no window {target}: {self.call('windows')}")

    def type(self, text, **args):
        args.setdefault("idle", 0)
        return self.call("type", text=text, **args)

    def end(self):
        self.link.close()
        return self.child.wait(LIMIT)

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.link.close()


KINDS = {"pid": "u", "window": "u", "x": "i", "y": "i", "submit_delay": "t", "idle": "t",
         "quiet": "t", "timeout": "t", "settle": "t", "key_delay": "t"}


def variants(args):
    result = {}
    for key, value in args.items():
        kind = KINDS.get(key) or ("b" if isinstance(value, bool) else "s")
        result[key.replace("_", "-")] = GLib.Variant(kind, value)
    return result


class XSink:
    """The plain X client."""

    submit = "Return"

    def __init__(self, display, title="sink"):
        self.process = display.client([SINK_X, title])
        self.window = int(self.process.line().split()[1])

    def take(self, limit=LIMIT):
        return self.process.line(limit)


class GtkSink:
    submit = "Return"

    def __init__(self, display, title="gtk", kind="entry", **env):
        self.process = display.client([SINK_GTK, kind, title], **env)
        self.window = int(self.process.line().split()[1])

    def take(self, limit=LIMIT):
        return self.process.line(limit)


class XtermSink:
    submit = "Return"
    count = 0

    def __init__(self, display, title="term"):
        XtermSink.count += 1
        self.directory = directory("waggle-xterm-")
        self.path = os.path.join(self.directory, "typed")
        self.process = display.client(
            ["xterm", "-u8", "-T", title, "-n", title, "-e", sys.executable,
             os.path.join(HERE, "recorder.py"), self.path])
        self.text = b""
        self.offset = 0
        self.window = None
        equal(self.take(LIMIT), "ready", "the recorder's first line")

    def take(self, limit=LIMIT):
        until = time.monotonic() + limit
        while b"\n" not in self.text:
            if time.monotonic() > until:
                raise Failure(f"xterm: no line, only {self.text!r}")
            try:
                with open(self.path, "rb") as file:
                    file.seek(self.offset)
                    data = file.read()
            except FileNotFoundError:
                data = b""
            self.offset += len(data)
            self.text += data
            if not data:
                time.sleep(0.005)
        line, self.text = self.text.split(b"\n", 1)
        return line.decode("utf-8", "backslashreplace")


def run(tests):
    """Runs the tests (functions, first line of the doc string is the name), prints TAP."""
    bad = 0
    chosen = [t for t in tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    print(f"1..{len(chosen)}", flush=True)
    for number, test in enumerate(chosen, 1):
        name = (test.__doc__ or test.__name__).strip().split("\n")[0].rstrip(".")
        begin = time.monotonic()
        try:
            test()
            print(f"ok {number} - {name} # {time.monotonic() - begin:.1f} s", flush=True)
        except Exception:
            bad += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
    sys.exit(1 if bad else 0)
