"""machine: a booted Debian with our package in it, in a container.

It is a real systemd as process 1, with a private network, cut off from the host's systemd. Commands
enter its namespaces directly. State written by a test lives in the machine's own layer: it survives
reboot() and goes away with the machine.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import roots

INSIDE = "/srv/waggle-tests"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUS_NAME = "org.waggle.Messaging1"
SERVICE = "waggle-messaged.service"
SOCKET = "waggle-messaged.socket"


class CallError(Exception):
    """A D-Bus call that was answered with an error."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def octets(data):
    """`data` as an array of bytes in the text form of GVariant."""
    return "@ay [" + ", ".join(f"0x{b:02x}" for b in data) + "]"


def _die_with_parent():
    # SIGTERM, because systemd-nspawn that is killed leaves its machine running
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Machine:
    def __init__(self, package=True):
        self._layers = roots.layers() if package else [roots.base()]
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix=f"machine-{os.getpid()}-", dir=roots.cache()))
        self.root = self._directory / "root"
        self._process = None
        self._init = None
        self._since = "@0"

    def __enter__(self):
        roots.overlay(self._layers, self._directory / "own", self.root)
        try:
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                if self._init:
                    os.kill(int(self._init), signal.SIGKILL)
                self._process.kill()
                self._process.wait()
        subprocess.run(["umount", "--lazy", self.root], check=False)
        shutil.rmtree(self._directory, ignore_errors=True)

    # -- its life

    def boot(self):
        inside = pathlib.Path(__file__).resolve().parents[1] / "inside"
        argv = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
                f"--bind-ro={inside}:{INSIDE}", "--bind-ro=" + str(roots.package()) + ":/srv/package",
                "--hostname=waggle-test", "-D", str(self.root), "/sbin/init"]  # fmt: skip
        with open(self._directory / "console", "ab") as console:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=_die_with_parent
            )
        self._init = self.wait("process 1", self._find_init, 30)
        state = self.wait("systemd", self._is_up, 60)
        assert state == "running", f"the machine is {state}: " + self.run("systemctl", "--failed", "--no-pager").stdout

    def _find_init(self):
        assert self._process.poll() is None, "systemd-nspawn ended: " + self.console()
        pid = str(self._process.pid)
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        for child in children:
            try:
                status = pathlib.Path(f"/proc/{child}/status").read_text(encoding="ascii").splitlines()
            except FileNotFoundError:
                continue
            fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
            if fields["Name"] == "systemd" and fields["NSpid"].split()[-1] == "1":
                return child
        return None

    def _is_up(self):
        # --wait may miss the moment and then waits for ever
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() if done.stdout.strip() in ("running", "degraded") else None

    def console(self):
        return (self._directory / "console").read_text(encoding="utf-8", errors="replace")[-3000:]

    def reboot(self):
        """Shuts down in order and boots again from the same disk."""
        self.run("systemctl", "poweroff")
        self._process.wait(60)
        self.boot()

    # -- doing things in it

    def run(self, *argv, user=None, check=True, env=None, timeout=60, stdin=None):
        """Runs a command, as root or as the test user `user`."""
        enter = ["nsenter", "-t", self._init, "-a", "--wdns=/"]
        variables = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        if user:
            uid = str(roots.USERS[user])
            enter += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups"]
            variables |= {"HOME": f"/home/{user}", "USER": user, "XDG_RUNTIME_DIR": f"/run/user/{uid}"}
        variables |= env or {}
        done = subprocess.run(
            enter + [str(a) for a in argv], env=variables, input=stdin, text=True, errors="replace",
            capture_output=True, check=False, timeout=timeout,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))} failed ({done.returncode}): {done.stdout}{done.stderr}")
        return done

    def out(self, *argv, **options):
        return self.run(*argv, **options).stdout.strip()

    def show(self, unit, key, user=None):
        scope = ["--user"] if user else []
        return self.out("systemctl", *scope, "show", "--value", "-p", key, unit, user=user)

    def wait(self, what, condition, timeout=20):
        """Until `condition` is true; returns what it returned."""
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {timeout} s")
            time.sleep(0.02)

    def wait_state(self, unit, state, timeout=20, user=None):
        self.wait(f"{unit} {state}", lambda: self.show(unit, "ActiveState", user=user) == state, timeout)

    def call(self, method, arguments="()", door="socket", user=None, interface=BUS_NAME, path=None, interactive=False):
        """One D-Bus call; `arguments` is a tuple in the text form of GVariant."""
        argv = ["/usr/bin/python3", f"{INSIDE}/call.py", door, interface, method, arguments]
        argv += ["--path", path] if path else []
        argv += ["--interactive"] if interactive else []
        done = self.run(*argv, user=user, check=False)
        reply = json.loads(done.stdout) if done.stdout else {"error": "none", "text": done.stderr}
        if "error" in reply:
            raise CallError(reply["error"], reply["text"])
        return reply["reply"]

    def refused(self, name, method, arguments="()", **options):
        """The call must be answered with this error of ours; returns its text."""
        try:
            reply = self.call(method, arguments, **options)
        except CallError as error:
            short = error.name.removeprefix("org.waggle.Error.").removeprefix("org.freedesktop.DBus.Error.")
            names = (name,) if isinstance(name, str) else name
            assert short in names, f"expected {name}, got {error}"
            return error.text
        raise AssertionError(f"{method} was allowed, with the reply {reply}")

    # -- what nearly every test does

    def register(self, name, **options):
        return self.call("RegisterAgent", f"('{name}', @a{{sv}} {{}})", **options)

    def send(self, to, text, fields="", **options):
        """Returns the number of the message."""
        body = octets(text.encode())
        return self.call("Send", f"('{to}', {body}, @a{{sv}} {{{fields}}})", **options)[0]

    def receive(self, agent, fields="", **options):
        """Returns [(number, token, sender, text, fields)]."""
        got = self.call("Receive", f"('{agent}', @a{{sv}} {{{fields}}})", **options)[0]
        return [(row[0], row[1], row[2], bytes(row[3]).decode(), row[4]) for row in got]

    def configure(self, text, name="50-test"):
        """A drop-in of the daemon's configuration; '' removes it."""
        path = f"/etc/waggle/messaged.conf.d/{name}.conf"
        if text:
            self.run("mkdir", "-p", "/etc/waggle/messaged.conf.d")
            self.run("tee", path, stdin=text)
        else:
            self.run("rm", "-f", path)

    def drop_in(self, unit, text):
        """A drop-in of a unit, until the next boot; '' removes it."""
        directory = f"/run/systemd/system/{unit}.d"
        if text:
            self.run("mkdir", "-p", directory)
            self.run("tee", f"{directory}/50-test.conf", stdin=text)
        else:
            self.run("rm", "-rf", directory)
        self.run("systemctl", "daemon-reload")

    def journal(self, *matches, since=None):
        """Entries as dictionaries, oldest first; those of this test unless `since` says otherwise."""
        self.run("journalctl", "--sync")
        argv = ["journalctl", "--quiet", "--no-pager", "-o", "json", "--all", "--since", since or self._since, *matches]
        return [json.loads(line) for line in self.run(*argv).stdout.splitlines()]

    # -- for tap

    def test_begin(self):
        self._since = "@%.6f" % time.time()

    def test_journal(self):
        try:
            self.run("journalctl", "--sync")
            lines = self.out("journalctl", "--no-pager", "-o", "short-precise", "--since", self._since).splitlines()
            return "\n".join(lines[-80:])  # with --since, -n would give the first ones
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            return f"no journal: {error}\n{self.console()}"
