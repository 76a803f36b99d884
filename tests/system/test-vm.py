#!/usr/bin/python3
"""What needs a kernel of its own: limits of control groups, causes of death, power cuts.

All on one machine, which is booted once, and again after each power cut. Power cuts of deployments: test-vm-power.py.
"""

import json
import re
import subprocess

from harness import tap
from harness.shop import DEPLOYD, Shop
from harness.vm import Vm

GLUTTON = "x = bytearray(400_000_000)"
# forks until it may not any more, and says in its home how often it could
FORKS = (
    "import os, time, pathlib\n"
    "n = 0\n"
    "try:\n"
    "    while n < 100:\n"
    "        if os.fork() == 0:\n"
    "            time.sleep(60)\n"
    "            os._exit(0)\n"
    "        n += 1\n"
    "except OSError as error:\n"
    "    pathlib.Path.home().joinpath('forks').write_text(f'{n} {error.errno}')\n"
    "    raise SystemExit(3)\n"
)
# how much of a processor it gets, in percent
BURNS = (
    "import time, pathlib\n"
    "begin, used = time.monotonic(), time.process_time()\n"
    "while time.monotonic() - begin < 4: pass\n"
    "share = (time.process_time() - used) / (time.monotonic() - begin) * 100\n"
    "pathlib.Path.home().joinpath('share').write_text(f'{share:.1f}')\n"
)
SEALED = "/srv/sealed"  # a file system with fs-verity
MANIFEST = {"name": "sealed", "version": "1", "target": "sealed", "artifacts": [{"source": "tree"}],
            "checks": [{"file": f"{SEALED}/root/current/data"}]}  # fmt: skip
# one letter of a released file, below the file system
ALTER = f"""
import mmap
with open("{SEALED}.img", "r+b") as file, mmap.mmap(file.fileno(), 0) as image:
    at = image.find(b"marker marker marker")
    assert at >= 0
    while at >= 0:  # the artifact is elsewhere; of the release there is one copy
        image[at] = ord("b")
        at = image.find(b"marker marker marker", at + 40000)
"""
BEFORE = {}  # what was there before the power went


def _prepare(root):
    image = root / (SEALED + ".img").lstrip("/")
    (root / SEALED.lstrip("/")).mkdir()
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", "-b", "4096", "-O", "verity", image, "64M"], check=True,
                   capture_output=True)  # fmt: skip


def _python(code, **limits):
    return json.dumps({"backends": [{"use": "exec", "command": ["/usr/bin/python3", "-c", code], "retry": "1h", **limits}]})


def _agent(m, name, policy):
    m.call("RegisterAgent", f"('{name}', {{'policy': <{json.dumps(policy)}>}})", user="alice")


def _ended(m, number, state):
    """The cause that the receipt of this state tells."""
    m.wait_receipt(number, state, 60)
    return next(r[3] for r in m.receipts(number) if r[1] == state)


def test_control_groups(m):
    """control groups are of version 2, with the controllers that limits need, and pressure is measured"""
    assert m.out("stat", "-f", "-c", "%T", "/sys/fs/cgroup") == "cgroup2fs"
    controllers = m.out("cat", "/sys/fs/cgroup/cgroup.controllers").split()
    assert {"cpu", "memory", "pids"} <= set(controllers), controllers
    assert "some avg10=" in m.out("cat", "/sys/fs/cgroup/memory.pressure")
    assert m.out("systemd-detect-virt") == "qemu"


def test_session(m):
    """a user's manager gets the controllers, and her courier has mail to carry"""
    # of itself systemd 252 hands memory and tasks down to users, but not the processor
    m.run("mkdir", "-p", "/etc/systemd/system/user@.service.d")
    m.run("tee", "/etc/systemd/system/user@.service.d/delegate.conf", stdin="[Service]\nDelegate=yes\n")
    m.run("systemctl", "daemon-reload")
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active")
    given = m.out("cat", "/sys/fs/cgroup/user.slice/user-2001.slice/user@2001.service/cgroup.controllers").split()
    assert {"cpu", "memory", "pids"} <= set(given), given
    m.run("systemctl", "enable", "--now", "waggle.target")


def test_killed_for_memory(m):
    """a command that takes more memory than its policy allows is killed, the receipt says why, and nothing is acked"""
    _agent(m, "glutton", _python(GLUTTON, **{"memory-max": "60M"}))
    number = m.send("glutton", "eat", user="bob")
    cause = _ended(m, number, "nacked")
    assert "killed for memory (OOM)" in cause and "60M" in cause, cause
    assert "acked" not in m.states(number)
    # whose memory it was: the command's alone
    assert m.show("waggle-courier.service", "NRestarts", user="alice") == "0"


def test_tasks(m):
    """a command that forks without an end comes as far as its limit"""
    _agent(m, "forker", _python(FORKS, **{"tasks-max": 8}))
    number = m.send("forker", "fork", user="bob")
    cause = _ended(m, number, "nacked")
    assert "exit status 3" in cause, cause
    forks, errno = map(int, m.out("cat", "/home/alice/forks").split())
    assert forks <= 7 and errno == 11, (forks, errno)
    # They sleep for 60 s if they are let. The message comes again meanwhile, and what runs at one moment
    # may be its next attempt: there has to be a moment with none.
    m.wait("its children to be gone", lambda: not m.run("pgrep", "-u", "alice", "-f", "os.fork", check=False).stdout, 30)


def test_processor(m):
    """a command gets the share of a processor that its policy allows"""
    _agent(m, "burner", _python(BURNS, **{"cpu-quota": 25}))
    number = m.send("burner", "burn", user="bob")
    m.wait_receipt(number, "acked", 90)
    share = float(m.out("cat", "/home/alice/share"))
    print(f"# {share} % of a processor")
    assert 3 < share < 40, share


def test_hook_killed_for_memory(m):
    """a hook of a deployment that takes more memory than it may is killed, which is told, and the release goes back"""
    shop = Shop(m)
    shop.target()
    m.run("systemctl", "start", "waggle-deployd.socket")
    status, text = shop.deploy(shop.release("good-1"))
    assert status == 0, text
    hook = {"command": ["/usr/bin/python3", "-c", GLUTTON], "memory-max": "60M"}
    status, text = shop.deploy(shop.release("good-2", hooks={"post-start": [hook]}))
    assert status == 5, text
    assert "post-start" in text and "killed for memory (OOM)" in text and "60M" in text, text
    assert "killed for memory" in m.out("waggle", "deploy", "explain", shop.newest()["id"])
    shop.wait_newest("rolled-back")
    shop.serves("good-1")
    assert m.show(DEPLOYD, "NRestarts") == "0"  # whose memory it was: the hook's alone


def test_sealed(m):
    """the kernel guards files of a sealed release: nobody can change them, and what was altered below them is not read"""
    for path, text in (("/etc/waggle/deployd.conf.d/seal.conf", "[Deploy]\nSeal=yes\n"),
                       ("/etc/waggle/targets.d/sealed.conf", f"[Target]\nRoot={SEALED}/root\n"),
                       ("/root/sealed/tree/data", "marker " * 4096), ("/root/sealed/manifest.json", json.dumps(MANIFEST))):  # fmt: skip
        m.run("mkdir", "-p", path.rsplit("/", 1)[0])
        m.run("tee", path, stdin=text)
    m.run("mount", "-o", "loop", SEALED + ".img", SEALED)
    m.run("systemctl", "stop", DEPLOYD)  # the next one reads its configuration
    m.run("waggle", "deploy", "run", "/root/sealed/manifest.json", timeout=120)
    data = f"{SEALED}/root/current/data"
    done = m.run("sh", "-c", f"echo more >>{data}", check=False)
    assert done.returncode != 0 and "not permitted" in done.stderr, done
    assert m.run("waggle", "deploy", "drift", "sealed", timeout=60).returncode == 0
    m.run("systemctl", "stop", DEPLOYD)
    m.run("umount", SEALED)
    m.run("/usr/bin/python3", "-c", ALTER)
    m.run("mount", "-o", "loop", SEALED + ".img", SEALED)
    done = m.run("cat", data, check=False)
    assert done.returncode != 0 and "Input/output error" in done.stderr, (done.returncode, done.stderr)
    done = m.run("waggle", "deploy", "drift", "sealed", check=False, timeout=60)
    assert done.returncode == 4 and "could not be looked at" in done.stdout, done
    m.run("rm", "/etc/waggle/deployd.conf.d/seal.conf")


def test_before_the_cut(m):
    """mail is announced, leased, held back and waiting, and the last message has just been acknowledged"""
    _agent(m, "boxed", json.dumps({"backends": [{"use": "inbox", "directory": "~/mail"}]}))
    BEFORE["announced"] = m.send("boxed", "in the box", user="bob")
    m.wait_receipt(BEFORE["announced"], "announced")
    BEFORE["path"] = m.out("sh", "-c", "echo /home/alice/mail/new/*")
    m.register("reader", user="alice")
    BEFORE["leased"] = m.send("reader", "being read", user="bob")
    got = m.receive("reader", "'detach': <true>, 'lease': <uint64 3600000000>", user="alice")
    BEFORE["token"] = got[0][1]
    m.register("later", user="alice")
    BEFORE["held"] = m.send("later", "held back", "'hold': <true>", user="bob")
    m.register("mole", user="alice")
    BEFORE["stored"] = int(m.out("waggle", "send", "mole", "before the dark", user="bob"))
    m.power_cut()


def test_stored(m):
    """what was acknowledged at the last moment is there, once"""
    got = m.receive("mole", "'detach': <true>, 'max': <uint32 10>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(BEFORE["stored"], "before the dark")], got
    m.ack(got[0][1], user="alice")


def test_leased(m):
    """a lease that was told is one still: nobody else gets the message, and its token acks it"""
    assert m.receive("reader", user="alice") == []
    m.ack(BEFORE["token"], user="alice")
    assert m.states(BEFORE["leased"])[-1] == "acked"


def test_held(m):
    """what was held back is held back"""
    assert m.receive("later", user="alice") == []
    m.call("Release", f"(uint64 {BEFORE['held']}, @a{{sv}} {{}})", user="bob")
    assert [row[0] for row in m.receive("later", "'detach': <true>", user="alice")] == [BEFORE["held"]]


def test_announced(m):
    """an announcement that was told is kept: the file is whole, and the message is not announced again"""
    states = m.states(BEFORE["announced"])
    assert states.count("announced") == 1, states
    assert json.loads(m.out("cat", BEFORE["path"]))["message"] == BEFORE["announced"]
    got = m.receive("boxed", "'detach': <true>", user="alice")
    assert [row[0] for row in got] == [BEFORE["announced"]], got
    m.ack(got[0][1], user="alice")
    # the courier is woken for something else and clears up what was handled meanwhile
    number = m.send("boxed", "another", user="bob")
    m.wait_receipt(number, "announced", 60)
    m.wait("the file is gone", lambda: m.run("test", "-e", BEFORE["path"], check=False).returncode != 0, 60)


def test_power_cut_under_load(m):
    """of many messages that are being sent when the power goes each one that was acknowledged is there"""
    m.register("sink", user="alice")
    begin = len(m.whole_console())
    m.run("systemd-run", "--quiet", "--collect", "--unit=load", "/usr/bin/python3", "/srv/waggle-tests/sender.py", "sink")
    found = re.compile(r"acknowledged (\d+) (\d+) end")
    m.wait("a hundred messages", lambda: len(found.findall(m.whole_console()[begin:])) >= 100, 60)
    m.power_cut()
    told = {int(number): int(count) for number, count in found.findall(m.whole_console()[begin:])}
    there = {}
    while True:
        got = m.receive("sink", "'detach': <true>, 'max': <uint32 200>", user="alice")
        if not got:
            break
        there |= {row[0]: row[3] for row in got}
    lost = {number for number, count in told.items() if there.get(number) != f"text {count}"}
    print(f"# {len(told)} acknowledged, {len(there)} there")
    assert len(told) >= 100 and not lost, lost


if __name__ == "__main__":
    tap.main(globals(), Vm, prepare=_prepare)
