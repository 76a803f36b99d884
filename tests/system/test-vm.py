#!/usr/bin/python3
"""What needs a kernel of its own: limits of control groups, causes of death, power cuts.

All on one machine, which is booted once, and again after each power cut.
"""

import json

from harness import tap
from harness.vm import Vm


def test_control_groups(m):
    """control groups are of version 2, with the controllers that limits need, and pressure is measured"""
    assert m.out("stat", "-f", "-c", "%T", "/sys/fs/cgroup") == "cgroup2fs"
    controllers = m.out("cat", "/sys/fs/cgroup/cgroup.controllers").split()
    assert {"cpu", "memory", "pids"} <= set(controllers), controllers
    assert "some avg10=" in m.out("cat", "/sys/fs/cgroup/memory.pressure")
    assert m.out("systemd-detect-virt") == "qemu"


def test_limits_hold(m):
    """a unit's MemoryMax= is enforced: what exceeds it is killed, and systemd knows why"""
    done = m.run(
        "systemd-run", "--wait", "--quiet", "--unit=glutton", "-p", "MemoryMax=20M", "-p", "MemorySwapMax=0",
        "/usr/bin/python3", "-c", "x = bytearray(200_000_000)", check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert m.show("glutton.service", "Result") == "oom-kill"
    m.run("systemctl", "reset-failed", "glutton.service")


def test_command_without_memory(m):
    """a command of the courier's that needs more than its limit is killed, and the receipt says of what"""
    m.run("systemctl", "start", "waggle.target")
    m.run("loginctl", "enable-linger", "alice")
    m.wait_state("user@2001.service", "active", 120)
    policy = {"backends": [{"use": "exec", "command": ["/usr/bin/python3", "-c", "x = bytearray(200_000_000)"],
                            "memory-max": "30M", "timeout": "2min"}]}  # fmt: skip
    m.call("RegisterAgent", f"('glutton', {{'policy': <'{json.dumps(policy)}'>}})", user="alice")
    number = m.send("glutton", "all you can eat", user="bob")
    m.wait("its cause of death", lambda: "killed for memory (OOM), limit 30M" in str(m.receipts(number)), 120)
    assert "acked" not in m.states(number)
    m.call("UnregisterAgent", "('glutton', {'force': <true>})", user="alice")
    m.run("loginctl", "disable-linger", "alice")


def test_stored_survives_power_cut(m):
    """a message whose sending was acknowledged is there after the power was cut at once"""
    m.run("systemctl", "enable", "--now", "waggle.target")
    m.register("mole", user="alice")
    number = m.send("mole", "before the dark", user="bob")
    m.power_cut()
    got = m.receive("mole", "'detach': <true>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(number, "before the dark")], got
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")


if __name__ == "__main__":
    tap.main(globals(), Vm)
