"""Every row of the list of metrics is seen on a live endpoint, with each of its labels: the whole suite
runs beside the monitor, and everything that is counted happens once."""

import os
import re
import signal
import subprocess

from client import Client
from deployd import Deployd
from harness import DIES_WITH_US, listens, main
from monitord import METRICS, NAME, Monitord, check, equal, wait_for
from scrape import Tree, scrape, value

# Rows that cannot be seen here, and why. What only a kernel has is made of files below; so nothing is.
NOT_HERE = {}

PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging")
PROC = {
    "pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=100\n"
                    "full avg10=0.00 avg60=0.00 avg300=0.00 total=50\n",
    "diskstats": " 8 0 sda 10 0 80 5 20 0 160 9 0 12 14 0 0 0 0 0 0\n",
    "net/dev": "Inter-| Receive | Transmit\n face |bytes\n  eth0: 10 1 0 0 0 0 0 0 20 2 0 0 0 0 0 0\n",
    "self/mountinfo": "36 35 98:0 / / rw - ext4 /dev/root rw\n",
    "vmstat": "nr_free_pages 1\noom_kill 2\n",
    "meminfo": "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 50 kB\nSwapTotal: 8 kB\nSwapFree: 8 kB\n",
}
RULES = {"groups": [{"name": "g", "rules": [
    {"alert": "Failed", "expr": 'waggle_unit_state{unit="bad.service",state="failed"} == 1',
     "severity": "info"},
    {"alert": "Wrong", "expr": "waggle_unit_state + on(type) waggle_unit_state"}]}]}


def fake_proc(path):
    for name in ("loadavg", "stat", "self/stat", "self/statm"):
        with open("/proc/" + name, encoding="utf-8") as f:
            PROC.setdefault(name, f.read())
    for kind in ("memory", "io"):
        PROC["pressure/" + kind] = PROC["pressure/cpu"]
    for name, text in PROC.items():
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        with open(os.path.join(path, name), "w", encoding="utf-8") as f:
            f.write(text)
    return path


class Messaged:
    """waggle-messaged on the same bus; may be started anew."""

    def __init__(self, suite):
        self.state = os.path.join(suite.directory, "messaged")
        self.socket = os.path.join(suite.directory, "m")
        self.env = {k: v for k, v in suite.environment().items() if k != "NOTIFY_SOCKET"}
        os.mkdir(self.state)
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            DIES_WITH_US + [os.environ["WAGGLE_MESSAGED"], "--user", "--state-dir=" + self.state,
                            "--listen=" + self.socket], env=self.env)
        wait_for(lambda: listens(self.socket), "messaged")

    def client(self):
        return Client("unix:path=" + self.socket)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        if os.path.exists(self.socket):
            os.unlink(self.socket)


class Suite(Monitord):
    """The monitor on the bus of a real deployment service, which has the manager of units."""

    def __init__(self, deployment, files=None):
        super().__init__(start=False, bus=False, files=files)
        self.bus, self.manager, self.units = deployment.bus, deployment.manager, deployment.units
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.prober = self.script("prober", 'echo $$ >"$0.pid"; [ -e "$0.bad" ] && exit 1\nexec "%s"' % os.environ["WAGGLE_PROBER"])
        self.more["WAGGLE_PROBER"] = self.prober
        proc = fake_proc(os.path.join(self.directory, "proc"))
        self.configure("[Metrics]\nIntervalSec=100ms\nSuiteIntervalSec=100ms\nFreshSec=0\nSeriesPerUnit=40\nIPAccountingSec=100ms\n"
                       f"Proc={proc}\nControlGroups={self.tree.path}\n[Http]\nListen=127.0.0.1:0\n"
                       "[Alerts]\nEvaluateSec=1s\n")

    def script(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\n" + text + "\n")
        os.chmod(path, 0o755)
        return path

    def http(self):
        return self.caller().get("HttpAddresses", interface=METRICS)[0]

    def clean_up(self):
        self.bus = None  # it is the deployment service's
        super().clean_up()

    def break_prober(self):
        """It ends, and so does each that is started for it."""
        with open(self.prober + ".bad", "w", encoding="utf-8"), \
                open(self.prober + ".pid", encoding="utf-8") as f:
            os.kill(int(f.read()), signal.SIGKILL)


def report(messaged, result):
    """An attempt of a courier with that result."""
    client, courier = messaged.client(), messaged.client()
    client.call("RegisterAgent", "a", policy="{}")
    number = courier.call("RegisterCourier", name="test", backends=["log"])[0]
    client.send("a", b"x")
    got = courier.call("LeaseAttempts", number, wait=20000000)[0]
    courier.call("ReportAttempt", got[0][0], result, backend="log")
    client.send("a", b"y")
    token = client.receive("a")[0][1]
    client.call("Ack", token)
    client.close()
    courier.close()


def look_for_drift(c, deployment, seen):
    """What serves is intact, edited, and cannot be told; each until it was seen, and then as it was."""
    word = os.path.join(deployment.srv, "shop", "current", "word")
    tree = os.path.join(deployment.srv, "shop", deployment.current() + ".tree")

    def look(state):
        c.call("CheckDrift", "(asa{sv})", ["shop"], {})
        wait_for(lambda: seen.look() or ("waggle_target_drift", "state", state) in seen.values, state)

    os.rename(tree, tree + "~")
    look("unproven")
    os.rename(tree + "~", tree)
    look("intact")
    with open(word, "a", encoding="utf-8") as f:
        f.write("by hand\n")
    look("edited")


def happen(d, deployment, messaged, seen):
    """Everything that is counted."""
    c = deployment.caller()
    equal(c.run(deployment.release("1.0"))[:2], ("done", 0))
    equal(c.run(deployment.release("2.0", word="good, too"))[:2], ("done", 0))
    equal(c.run(deployment.release("3.0", word="broken"))[:2], ("rolled-back", 5))
    d.tree.group("system.slice/shop.service", 1, memory_high="4096\n", memory_max="8192\n")
    d.unit("bad.service", "[Service]\nExecStart=/bin/false\n")
    look_for_drift(c, deployment, seen)
    devices = "".join(f"8:{i} rbytes=1 wbytes=1 rios=1 wios=1\n" for i in range(20))
    d.tree.group("system.slice/far.service", 1, io_stat=devices)
    with open(os.path.join(d.units, "far.service.ip"), "w", encoding="ascii") as f:
        f.write("1 2 3 4")
    d.unit("far.service", "[Service]\nExecStart=/bin/sleep 1000\nIPAccounting=yes\n")
    report(messaged, "announced")
    d.break_prober()


class Seen:
    """The series of all scrapes so far: {metric: names of labels}."""

    def __init__(self, d):
        self.address = d.http()
        self.rows = {row[0]: (row[1], set(row[3].split())) for row in
                     d.caller().with_options(METRICS, "Describe")[0]}
        self.labels = {}
        self.values = set()  # (metric, label, value)

    def look(self):
        for name, series in scrape(self.address).items():
            base = next((name[:-len(s)] for s in ("_bucket", "_sum", "_count")
                         if name.endswith(s) and name[:-len(s)] in self.rows), name)
            for labels in series:
                self.labels.setdefault(base, set()).update(k for k, _ in labels)
                self.values.update((base, k, v) for k, v in labels)

    def missing(self):
        self.look()
        return {name: sorted(labels - self.labels.get(name, set())) for name, (_, labels) in
                self.rows.items() if name not in NOT_HERE and
                (name not in self.labels or labels - self.labels[name])}


def asked_by_rules():
    """(metric, label, value) of the shipped rules; events happen too seldom to be made here."""
    with open(os.path.join(PACKAGING, "prometheus", "rules.yml"), encoding="utf-8") as f:
        text = f.read()
    return {(name, label, given) for name, body in re.findall(r"(waggle_\w+)\{([^}]*)\}", text)
            for label, given in re.findall(r'(\w+)="([^"]*)"', body) if label != "event"}


def test_every_row():
    with Deployd() as deployment:
        deployment.target("shop")
        probe = {"name": "web", "interval": "100ms", "jitter": "0%", "file": deployment.directory}
        files = {"rules.d/x.yaml": RULES, "services.d/a.yaml": {"services": [
            {"name": "shop", "probes": [probe]}]}}
        with Suite(deployment, files) as d:
            messaged = Messaged(d)
            d.helpers.append(messaged)
            d.start()
            seen = Seen(d)
            wait_for(lambda: value(scrape(seen.address), "waggle_probe_up") == 1, "the probe")
            happen(d, deployment, messaged, seen)
            try:
                wait_for(lambda: not seen.missing(), "every row", 60)
            except Exception as error:
                raise AssertionError(f"no source writes {seen.missing()}") from error
            equal(set(NOT_HERE) - set(seen.rows), set(), "the list of exceptions")
            equal(asked_by_rules() - seen.values, set(), "what shipped rules ask for and nobody says")


def labels_of(series, name, **wanted):
    """The labels of the one series of that name that has `wanted`; {}: none."""
    found = [dict(labels) for labels in series.get(name, {}) if set(wanted.items()) <= labels]
    return found[0] if len(found) == 1 else {}


def test_release_and_invocation():
    """What runs in a unit is told by its labels, also after the next release and after a restart."""
    with Deployd() as deployment:
        deployment.target("shop")
        with Suite(deployment) as d:
            d.start()
            d.tree.group("system.slice/shop.service", 1)
            address, invocations = d.http(), set()

            def runs(release):
                s = scrape(address)
                info = labels_of(s, "waggle_unit_info", unit="shop.service")
                target = labels_of(s, "waggle_target_info", target="shop")
                tasks = labels_of(s, "waggle_unit_tasks", unit="shop.service")
                invocation = info.get("invocation")
                if invocation is None or invocation in invocations or not target or \
                        len({one.get("release") for one in (info, target, tasks)}) != 1 or \
                        info["release"] != release:
                    return False
                equal((info["slice"], info["type"], len(invocation)), ("system.slice", "service", 32))
                invocations.add(invocation)
                return True

            c = deployment.caller()
            for version in ("1.0", "2.0"):
                equal(c.run(deployment.release(version))[:2], ("done", 0))
                current = os.path.basename(deployment.current())
                wait_for(lambda: runs(current), f"the release {version}")  # noqa: B023
            d.restart()
            address = d.http()
            invocations.clear()
            wait_for(lambda: runs(current), "the release after a restart")


def test_what_was_edited_stays_known_while_nobody_is_asked():
    """The deployment service leaves when it is idle; what it has found counts on, over a restart of the monitor,
    and until another release serves."""
    with Deployd() as deployment:
        deployment.target("shop")
        with Suite(deployment) as d:
            d.start()

            def drift():
                return labels_of(scrape(d.http()), "waggle_target_drift", target="shop").get("state")

            c = deployment.caller()
            equal(c.run(deployment.release("1.0"))[:2], ("done", 0))
            word = os.path.join(deployment.srv, "shop", "current", "word")
            with open(word, "r+", encoding="utf-8") as f:
                f.write("evil")
            c.call("CheckDrift", "(asa{sv})", [], {})
            wait_for(lambda: drift() == "edited", "what was found")
            deployment.restart()
            d.restart()
            wait_for(lambda: drift() == "edited", "what was found, by the list")
            c = deployment.caller()
            with open(word, "r+", encoding="utf-8") as f:
                f.write("good")
            equal(c.run(deployment.release("2.0", word="good, too"))[:2], ("done", 0))
            wait_for(lambda: drift() is None, "another release")


def test_counters_survive():
    """What messaged counts goes on over its restart and ours, and so does what is counted here."""
    with Deployd() as deployment, Suite(deployment) as d:
        messaged = Messaged(d)
        d.helpers.append(messaged)
        d.start()

        def told(name, **labels):
            return value(scrape(d.http()), name, **labels)

        def until(want, result):
            wait_for(lambda: told("waggle_messaging_operations_total", operation="sent") == 2 * want and
                     told("waggle_messaging_deliveries_total", backend="log", result=result) == 1,
                     f"{want} rounds")

        report(messaged, "announced")
        until(1, "announced")
        messaged.stop()
        wait_for(lambda: told("waggle_messaging_operations_total", operation="sent") is None, "its end")
        messaged.start()
        report(messaged, "failed")
        until(2, "failed")
        calls = told("waggle_dbus_calls_total", interface=NAME, outcome="answered")
        requests = told("waggle_monitor_http_requests_total", code="200")
        d.restart()
        until(2, "announced")
        check(told("waggle_dbus_calls_total", interface=NAME, outcome="answered") >= calls > 0,
              "calls")
        check(told("waggle_monitor_http_requests_total", code="200") > requests > 0, "requests")


if __name__ == "__main__":
    main(globals())
