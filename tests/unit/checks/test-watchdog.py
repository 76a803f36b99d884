#!/usr/bin/python3
"""waggle-watchdog with a notify socket of the test's: readiness after the first good look, signs of
life while looks are good, silence while they are not, and an end with the service."""

import os
import pathlib
import select
import socket
import subprocess
import sys

import verify

WATCHDOG = sys.argv[1]


class Notify:
    """What systemd would hear."""

    def __init__(self):
        self.path = str(verify.DIRECTORY / "notify")
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def lines(self):
        return self.socket.recv(4096).decode().splitlines()

    def until(self, *wanted):
        """The lines up to one that begins so."""
        seen = []
        while not any(line.startswith(wanted) for line in seen):
            seen += self.lines()
        return seen


def start(notify, check, *options, command=("sleep", "1000")):
    return subprocess.Popen([WATCHDOG, "--check", check, "--interval=50ms", *options, "--", *command],
                            env={**verify.ENVIRONMENT, "NOTIFY_SOCKET": notify.path})


def ready_alive_silent():
    notify = Notify()
    mark = verify.DIRECTORY / "mark"
    mark.unlink(missing_ok=True)
    service = start(notify, f"file: {mark}")
    before = notify.until("STATUS=")
    assert "READY=1" not in before and "WATCHDOG=1" not in before, before
    mark.write_text("x")
    assert "READY=1" in notify.until("READY=1")
    seen = notify.until("WATCHDOG=1")
    assert "READY=1" not in seen, "ready is said once"
    mark.unlink()
    status = notify.until("STATUS=")
    assert "exists: expected true" in status[-1], status
    # nothing more is said while it is bad: what was on its way is read, then the line is quiet
    assert not select.select([notify.socket], [], [], 0.4)[0], notify.lines()
    # the service is the process that was started, and the watch ends with it
    assert pathlib.Path(f"/proc/{service.pid}/comm").read_text().strip() == "sleep"
    found = subprocess.run(["pgrep", "-x", "waggle-watchdog"], capture_output=True, text=True, check=False).stdout.split()
    mine = [pid for pid in found if str(mark) in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(mine) == 1, found
    pidfd = os.pidfd_open(int(mine[0]))
    service.kill()
    service.wait()
    assert select.select([pidfd], [], [], 30)[0], "the watch outlives its service"


def trigger_ends_it_at_once():
    notify = Notify()
    mark = verify.write("trigger", "x")
    service = start(notify, f"file: {mark}", "--trigger", "--failures=2")
    notify.until("READY=1")
    mark.unlink()
    notify.until("WATCHDOG=trigger")
    service.kill()
    service.wait()


def what_is_refused():
    def refused(*args):
        done = subprocess.run([WATCHDOG, *args], capture_output=True, text=True, timeout=60, env=verify.ENVIRONMENT, check=False)
        return done.returncode, done.stderr
    status, text = refused("--check", "htpp: x", "--", "true")
    assert status == 78 and "did you mean http?" in text, text
    assert refused("--", "true")[0] == 64
    assert refused("--check", "file: /", "--interval=x", "--", "true")[0] == 64
    status, text = refused("--check", "file: /", "--", "/no/such/program")
    assert status == 127 and "/no/such/program" in text, text


if __name__ == "__main__":
    verify.main([ready_alive_silent, trigger_ends_it_at_once, what_is_refused])
