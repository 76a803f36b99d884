"""What the tests of this folder stand on: a private message bus, the daemon, clients, TAP.

Nothing here touches the machine's own buses or services. The harness plays systemd: it owns the
listening socket, passes it to the daemon ($LISTEN_FDS), hears READY=1 on a notify socket of its
own, and starts the daemon again when a client knocks after an idle exit. A test waits for events;
every wait has a limit after which it fails.
"""

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent import futures

from client import Client, Error, wait_for  # noqa: F401 (the tests take them from here)

DAEMON = os.environ.get("WAGGLE_MESSAGED", "waggle-messaged")
HERE = os.path.dirname(os.path.abspath(__file__))
# Nothing outlives a test that was killed.
DIES_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]
LIMIT = 60  # seconds that any single wait may take, on a machine that is slow and busy
OTHERS = (65534, 1)  # second and third uid, for what strangers may not do; the bus wants known ones

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/><allow send_type="method_return"/>
    <allow send_type="signal"/><allow send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="signal"/><allow receive_type="error"/>
  </policy>
</busconfig>
"""


class Failure(Exception):
    """A check of a test did not hold."""


class Skip(Exception):
    """The test cannot run here; the text says why."""


def check(condition, text="check failed"):
    if not condition:
        raise Failure(text)


def equal(got, wanted, what="value"):
    if got != wanted:
        raise Failure(f"{what}: got {got!r}, wanted {wanted!r}")


def refused(wanted, call, *args, text=None, **kwargs):
    """`call` has to fail with org.waggle.Error.<wanted>; returns the error."""
    try:
        result = call(*args, **kwargs)
    except Error as error:
        full = wanted if "." in wanted else "org.waggle.Error." + wanted
        equal(error.name, full, f"error name ({error})")
        if text is not None:
            check(text in error.text, f"'{text}' is not in the error's text: {error.text}")
        return error
    raise Failure(f"{wanted} was expected, the call succeeded: {result!r}")


def listens(path):
    """Somebody takes connections there; a path is there a moment earlier."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        return s.connect_ex(path) == 0


def whole_lines(path):
    """Of a file that is written meanwhile, or not there yet: its last line may be half there."""
    try:
        with open(path, encoding="utf-8") as f:
            return [line[:-1] for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return []


def need_root():
    if os.getuid() != 0:
        raise Skip("needs root to become a second uid")


class Bus:
    """A message bus of our own."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "bus")
        self.address = "unix:path=" + self.path
        services = os.path.join(directory, "services")
        os.makedirs(services, exist_ok=True)
        config = os.path.join(directory, "bus.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(BUS_CONFIG.format(kind="system", path=self.path, services=services))
        self.process = subprocess.Popen(
            DIES_WITH_US + ["dbus-daemon", "--config-file=" + config, "--nofork",
                            "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdout.readline()  # it listens now

    def reload(self):
        """Reads its directory of services again."""
        subprocess.run(["dbus-send", "--bus=" + self.address, "--print-reply",
                        "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus.ReloadConfig"], check=True,
                       stdout=subprocess.DEVNULL)

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.process = None


class Daemon:
    """waggle-messaged with state, configuration and socket in one scratch directory."""

    program = DAEMON
    config_name = "messaged.conf"

    def __init__(self, scope="user", bus=False, config=None, idle=None, start=True):
        self.directory = tempfile.mkdtemp(prefix="waggle-bus-")
        os.chmod(self.directory, 0o755)
        self.scope = scope
        self.idle = idle
        self.state = os.path.join(self.directory, "state")
        self.config_dir = os.path.join(self.directory, "config")
        self.path = os.path.join(self.directory, "socket")
        self.address = "unix:path=" + self.path
        self.log_path = os.path.join(self.directory, "log")
        self.process = None
        self.clients = []
        self.helpers = []
        os.mkdir(self.state, 0o700)
        os.mkdir(self.config_dir)
        self.configure(config or "")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        os.chmod(self.path, 0o666)
        self.listener.listen(4096)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(os.path.join(self.directory, "notify"))
        self.notify.settimeout(0.1)
        self.bus = Bus(self.directory) if bus else None
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            for helper in self.helpers:
                helper.stop()
            for client in self.clients:
                client.close()
            self.stop(check_status=kind is None)
        finally:
            if kind is not None and not issubclass(kind, Skip):
                sys.stderr.write("".join("# daemon: " + line for line in self.log_lines()))
            self.clean_up()

    def clean_up(self):
        if self.bus:
            self.bus.stop()
        self.listener.close()
        self.notify.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def configure(self, text):
        with open(os.path.join(self.config_dir, self.config_name), "w", encoding="utf-8") as f:
            f.write(text)

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("DBUS_", "LISTEN_"))}
        env["WAGGLE_CONFIG_PATH"] = self.config_dir
        env["NOTIFY_SOCKET"] = os.path.join(self.directory, "notify")
        env["WAGGLE_IDLE_EXIT"] = self.idle or "never"
        env.pop("JOURNAL_STREAM", None)
        if self.bus:
            env["DBUS_SYSTEM_BUS_ADDRESS"] = env["DBUS_SESSION_BUS_ADDRESS"] = self.bus.address
        return env

    def start(self, wait=True):
        """As systemd starts it: the socket is descriptor 3."""
        args = ["--" + self.scope, "--state-dir=" + self.state]
        if not self.bus:
            args.append("--no-bus")
        script = 'exec 3<&"$WAGGLE_TEST_FD"; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=private ' \
                 'exec "$@"'
        env = self.environment()
        env["WAGGLE_TEST_FD"] = str(self.listener.fileno())
        self.read_notify()  # a reload said READY=1, too: that was the one before
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                DIES_WITH_US + ["bash", "-c", script, "sh", self.program] + args, env=env,
                pass_fds=[self.listener.fileno()], stderr=log, stdout=log)
        if wait:
            self.wait_notify("READY=1")

    def wait_notify(self, word):
        """Reads what the daemon tells systemd until `word` comes."""
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                text = self.notify.recv(65536).decode()
            except socket.timeout:
                if self.process is not None and self.process.poll() is not None:
                    raise Failure(f"the daemon ended ({self.process.returncode}) before {word}: "
                                  + "".join(self.log_lines()[-3:])) from None
                if time.monotonic() > deadline:
                    raise Failure(f"the daemon never said {word}") from None
                continue
            if word in text:
                return text

    def wait_end(self):
        """What nobody has read fills the notify socket in a test that lasts long, and a daemon that
        wants to say that it stops waits there: then it is read, as systemd would have."""
        try:
            return self.process.wait(2)
        except subprocess.TimeoutExpired:
            pass
        self.read_notify()
        return self.process.wait(LIMIT)

    def read_notify(self):
        """All that it has told systemd so far; a queue has ten places, a reload takes two."""
        self.notify.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while self.notify.recv(65536):
                pass
        self.notify.settimeout(0.1)

    def stop(self, check_status=True, sig=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(sig)
        try:
            status = self.wait_end()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = "killed after the time limit"
        self.process = None
        if check_status and sig == signal.SIGTERM and status != 0:
            last = " | ".join(line.strip() for line in self.log_lines()[-8:])
            # Its tracer falls over a thread that ends at that very moment; it has found nothing then.
            check("LeakSanitizer has encountered a fatal error" in last, f"the daemon ended with {status}: {last}")

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig=sig)
        self.start()

    def client(self, over_bus=False):
        connect = functools.partial(Client, self.bus.address if over_bus else self.address, over_bus)
        client = connect() if over_bus or not self.idle or self.process is None else self.knock(connect)
        self.clients.append(client)
        return client

    def knock(self, connect):
        """Starts the daemon again when it has left as idle just before it is connected to."""
        with futures.ThreadPoolExecutor(1) as pool:  # what this thread starts must not end with it
            answer = pool.submit(connect)
            while not futures.wait([answer], 0.01).done:
                if self.process.poll() == 0:
                    self.start(wait=False)
        return answer.result()

    def as_uid(self, uid, over_bus=False):
        """A client process of another uid."""
        need_root()
        helper = Stranger(uid, self.bus.address if over_bus else self.address, over_bus)
        self.helpers.append(helper)
        return helper

    def log_lines(self):
        if not os.path.exists(self.log_path):
            return []
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.readlines()

    def wait_log(self, text):
        wait_for(lambda: any(text in line for line in self.log_lines()), f"'{text}' in the log")


class Stranger:
    """client.py in a process of another uid; calls are written as GVariant text."""

    def __init__(self, uid, address, over_bus):
        # The build tree need not be readable for everybody.
        self.directory = tempfile.mkdtemp(prefix="waggle-stranger-")
        os.chmod(self.directory, 0o755)
        script = shutil.copy(os.path.join(HERE, "client.py"), self.directory)
        os.chmod(script, 0o644)
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--pdeathsig=KILL",
             sys.executable, script, address, "bus" if over_bus else "private"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def ask(self, method, text="()", signature="()", interface=None, path=None, interactive=False,
            destination=None):
        """Sends the call; answer() reads what comes back."""
        request = {"method": method, "args": text, "signature": signature, "path": path,
                   "interface": interface, "interactive": interactive, "destination": destination}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def answer(self):
        """GVariant text; raises Error."""
        line = self.process.stdout.readline()
        if not line:
            raise Error("local.Closed", "the other uid's process has ended", ())
        answer = json.loads(line)
        if "error" in answer:
            raise Error(answer["error"], answer["text"], ())
        return answer["result"]

    def call(self, *args, **kwargs):
        self.ask(*args, **kwargs)
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def main(module):
    """Runs the functions of `module` that are named test_*, in order, and prints TAP."""
    wanted = sys.argv[1:]
    tests = [f for name, f in module.items()
             if name.startswith("test_") and (not wanted or name in wanted)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("test_", "").replace("_", " ")
        begin = time.monotonic()
        try:
            test()
            line = f"ok {number} - {name}"
        except Skip as why:
            line = f"ok {number} - {name} # SKIP {why}"
        except Exception as why:  # whatever it is, the next test runs
            failed += 1
            line = f"not ok {number} - {name}\n# {type(why).__name__}: {why}"
            if not isinstance(why, Failure):
                line += "\n# " + traceback.format_exc().rstrip().replace("\n", "\n# ")
        print(f"{line}\n# {time.monotonic() - begin:.2f} s", flush=True)
    sys.exit(1 if failed else 0)
