#!/usr/bin/python3
"""Monitoring on a kernel of its own: what control groups of version 2 really say, side by side with systemd and
with Debian's prometheus-node-exporter; a clock that jumps, a journal that rotates, a full disk, a power cut.
All on one machine, which is booted once, and again after the power cut."""

import json
import re
import subprocess
import time

from harness import tap
from harness.host import INSIDE
from harness.scrape import samples_of
from harness.vm import Vm

MONITOR = "waggle-monitord.service"
NAME = "org.waggle.Monitoring1"
REGISTRY, ALERTS, NOTIFY = (NAME + "." + word for word in ("Registry", "Alerts", "Notify"))
STATE = "/var/lib/waggle/monitord"
EXPORTER = "exporter.service"
COLLECTOR = "--collector.systemd"
UNITS = 300  # at least; beside those of the machine itself
RATIO = 0.1  # of the exporter's processor time, which has neither memory nor input and output
TOLERANCE = 0.1
# each does its work and is still then, so that what is read twice is the same
WORK = {
    "burns": ("import time\nwhile time.process_time() < 3: pass", ""),
    "throttled": ("import time\nwhile time.process_time() < 1: pass", "CPUQuota=20%\n"),
    "holds": ("x = bytearray(80_000_000)", ""),
    "writes": ("import os\nf = open('/srv/written', 'wb')\nf.write(os.urandom(20_000_000))\nf.flush()\nos.fsync(f)", ""),
    # the child is killed, and who started it lives
    "starves": ("import os\nif os.fork() == 0:\n    x = bytearray(200_000_000)\nos.wait()", "MemoryMax=40M\nOOMPolicy=continue\n"),
    "forks": ("import os, time\nfor i in range(5):\n    os.fork() or time.sleep(10000)", ""),
    "talks": ("import socket\ns = socket.socket(type=2)\nfor i in range(100): s.sendto(b'x' * 1000, ('127.0.0.1', 9))", "IPAccounting=yes\n"),
}  # fmt: skip
UNIT = """[Service]
CPUAccounting=yes
MemoryAccounting=yes
IOAccounting=yes
TasksAccounting=yes
{more}ExecStart=/usr/bin/python3 /srv/{name}.py
"""
SERVICES = {"services": [
    {"name": "log", "probes": [{"journal": "SYSLOG_IDENTIFIER=counted", "name": "lines", "interval": "1h",
                                "expect": {"count": {"at-least": 0}}}]},
    {"name": "backup", "probes": [{"push": "night", "every": "50min"}]},
    {"name": "greedy", "probes": [{"command": "eats", "name": "eats", "interval": "1h", "timeout": "60s",
                                   "argv": ["/usr/bin/python3", "-c", "x = bytearray(600_000_000)"]}]},
]}  # fmt: skip
RULES = {"groups": [{"name": "test", "interval": "1s", "rules": [
    {"alert": "Up", "expr": "waggle_monitor_info == 1", "severity": "info", "keep_firing_for": "10m"},
    # each began within its window, which is shorter than what the clock is set by
    {"alert": "Killed", "expr": 'increase(waggle_event_total{event="oom",unit="starves.service"}[30m]) > 0'},
    {"alert": "Throttled", "expr": 'rate(waggle_unit_cpu_throttled_periods_total{unit="throttled.service"}[30m]) > 0'},
    {"alert": "Slow", "expr": 'waggle_unit_state{unit="slow.service",state="failed"} == 1', "for": "15s"},
    {"alert": "Failed", "expr": 'waggle_unit_state{unit=~"fails@.*",state="failed"} == 1'}]}]}  # fmt: skip
ALERTING = {
    "route": {"receiver": "nobody", "routes": [
        {"matchers": ['alertname=~"Up|Slow|Failed"'], "receiver": "hook", "group_by": ["..."], "group_wait": "0s",
         "group_interval": "1s"}]},
    "receivers": [{"name": "nobody"}, {"name": "hook", "webhook": {"url": "http://127.0.0.1:8099/"}}],
}  # fmt: skip
TOLD = re.compile(r"told (\S+) (\S+) (firing|resolved) (\w+) (\S+) end")
BEFORE = {}  # what was there before the power went


def _prepare(root):
    """A small file system to fill; its tools are the host's."""
    (root / "srv").mkdir(exist_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", root / "srv/small.img", "64M"], check=True, capture_output=True)


def _write(m, path, text):
    m.run("mkdir", "-p", path.rsplit("/", 1)[0])
    m.run("tee", path, stdin=text if isinstance(text, str) else json.dumps(text))


def _of_unit(samples, name, unit):
    return next((value for labels, value in samples.get(name, []) if labels.get("unit") == unit), None)


def _kernel(m, unit, file, key=None):
    """A number of the unit's control group."""
    text = m.out("cat", f"/sys/fs/cgroup{m.show(unit, 'ControlGroup')}/{file}")
    found = re.search(rf"\b{key}[ =](\d+)", text) if key else re.match(r"(\d+)", text)
    return int(found[1]) if found else None


def _near(what, is_now, wanted):
    assert is_now is not None and wanted is not None, (what, is_now, wanted)
    assert abs(is_now - wanted) <= TOLERANCE * max(abs(wanted), 1e-9), f"{what}: {is_now}, and it is {wanted}"


def _in_sight(m):
    """Until the units are; returns the samples."""

    def there():
        samples = samples_of(m, "/run/waggle/metrics")
        return samples if samples.get("waggle_manager_up", [(None, 0)])[0][1] else None

    return m.wait("sight of the units", there, 300)


def _n_idle(m):
    """How many of them the monitor sees at work."""
    return sum(labels["unit"].startswith("idle@") for labels, _ in samples_of(m, "/run/waggle/metrics")["waggle_unit_tasks"])


def test_prepare(m):
    """units that burn, hold, write, starve, fork and are throttled have done their work"""
    for name, (code, more) in WORK.items():
        _write(m, f"/srv/{name}.py", code + "\nimport time, pathlib\npathlib.Path(f'/run/did-%s').touch()\ntime.sleep(10000)\n" % name)
        _write(m, f"/etc/systemd/system/{name}.service", UNIT.format(name=name, more=more))
    for name in ("idle@", "fails@", "slow"):
        _write(m, f"/etc/systemd/system/{name}.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    hook = f"[Service]\nExecStart=/usr/bin/python3 {INSIDE}/hook.py 8099\n[Install]\nWantedBy=multi-user.target\n"
    _write(m, "/etc/systemd/system/hook.service", hook)
    _write(m, "/etc/waggle/services.d/test.yaml", SERVICES)
    _write(m, "/etc/waggle/rules.d/test.yaml", RULES)
    _write(m, "/etc/waggle/alerting.yaml", ALERTING)
    _write(m, "/etc/waggle/monitord.conf.d/50-test.conf", "[Http]\nCompat=yes\n[Units]\nCallTimeoutSec=1min\n[Metrics]\nIPAccountingSec=5s\n")
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "enable", "--now", "hook.service", "waggle.target", timeout=120)
    _in_sight(m)
    m.run("systemctl", "start", "hook.service", *[name + ".service" for name in WORK])
    for name in WORK:
        m.wait(f"{name}'s work", lambda: m.run("test", "-e", f"/run/did-{name}", check=False).returncode == 0, 120)


def test_numbers(m):
    """processor, memory, writing, tasks, throttling and kills of units are what the kernel and systemd say"""
    m.run("sync")
    time.sleep(1.5)  # longer than a value is fresh
    m.wait("IP accounting", lambda: "waggle_unit_ip_sent_bytes_total" in samples_of(m, "/run/waggle/metrics"))
    samples = samples_of(m, "/run/waggle/metrics")

    def ours(name, unit):
        return _of_unit(samples, f"waggle_unit_{name}", unit + ".service")

    for unit in WORK:
        service = unit + ".service"
        usage = _kernel(m, service, "cpu.stat", "usage_usec") / 1e6
        _near(f"{unit}: processor", ours("cpu_seconds_total", unit), usage)
        _near(f"{unit}: processor of systemd", ours("cpu_seconds_total", unit), int(m.show(service, "CPUUsageNSec")) / 1e9)
        _near(f"{unit}: memory", ours("memory_bytes", unit), _kernel(m, service, "memory.current"))
        _near(f"{unit}: memory of systemd", ours("memory_bytes", unit), int(m.show(service, "MemoryCurrent")))
        _near(f"{unit}: tasks", ours("tasks", unit), int(m.show(service, "TasksCurrent")))
    assert ours("cpu_seconds_total", "burns") >= 3 and ours("memory_bytes", "holds") >= 80_000_000, samples
    assert ours("tasks", "forks") == 6, ours("tasks", "forks")
    _near("written", written := ours("io_written_bytes_total", "writes"), int(m.show("writes.service", "IOWriteBytes")))
    by_device = [value for labels, value in samples["waggle_unit_device_written_bytes_total"] if labels["unit"] == "writes.service"]
    assert sum(by_device) == written >= 20_000_000, (by_device, written)
    assert ours("ip_sent_bytes_total", "talks") == int(m.show("talks.service", "IPEgressBytes")) >= 100_000, samples
    for name, key, unit in (("periods_total", "nr_periods", 1), ("throttled_periods_total", "nr_throttled", 1),
                            ("throttled_seconds_total", "throttled_usec", 1e-6)):  # fmt: skip
        wanted = _kernel(m, "throttled.service", "cpu.stat", key) * unit
        assert wanted > 0, (name, wanted)
        _near(name, ours("cpu_" + name, "throttled"), wanted)
    assert ours("oom_kills_total", "starves") == _kernel(m, "starves.service", "memory.events", "oom_kill") == 1
    assert ours("memory_max_bytes", "starves") == 40 * 1024 * 1024
    _near("pressure", ours("pressure_cpu_waiting_seconds_total", "throttled"), _kernel(m, "throttled.service", "cpu.pressure", "total") / 1e6)


def test_killed_for_memory(m):
    """a kill for memory is an event of its unit; a probe's command that is killed is that probe's failure alone"""
    events = samples_of(m, "/run/waggle/metrics")["waggle_event_total"]
    assert [v for labels, v in events if labels == {"event": "oom", "unit": "starves.service"}] == [1], events
    done = m.run("waggle", "--json=short", "service", "probe", "greedy", "eats", check=False, timeout=120)
    assert done.returncode == 1, done
    shown = json.loads(m.out("waggle", "--json=short", "service", "show", "greedy"))["probes"][0]
    assert shown["state"] == "down", shown
    print(f"# it says: {shown['text']}")
    assert m.show(MONITOR, "NRestarts") == "0"


def _alert(m, name):
    return [a for a in json.loads(m.call("List", "(@a{sv} {},)", interface=ALERTS)[0]) if a["labels"]["alertname"] == name]


def _transitions(m):
    """Oldest first."""
    return json.loads(m.call("History", "({'limit': <uint32 1000>},)", interface=ALERTS)[0])[::-1]


def _evaluated(m):
    """When the test's own rules were last, by the clock of then."""
    rules = json.loads(m.call("ListRules", "(@a{sv} {},)", interface=ALERTS)[0])
    return next(rule["evaluated"] for rule in rules if rule.get("alert") == "Killed")


def _set_clock(m, by):
    """And until the rules were evaluated after it; one evaluation may have begun before."""
    m.run("date", f"--set={by}")
    for _ in range(3):
        before = _evaluated(m)
        m.wait("an evaluation", lambda before=before: _evaluated(m) != before, 60)


def test_clock(m):
    """a clock that is set fires and ends nothing, and for: is judged by the time that passes"""
    stand = ("Up", "Killed", "Throttled")
    m.run("waggle", "service", "push", "backup", "night")
    for name in stand:
        m.wait(name, lambda name=name: [a for a in _alert(m, name) if a["state"] == "firing"], 60)
    seen = len(_transitions(m))
    m.run("systemctl", "start", "slow.service")
    m.run("systemctl", "kill", "--signal=SEGV", "slow.service")
    m.wait("it to be pending", lambda: _alert(m, "Slow"), 60)
    before = m.clock_ahead()
    _set_clock(m, "+1 hour")
    set_by = m.clock_ahead() - before
    m.wait("it to fire", lambda: _alert(m, "Slow")[0]["state"] == "firing", 120)
    _set_clock(m, "-2 hours")
    m.run("waggle", "service", "probe", "log", "lines")
    _set_clock(m, "+1 hour")
    later = [t for t in _transitions(m)[seen:] if t["labels"]["alertname"] in (*stand, "Slow")]
    assert [(t["kind"], t["labels"]["alertname"]) for t in later] == [("pending", "Slow"), ("firing", "Slow")], later
    took = (later[1]["time"] - later[0]["time"]) / 1e6
    took -= set_by if took > set_by else 0  # a busy machine sets the clock after it has fired
    print(f"# fired after {took:.3f} s of 15, the clock set by {set_by:.3f}")
    assert took >= 14.9, took
    service = json.loads(m.out("waggle", "--json=short", "service", "show", "backup"))
    assert service["state"] == "healthy", service  # pushed within 50 minutes of the time that passed


def _compare(ours, theirs):
    """What both tell of our units; returns how many values that were."""
    compared = 0
    for family in ("node_systemd_unit_state", "node_systemd_unit_tasks_current", "node_systemd_unit_start_time_seconds",
                   "node_systemd_service_restart_total"):  # fmt: skip
        mine = {(labels["name"], labels.get("state")): value for labels, value in ours[family]}
        assert {frozenset(labels) for labels, _ in theirs[family]} == {frozenset(labels) for labels, _ in ours[family]}, family
        for labels, value in theirs[family]:
            if labels["name"].startswith(("idle@", *WORK)):  # what others do meanwhile may differ
                compared += 1
                _near(f"{family} {labels}", mine.get((labels["name"], labels.get("state"))), value)
    return compared


def test_exporter(m):
    """states, tasks, starts and restarts are those that node_exporter tells, a scrape costs at most a tenth of its"""
    m.run("sh", "-c", f"systemctl start $(seq -f 'idle@%g.service' 1 {UNITS})", timeout=300)
    flags = [COLLECTOR] + [COLLECTOR + word for word in (".enable-restarts-metrics", ".enable-start-time-metrics", ".enable-task-metrics")]
    m.run("systemd-run", "--quiet", "--unit=exporter", "/usr/bin/prometheus-node-exporter", "--collector.disable-defaults",
          "--web.listen-address=127.0.0.1:9100", *flags)  # fmt: skip
    m.wait("the exporter", lambda: ":9100" in m.out("journalctl", "-u", EXPORTER, "-q", "-o", "cat"), 60)
    m.wait("sight of them", lambda: _n_idle(m) == UNITS, 300)
    cost = json.loads(m.out("/usr/bin/python3", INSIDE + "/cost.py", f"ours=/run/waggle/metrics,system.slice/{MONITOR},4",
                            f"theirs=9100,system.slice/{EXPORTER},1", timeout=600))  # fmt: skip
    ours = samples_of(m, "/run/scraped-ours")
    files = m.out("sh", "-c", f"ls -l /proc/{m.show(MONITOR, 'MainPID')}/fd | grep -c /sys/fs/cgroup")
    # ours with all that the machine did meanwhile, theirs without: what settles beside it is not taken from ours
    ratio = cost["ours"]["gross"] / cost["theirs"]["seconds"]
    for who, row in cost.items():
        print(f"# {who}: {row['seconds'] * 1000:.0f} ms of processor a scrape (with all else of that time {row['gross'] * 1000:.0f}) "
              f"in {row['passed']:.1f} s, {row['values']} values")  # fmt: skip
    print(f"# ratio {ratio:.3f}; {len(ours['waggle_unit_tasks'])} units with processes, {files} files of control groups")
    m.run("systemctl", "stop", "--no-block", EXPORTER, "idle@*", timeout=120)
    compared = _compare(ours, samples_of(m, "/run/scraped-theirs"))
    assert compared >= UNITS * 7, compared
    assert ratio <= RATIO, cost


def _count(m):
    """How many lines the next look sees."""
    return json.loads(m.call("Probe", "('log', 'lines')", interface=REGISTRY)[0])["values"]["count"]


def _log(m, lines):
    m.run("systemd-cat", "--identifier=counted", stdin="".join(f"line {i}\n" for i in range(lines)))
    m.run("journalctl", "--sync")


def _last_look(m):
    return json.loads(m.out("waggle", "--json=short", "service", "show", "log"))["probes"][0]


def test_journal(m):
    """a journal that is rotated and cleared between looks, and a restart, lose no line and count none twice"""
    _count(m)
    counts = []
    for turn in range(4):
        _log(m, 3)
        m.run("journalctl", "--rotate")
        _log(m, 2)
        counts.append(_count(m))
        if turn == 2:
            m.run("journalctl", "--rotate", "--vacuum-time=1s")  # what was read is gone, and so is the place itself
    _log(m, 7)
    before = _last_look(m)["time_usec"]
    m.run("systemctl", "restart", MONITOR)
    look = m.wait("the look after the start", lambda: [p for p in [_last_look(m)] if (p.get("time_usec") or 0) > before], 60)[0]
    counts.append(look["values"]["count"])
    counts.append(_count(m))
    assert counts == [5, 5, 5, 5, 7, 0], counts


def _silence(m, numbers):
    """Which of them were taken."""
    rows = [[NOTIFY, "Silence", f"('alertname=No{n}', {{'duration': <uint64 36000000000>, 'comment': <'{'x' * 4000}'>}})", None, None]
            for n in numbers]  # fmt: skip
    errors = m.call_all(rows)
    assert set(errors) <= {None, "StoreFull"}, errors
    return {str(n) for n, error in zip(numbers, errors, strict=True) if error is None}


def _silences(m):
    rows = m.call("ListSilences", "(@a{sv} {},)", interface=NOTIFY)[0]
    return {found[1] for row in rows if (found := re.search(r"\bNo(\d+)\b", json.dumps(row)))}


def _store_state(m):
    """Empty while the service is being started."""
    words = m.run("busctl", "get-property", NAME, "/org/waggle/Monitoring1", NAME, "StoreState", check=False).stdout.split()
    return words[-1].strip('"') if words else ""


def test_full_disk(m):
    """on a full disk nothing is promised that is not kept, it is said, alerts are told, and it recovers"""
    m.run("systemctl", "stop", MONITOR)
    m.run("sh", "-c", f"set -e; cp -a {STATE} /srv/kept; mount -o loop /srv/small.img {STATE}; cp -a /srv/kept/. {STATE}")
    m.run("systemctl", "start", MONITOR)
    m.run("systemctl", "start", "fails@disk.service")
    taken = set()
    for turn in range(4):  # what the service has kept in reserve is taken from it, too
        m.run("dd", "if=/dev/zero", f"of={STATE}/ballast-{turn}", "bs=4K", check=False)
        taken |= _silence(m, range(turn * 15, turn * 15 + 15))
    m.wait("the state of the store", lambda: _store_state(m) != "ok", 40)
    assert "store" in m.out("busctl", "get-property", NAME, "/org/waggle/Monitoring1", NAME, "Degraded")
    m.run("systemctl", "kill", "--signal=SEGV", "fails@disk.service")
    time.sleep(2)
    m.run("systemctl", "kill", "--signal=KILL", MONITOR)
    m.run("sh", "-c", f"rm {STATE}/ballast-*")
    m.wait("the store to be well", lambda: _store_state(m) == "ok", 40)
    print(f"# {len(taken)} of 60 were taken")
    assert len(taken) < 60 and _silences(m) == taken, (sorted(taken), sorted(_silences(m)))
    assert _silence(m, [999]), "it takes nothing after there is room again"
    m.wait("the alert of meanwhile", lambda: _alert(m, "Failed"), 120)
    m.wait("who is told of it", lambda: [t for t in TOLD.findall(m.whole_console()) if t[4] == "fails@disk.service"], 120)
    m.run("systemctl", "stop", MONITOR)
    m.run("sh", "-c", f"set -e; rm -rf /srv/kept; cp -a {STATE} /srv/kept; umount {STATE}; rm -rf {STATE}; cp -a /srv/kept {STATE}")
    m.run("systemctl", "start", MONITOR)


def _told(m):
    """Whatever was since the units were killed: (key, fingerprint, status, name, unit)."""
    return TOLD.findall(m.whole_console()[BEFORE["begin"] :])


def _failed(m):
    """Who was told to have failed: fingerprint -> unit."""
    return {t[1]: t[4] for t in _told(m) if t[2] == "firing" and t[3] == "Failed"}


def test_before_the_cut(m):
    """alerts fire and are told, one is acknowledged, one silenced, a service has just been heard of: the power goes"""
    m.run("systemctl", "reset-failed")
    up = m.wait("Up", lambda: _alert(m, "Up"), 60)[0]
    BEFORE["up"] = up["fingerprint"]
    m.wait("its hook", lambda: [t for t in TOLD.findall(m.whole_console()) if t[3] == "Up"], 120)
    m.run("sh", "-c", "systemctl start $(seq -f 'fails@%g.service' 1 40)", timeout=120)
    BEFORE["begin"] = len(m.whole_console())
    m.run("systemd-run", "--quiet", "--collect", "sh", "-c", "for i in $(seq 40); do systemctl kill -s SEGV fails@$i; sleep 0.2; done")
    m.call("Silence", "('alertname=Quiet', {'duration': <uint64 36000000000>, 'comment': <'kept'>})", interface=NOTIFY)
    BEFORE["pushed"] = m.call("Push", "('backup', 'night', @a{sv} {})", interface=REGISTRY)[0]
    m.wait("five to be told", lambda: len(_failed(m)) >= 5, 300)
    m.run("waggle", "alerts", "ack", BEFORE["up"])
    m.power_cut()
    BEFORE["told"] = _failed(m)


def test_after_the_cut(m):
    """what was told is stored, once; what was promised is there"""
    m.wait("the service", lambda: m.run("waggle", "alerts", "list", check=False).returncode == 0, 120)
    fired = {row["fingerprint"] for row in _transitions(m) if row["kind"] == "firing"}
    unknown = set(BEFORE["told"]) - fired
    assert len(BEFORE["told"]) >= 5 and not unknown, unknown
    up = _alert(m, "Up")
    assert len(up) == 1 and up[0]["fingerprint"] == BEFORE["up"] and up[0]["state"] == "firing", up
    assert "uid:0" in m.call("Show", f"('{BEFORE['up']}',)", interface=ALERTS)[0]
    assert "Quiet" in (there := json.dumps(m.call("ListSilences", "(@a{sv} {},)", interface=NOTIFY)[0])), (there, _store_state(m))
    changes = json.loads(m.call("Watch", f"(uint64 {BEFORE['pushed'] - 1}, {{'wait': <uint64 0>}})", interface=REGISTRY)[1])
    assert (changes[0]["revision"], changes[0]["service"], changes[0]["what"]) == (BEFORE["pushed"], "backup", "pushed"), changes[:3]


def test_told_after_the_cut(m):
    """each alert that somebody was told of is told to be over, and what is told twice has the same key"""
    hit = set(BEFORE["told"])
    m.wait(f"{BEFORE['told']} to be over", lambda: hit <= {t[1] for t in _told(m) if t[2] == "resolved"}, 300)
    keys = {}
    for key, fingerprint, status, _name, _unit in _told(m):
        keys.setdefault((fingerprint, status), []).append(key)
    rows = _transitions(m)
    for (fingerprint, status), used in keys.items():
        stored = [r for r in rows if r["fingerprint"] == fingerprint and r["kind"] == status]
        assert len(set(used)) <= len(stored), (fingerprint, status, used, stored)


if __name__ == "__main__":
    tap.main(globals(), Vm, prepare=_prepare)
