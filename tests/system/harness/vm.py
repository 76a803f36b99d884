"""vm: the same Debian with our package as a virtual machine: a kernel and a disk of its own.

What the containers cannot show is shown here: control groups of version 2 with their limits, causes
of death that the kernel decides on, and power cuts (the emulator is killed; what its guest had not
written to the disk is gone). It runs under plain emulation, since hardware support cannot be counted
on. Commands enter by a serial channel to inside/agent.py. The disk is made once for each machine and
outlives power_cut() and reboot().
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import roots
from harness.host import INSIDE, Host

# The agent has to come up with the machine, after what it would see half done.
UNIT = f"""[Unit]
Description=Commands of the tests
After=multi-user.target

[Service]
ExecStart=/usr/bin/python3 {INSIDE}/agent.py
Restart=always
RestartSec=100ms
"""
# Nothing here waits for devices that are not there, and the texts of the boot cost time.
KERNEL = (
    "root=/dev/vda rw rootfstype=ext4 console=ttyS0 psi=1 systemd.unified_cgroup_hierarchy=1 "
    "mitigations=off nokaslr random.trust_cpu=on quiet systemd.show_status=no systemd.getty_auto=no "
    "systemd.mask=getty@tty1.service systemd.mask=apt-daily.timer systemd.mask=apt-daily-upgrade.timer"
)
SIZE = "4G"  # of the disk, which has holes where nothing was written


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Vm(Host):
    def __init__(self, memory="1024", prepare=None):
        """`prepare` is called with the root's directory before the disk is made from it."""
        super().__init__()
        self._prepare = prepare
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix=f"machine-{os.getpid()}-", dir=roots.cache()))
        self._memory = memory
        self._process = None
        self._channel = None
        self._next = 0

    def __enter__(self):
        try:
            self._make_disk()
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._kill()
        subprocess.run(["umount", "--quiet", "--lazy", self._directory / "root"], check=False)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _make_disk(self):
        root = self._directory / "root"
        roots.overlay(roots.layers(), self._directory / "own", root)
        inside = pathlib.Path(__file__).resolve().parents[1] / "inside"
        shutil.copytree(inside, root / INSIDE.lstrip("/"), dirs_exist_ok=True)
        unit = root / "etc/systemd/system/waggle-tests.service"
        unit.write_text(UNIT, encoding="ascii")
        wants = root / "etc/systemd/system/default.target.wants"
        wants.mkdir(exist_ok=True)
        (wants / unit.name).symlink_to(f"../{unit.name}")
        if self._prepare:
            self._prepare(root)
        for kind in ("vmlinuz", "initrd.img"):
            shutil.copy(next((root / "boot").glob(kind + "-*")), self._directory / kind)
        # made from the directory, so that no loop device is needed
        done = subprocess.run(
            ["mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1",
             "-d", root, self._directory / "disk", SIZE],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        subprocess.run(["umount", root], check=True)

    # -- its life

    def boot(self):
        channel = self._directory / "channel"
        channel.unlink(missing_ok=True)
        # cache=unsafe: what the guest has written survives the emulator's death anyhow, and what the
        # guest holds back is lost, which is what matters
        argv = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2",
                "-m", self._memory, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-kernel", self._directory / "vmlinuz", "-initrd", self._directory / "initrd.img", "-append", KERNEL,
                "-drive", f"file={self._directory}/disk,if=none,id=disk,format=raw,cache=unsafe",
                "-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci",
                "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=channel,name=waggle",
                "-chardev", f"socket,id=channel,path={channel},server=on,wait=off",
                "-chardev", f"file,id=console,path={self._directory}/console,append=on", "-serial", "chardev:console"]  # fmt: skip
        begin = time.monotonic()
        self._process = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=(self._directory / "qemu").open("ab"), preexec_fn=_die_with_parent,
        )  # fmt: skip
        self._channel = socket.socket(socket.AF_UNIX)
        # its name is there a moment before it listens
        self.wait("the emulator", lambda: self._alive() and self._channel.connect_ex(str(channel)) == 0, 20)
        self._stream = self._channel.makefile("r", encoding="utf-8")
        assert self._ask({"argv": ["true"]}, 300)["status"] == 0
        state = self.wait("systemd", self.is_up, 120)
        assert state == "running", f"the machine is {state}: " + self.run("systemctl", "--failed", "--no-pager").stdout
        print(f"# booted in {time.monotonic() - begin:.1f} s", flush=True)

    def _alive(self):
        text = (self._directory / "qemu").read_text(encoding="utf-8", errors="replace")
        assert self._process.poll() is None, f"the emulator ended: {text}"
        return True

    def _kill(self):
        if self._channel:
            self._stream.close()
            self._channel.close()
            self._channel = None
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def power_cut(self):
        """The machine is gone between two instructions, and boots again from what is on its disk."""
        self._kill()
        self.boot()

    def reboot(self):
        """Shuts down in order and boots again from the same disk."""
        self.run("systemctl", "poweroff", "--no-block")
        self._process.wait(60)
        self._kill()
        self.boot()

    def whole_console(self):
        """All since the machine was made, over power cuts; what stands there was written outside of it."""
        return (self._directory / "console").read_text(encoding="utf-8", errors="replace")

    def console(self):
        return self.whole_console()[-3000:]

    # -- doing things in it

    def clock_ahead(self):
        """Seconds that its clock is ahead of the time since the boot, which nobody sets. What sets a clock takes a
        while, and the clock loses it."""
        return float(self.out("/usr/bin/python3", "-c", "import time; print(time.time() - time.monotonic())"))

    def _ask(self, request, timeout):
        """One question, one answer; a timeout is the end of the channel, for an answer may still come."""
        self._next += 1
        request["id"] = self._next
        self._channel.settimeout(timeout)
        self._channel.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self._stream.readline()
            assert line, "the channel to the machine is closed:\n" + self.console()
            answer = json.loads(line)
            if answer["id"] == request["id"]:
                return answer

    def execute(self, argv, variables, stdin, timeout):
        # emulated, all takes some ten times as long
        request = {"argv": argv, "env": variables, "stdin": stdin, "timeout": timeout * 2}
        answer = self._ask(request, timeout * 2 + 10)
        if answer["status"] is None:
            raise subprocess.TimeoutExpired(argv, timeout)
        return subprocess.CompletedProcess(argv, answer["status"], answer["stdout"], answer["stderr"])
