"""The courier when its surroundings fail for a while: disks that are full or cannot be written,
messaged or the courier itself stopped. Afterwards all mail is where it belongs, and no command ran
twice. Its file systems need root; nobody else sees them."""

import ctypes
import os
import signal
import subprocess

from client import GLib
from courier import PROBE, Rig
from harness import Skip, main
from storm import DELIVERY, HAND, Ear, Line, check, equal, wait_for

CLONE_NEWNS = 0x20000
PATIENCE = 60
STORE = "[Store]\nLowWater=0\n"


def own_mounts():
    if os.getuid() != 0:
        raise Skip("needs root to mount a file system")
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise Skip("needs a mount namespace of its own")
    if subprocess.run(["mount", "--make-rprivate", "/"], check=False).returncode != 0:
        raise Skip("file systems cannot be mounted here")


def mount(path, options, kind="tmpfs"):
    os.makedirs(path, mode=0o700, exist_ok=True)
    command = ["mount", "-t", kind, "-o", options, "none", path]
    if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip("file systems cannot be mounted here")


def writable(path, yes):
    subprocess.run(["mount", "-o", "remount," + ("rw" if yes else "ro"), path], check=True)


def pause(seconds):
    """How long something outside is out of order."""
    over = []
    GLib.timeout_add(int(seconds * 1000), over.append, True)
    wait_for(lambda: over, "the clock")


def fill(path):
    """Not a byte is left."""
    name = os.path.join(path, "fill")
    with open(name, "ab", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while True:
                    f.write(bytes(size))
            except OSError:
                pass
    return name


class Surroundings(Rig):
    """messaged's state on a file system of its own (`disk`); agents of three kinds."""

    def __init__(self, more="", courier="", disk=True):
        super().__init__(config=DELIVERY + STORE, program=PROBE,
                         courier_config="[Courier]\nReconnectMaxSec=200ms\n" + courier)
        self.more = more
        self.disk = disk
        self.ears = [Ear(self.courier), Ear(self.messaged)]

    def __enter__(self):
        super().__enter__()
        self.messaged.stop()
        self.client.close()
        self.messaged.configure(DELIVERY + STORE + self.more)
        if self.disk:
            mount(self.messaged.state, "size=8M,mode=0700")
        self.messaged.start(wait=False)
        self.client = self.messaged.client()
        self.agent("inbox", {"use": "inbox", "directory": self.path("mail")})
        self.agent("exec", {"use": "exec", "command": [HAND, self.path("ledger")], "retry": "1s"})
        self.agent("take", self.entry("take", "acked"))
        return self

    def __exit__(self, *why):
        super().__exit__(*why)
        if self.disk:
            subprocess.run(["umount", "-l", self.messaged.state], check=False)

    def send_all(self, n):
        return [(agent, self.client.send(agent, b"body")) for agent in ("inbox", "exec", "take")
                for _ in range(n)]

    def runs(self):
        """How often the commands ended well, by message."""
        lines = []
        if os.path.exists(self.path("ledger")):
            with open(self.path("ledger"), encoding="utf-8") as f:
                lines = [Line(w, int(n), int(t), int(s)) for w, n, t, s in map(str.split, f)]
        good = [x.number for x in lines if x.what == "E" and x.status == 0]
        return {number: good.count(number) for number in good}

    def files(self):
        return os.listdir(os.path.join(self.path("mail"), "new"))

    def wait_done(self, sent):
        wanted = {"inbox": {"announced"}, "exec": {"acked", "dead"}, "take": {"acked"}}
        left = list(sent)

        def done():
            left[:] = [(a, n) for a, n in left if not wanted[a] & set(self.client.states(n))]
            return not left

        try:
            wait_for(done, "the mail", PATIENCE)
        except AssertionError as why:
            some = [(a, n, self.receipts(n)) for a, n in left[:3]]
            raise AssertionError(f"{why}: {len(left)} are left: {some}") from None
        twice = {n: times for n, times in self.runs().items() if times != 1}
        equal(twice, {}, "commands that did their work more than once")
        inboxed = [n for a, n in sent if a == "inbox"]
        for n in inboxed:
            equal(sum(f"W{n}." in name for name in self.files()), 1, f"files of {n}")


def full_store(more):
    own_mounts()
    with Surroundings(more) as s:
        sent = s.send_all(40)
        name = fill(s.messaged.state)
        wait_for(lambda: s.client.get("StoreState") != "ok", "messaged to be degraded")
        check(s.courier.ask("Ping") == (), "the courier answers")
        pause(2)  # in which much is refused
        os.unlink(name)
        wait_for(lambda: s.client.get("StoreState") == "ok", "messaged to be well", PATIENCE)
        s.wait_done(sent)


def test_a_full_store_of_messaged_with_a_reserve():
    full_store("Reserve=1M\n")


def test_a_full_store_of_messaged_without_a_reserve():
    full_store("Reserve=0\n")


def inbox_disk(close, again, word):
    """The inbox cannot be written for a while: held, never announced."""
    own_mounts()
    with Surroundings() as s:
        mail = s.path("mail")
        mount(mail, "size=256k,mode=0700")
        s.wait_receipt(s.client.send("inbox", b"x"), "announced")
        close(mail)
        sent = s.client.send("inbox", b"x" * 100000)
        s.wait_receipt(sent, "attempt-held")
        held = s.causes(sent, "attempt-held")[0]
        check(word in held and mail in held, held)
        check("announced" not in s.client.states(sent), "announced without a file")
        equal([f for f in s.files() if f"W{sent}." in f], [])
        again(mail)
        s.wait_receipt(sent, "announced")
        equal(sum(f"W{sent}." in f for f in s.files()), 1)
        equal(os.listdir(os.path.join(mail, "tmp")), [])


def test_a_full_disk_of_an_inbox():
    inbox_disk(fill, lambda mail: os.unlink(os.path.join(mail, "fill")), "No space")


def test_a_read_only_disk_of_an_inbox():
    inbox_disk(lambda mail: writable(mail, False), lambda mail: writable(mail, True), "ead-only")


def test_messaged_is_stopped_for_a_while():
    with Surroundings(disk=False) as s:
        sent = s.send_all(20)
        s.messaged.process.send_signal(signal.SIGSTOP)
        pause(2)
        check(s.courier.ask("Ping") == (), "the courier answers")
        s.messaged.process.send_signal(signal.SIGCONT)
        s.wait_done(sent)


def test_the_courier_is_stopped_past_its_leases():
    with Surroundings(courier="LeaseSec=1s\n", disk=False) as s:
        gate = s.path("gate")
        s.agent("take", s.entry("take", "file:" + gate, "acked"))
        s.agent("bell", s.entry("bell", "file:" + gate, "announced"))
        sent = s.client.send("take", b"x")
        rung = s.client.send("bell", b"x")
        s.wait_runs("take")
        s.wait_runs("bell")
        s.courier.process.send_signal(signal.SIGSTOP)
        s.wait_receipt(sent, "queued", 2)  # its lease is over
        open(gate, "w", encoding="utf-8").close()
        s.courier.process.send_signal(signal.SIGCONT)
        s.wait_receipt(sent, "acked")
        s.wait_receipt(rung, "announced")
        # it was under way all the time, and is told by the lease that it got anew
        equal(len(s.lines("take")), 1, f"runs of one message: {s.receipts(sent)}")
        equal(s.client.states(sent).count("acked"), 1)


main(globals())
