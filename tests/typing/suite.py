"""The whole road on a display of its own: messaged, the courier and the typist on a private bus,
and the command line. Each is the real program; only systemd is not there, so all are started by
hand and none leaves when idle."""

import json
import os
import shutil
import subprocess
import tempfile
import time

from harness import DIES_WITH_US, LIMIT, Failure, check, environment

PROGRAMS = {name: os.environ["WAGGLE_" + name.upper()] for name in
            ("messaged", "courier", "typist", "typist_hand")}
WAGGLE = os.environ["WAGGLE"]


class Suite:
    def __init__(self, display):
        self.display = display
        self.directory = tempfile.mkdtemp(prefix="waggle-e2e-")
        self.children = {}
        for name in ("run/waggle", "config"):
            os.makedirs(self.path(name))
        self.bus = "unix:path=" + self.path("bus")
        self.env = environment(
            DISPLAY=display.name, DBUS_SESSION_BUS_ADDRESS=self.bus,
            XDG_RUNTIME_DIR=self.path("run"), WAGGLE_CONFIG_PATH=self.path("config"),
            XDG_CONFIG_HOME=self.path("config"),
            WAGGLE_IDLE_EXIT="never", WAGGLE_ADDRESS="unix:path=" + self.socket("messaging"),
            WAGGLE_TYPIST_HAND=PROGRAMS["typist_hand"], TZ="UTC")
        self.spawn("bus", ["dbus-daemon", "--session", "--nofork", "--nopidfile",
                           "--address=" + self.bus], self.path("bus"))
        for name, socket in (("messaged", "messaging"), ("courier", "delivery"),
                             ("typist", "typing")):
            self.start(name, socket)

    def path(self, name):
        return os.path.join(self.directory, name)

    def socket(self, name):
        return self.path("run/waggle/" + name)

    def start(self, name, socket):
        state = self.path("state-" + name)
        os.makedirs(state, mode=0o700, exist_ok=True)
        self.spawn(name, [PROGRAMS[name], "--user", "--state-dir=" + state,
                          "--listen=" + self.socket(socket)], self.socket(socket))

    def spawn(self, name, argv, there):
        with open(self.path(name + ".log"), "ab") as log:
            self.children[name] = subprocess.Popen(DIES_WITH_US + argv, env=self.env, stdout=log,
                                                   stderr=log, stdin=subprocess.DEVNULL)
        self.wait(lambda: os.path.exists(there), f"{name} to listen")

    def kill(self, name):
        self.children[name].kill()
        self.children[name].wait()

    def wait(self, done, what, limit=LIMIT):
        until = time.monotonic() + limit
        while not done():
            if time.monotonic() > until:
                raise Failure(f"waited in vain for {what}")
            time.sleep(0.005)

    def waggle(self, *args, status=0):
        done = subprocess.run([WAGGLE, *args], env=self.env, capture_output=True, text=True,
                              timeout=60, check=False)
        check(done.returncode == status, f"waggle {args}: {done.returncode}, {done.stderr}")
        return done.stdout

    def agent(self, name, *backends, **rules):
        self.waggle("agent", "register", name, "--policy",
                    json.dumps({"backends": list(backends), **rules}))

    def send(self, agent, text, *args):
        return self.waggle("send", agent, text, *args).strip()

    def receipts(self, number):
        return [row["what"] for row in json.loads(self.waggle("--json=short", "trace", number))]

    def wait_receipt(self, number, start, limit=LIMIT):
        """Until a receipt begins with `start`; all of them."""
        self.wait(lambda: any(r.startswith(start) for r in self.receipts(number)),
                  f"'{start}' of {number}; there is {self.receipts(number)}", limit)
        return self.receipts(number)

    def end(self):
        for name in reversed(self.children):
            child = self.children[name]
            if child.poll() is None:
                child.terminate()
                child.wait(LIMIT)
        shutil.rmtree(self.directory)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind:
            for name in self.children:
                with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as log:
                    for line in log:
                        print(f"# {name}: {line.rstrip()}")
        self.end()
