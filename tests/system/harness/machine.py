"""machine: a booted Debian with our package in it, in a container.

It is a real systemd as process 1, with a private network, cut off from the host's systemd. Commands
enter its namespaces directly. State written by a test lives in the machine's own layer: it survives
reboot() and goes away with the machine.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from harness import roots
from harness.host import INSIDE, Host


def _die_with_parent():
    # SIGTERM, because systemd-nspawn that is killed leaves its machine running
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Machine(Host):
    def __init__(self, package=True, extra=()):
        super().__init__()
        self._layers = roots.layers(extra) if package else [roots.base()]
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix=f"machine-{os.getpid()}-", dir=roots.cache()))
        self.root = self._directory / "root"
        self._process = None
        self._init = None

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
        state = self.wait("systemd", self.is_up, 60)
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

    def console(self):
        return (self._directory / "console").read_text(encoding="utf-8", errors="replace")[-3000:]

    def reboot(self):
        """Shuts down in order and boots again from the same disk."""
        self.run("systemctl", "poweroff")
        self._process.wait(60)
        self.boot()

    def power_cut(self):
        """Every process is gone at once, without a shutdown; boots again. What was written is there:
        the kernel is the host's and lives on."""
        os.kill(int(self._init), signal.SIGKILL)
        self._process.wait(60)
        self.boot()

    def execute(self, argv, variables, stdin, timeout):
        enter = ["nsenter", "-t", self._init, "-a", "--wdns=/"]
        return subprocess.run(
            enter + argv, env=variables, input=stdin, text=True, errors="replace",
            capture_output=True, check=False, timeout=timeout,
        )  # fmt: skip
