"""Runs the command line against a daemon of the harness."""

import json
import os
import subprocess

from harness import LIMIT, equal

WAGGLE = os.environ.get("WAGGLE", "waggle")


class Cli:
    """waggle with one daemon's address, no agent, no colours, and a state directory of its own."""

    def __init__(self, daemon, **environment):
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("WAGGLE_")}
        self.environment.update(WAGGLE_ADDRESS=daemon.address, TZ="UTC", LC_ALL="C.UTF-8",
                                XDG_STATE_HOME=os.path.join(daemon.directory, "home"))
        self.environment.update(environment)

    def start(self, *args, full=False, **kwargs):
        """With `full` its output goes where no room is left."""
        with open("/dev/full", "wb") as nowhere:
            return subprocess.Popen([WAGGLE, *args], env=self.environment,
                                    stdout=nowhere if full else subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True, **kwargs)

    def run(self, *args, status=0, stdin=None):
        """stdout; the exit status has to be `status`. stderr is kept in self.errors."""
        done = subprocess.run([WAGGLE, *args], env=self.environment, capture_output=True,
                              timeout=LIMIT, input=stdin, check=False)
        self.errors = done.stderr.decode()
        equal(done.returncode, status, f"exit status of waggle {args} ({self.errors})")
        return done.stdout.decode(errors="surrogateescape")

    def json(self, *args, status=0):
        return json.loads(self.run("--json=short", *args, status=status))

    def lines(self, *args):
        """One object a line."""
        return [json.loads(line) for line in self.run("--json=short", *args).splitlines()]
