"""The command line of a stranger: what needs an administrator's consent moves from the private
socket to the bus by itself. Root, a second uid and a mount namespace are needed, because the system's
socket has one place only."""

import os
import shutil
import subprocess
import tempfile

from harness import LIMIT, OTHERS, Daemon, Skip, check, equal, main, need_root
from polkit import Polkit
from waggle import WAGGLE

STRANGER = OTHERS[0]
REFUSED = 5

# a /run of our own, in which the daemon's socket is the system's
SCRIPT = ('mount -t tmpfs -o mode=755 tmpfs /run && mkdir /run/waggle && '
          'ln -s "$1" /run/waggle/messaging && shift && exec setpriv "$@"')


class Stranger:
    """waggle --system as another uid."""

    def __init__(self, daemon):
        need_root()
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/run"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            raise Skip("needs a mount namespace of its own")
        self.daemon = daemon
        self.directory = tempfile.mkdtemp(prefix="waggle-stranger-")
        os.chmod(self.directory, 0o755)
        self.program = shutil.copy(WAGGLE, self.directory)
        self.environment = daemon.environment()
        self.environment.pop("WAGGLE_ADDRESS", None)
        daemon.helpers.append(self)

    def run(self, *args, status=0):
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", SCRIPT, "sh", self.daemon.path, f"--reuid={STRANGER}",
             f"--regid={STRANGER}", "--clear-groups", "--", self.program, "--system", *args],
            env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT, check=False)
        equal(done.returncode, status, f"waggle {' '.join(args)}: {done.stderr}")
        return done.stdout + done.stderr

    def stop(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def test_consent_is_asked_for_on_the_bus():
    need_root()
    with Daemon(scope="system", bus=True) as d:
        polkit = Polkit(d, "org.waggle.messaging.")
        d.client().call("RegisterAgent", "a")
        stranger = Stranger(d)
        check("private socket" in stranger.run("status"), "the socket is the first choice")
        stranger.run("agent", "pause", "a", status=REFUSED)
        equal(d.client().call("GetAgent", "a")[0]["paused"], False)
        polkit.allow("manage-agents")
        stranger.run("agent", "pause", "a")
        equal(d.client().call("GetAgent", "a")[0]["paused"], True)


def test_without_a_bus_it_is_refused():
    need_root()
    with Daemon(scope="system") as d:
        d.client().call("RegisterAgent", "a")
        stranger = Stranger(d)
        stranger.environment["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nonexistent"
        check("waggle:" in stranger.run("agent", "pause", "a", status=REFUSED))


if __name__ == "__main__":
    main(globals())
