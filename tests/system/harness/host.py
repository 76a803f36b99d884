"""host: what every machine of the tests can do, however commands get into it.

A machine is a real systemd as process 1 with our package. Its class says how it is booted and how one
command is run in it (execute); all else stands here.
"""

import json
import subprocess
import time

from harness import roots

INSIDE = "/srv/waggle-tests"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUS_NAME = "org.waggle.Messaging1"
SERVICE = "waggle-messaged.service"
SOCKET = "waggle-messaged.socket"
EMPTY = "@a{sv} {}"


class CallError(Exception):
    """A D-Bus call that was answered with an error."""

    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def octets(data):
    """`data` as an array of bytes in the text form of GVariant."""
    return "@ay [" + ", ".join(f"0x{b:02x}" for b in data) + "]"


class Host:
    def __init__(self):
        self._since = "@0"

    def execute(self, argv, variables, stdin, timeout):
        """Runs a command as root with this environment; returns a subprocess.CompletedProcess."""
        raise NotImplementedError

    def console(self):
        raise NotImplementedError

    # -- doing things in it

    def run(self, *argv, user=None, check=True, env=None, timeout=60, stdin=None):
        """Runs a command, as root or as the test user `user`."""
        enter = []
        variables = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/root"}
        if user:
            uid = str(roots.USERS[user])
            enter = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups"]
            variables |= {"HOME": f"/home/{user}", "USER": user, "XDG_RUNTIME_DIR": f"/run/user/{uid}"}
        done = self.execute(enter + [str(a) for a in argv], variables | (env or {}), stdin, timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, argv))} failed ({done.returncode}): {done.stdout}{done.stderr}")
        return done

    def out(self, *argv, **options):
        return self.run(*argv, **options).stdout.strip()

    def show(self, unit, key, user=None):
        scope = ["--user"] if user else []
        return self.out("systemctl", *scope, "show", "--value", "-p", key, unit, user=user)

    def wait(self, what, condition, timeout=20):
        """Until `condition` is true; returns what it returned. A limit is for what never comes: a minute at least."""
        timeout = max(timeout, 60)
        end = time.monotonic() + timeout
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {timeout} s")
            time.sleep(0.02)

    def is_up(self):
        # --wait may miss the moment and then waits for ever
        done = self.run("systemctl", "is-system-running", check=False)
        return done.stdout.strip() if done.stdout.strip() in ("running", "degraded") else None

    def wait_state(self, unit, state, timeout=20, user=None):
        self.wait(f"{unit} {state}", lambda: self.show(unit, "ActiveState", user=user) == state, timeout)

    def call(self, method, arguments="()", door="socket", user=None, interface=BUS_NAME, path=None, interactive=False, file=None):
        """One D-Bus call; `arguments` is a tuple in the text form of GVariant; `file` is handle 0 of them."""
        argv = ["/usr/bin/python3", f"{INSIDE}/call.py", door, interface, method, arguments]
        argv += ["--path", path] if path else []
        argv += ["--file", file] if file else []
        argv += ["--interactive"] if interactive else []
        done = self.run(*argv, user=user, check=False)
        reply = json.loads(done.stdout) if done.stdout else {"error": "none", "text": done.stderr}
        if "error" in reply:
            raise CallError(reply["error"], reply["text"])
        return reply["reply"]

    def call_all(self, calls, door="socket", user=None):
        """Many calls to one service over one connection, each (interface, method, arguments, path, file): for each the
        short name of its error, or None."""
        done = self.run("/usr/bin/python3", f"{INSIDE}/call.py", door, "batch", user=user, stdin=json.dumps(calls))
        return [r["error"].rsplit(".", 1)[-1] if "error" in r else None for r in json.loads(done.stdout)]

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

    def ack(self, token, **options):
        self.call("Ack", f"(uint64 {token}, {EMPTY})", **options)

    def receipts(self, number, **options):
        """What happened to a message, the oldest first: [(agent, state, time, cause, actor)]."""
        return [tuple(r) for r in self.call("GetReceipts", f"(uint64 {number}, {EMPTY})", **options)[0]]

    def states(self, number, **options):
        return [receipt[1] for receipt in self.receipts(number, **options)]

    def wait_receipt(self, number, state, timeout=30, **options):
        """Until a message has this receipt; the ones that it has are told if it does not come."""
        try:
            self.wait(state, lambda: state in self.states(number, **options), timeout)
        except AssertionError as error:
            raise AssertionError(f"message {number} is not {state}: {self.receipts(number, **options)}") from error

    def configure(self, text, name="50-test", daemon="messaged"):
        """A drop-in of a daemon's configuration; '' removes it."""
        path = f"/etc/waggle/{daemon}.conf.d/{name}.conf"
        if text:
            self.run("mkdir", "-p", f"/etc/waggle/{daemon}.conf.d")
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
