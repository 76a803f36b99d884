"""org.waggle.Monitoring1.Metrics, Why and Top: values, what they were, and what ails a unit."""

import json
import os
import shutil
import subprocess
import time

from harness import main, refused
from monitord import METRICS, REGISTRY, Monitord, check, equal, wait_for
from scrape import Tree, fetch, scrape, value

US = 1000000


class World(Monitord):
    def __init__(self, metrics="", **given):
        super().__init__(start=False, manager=False, **given)
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.configure(f"[Units]\nWatch=no\n[Metrics]\nIntervalSec=100ms\nFreshSec=0\n"
                       f"ControlGroups={self.tree.path}\n{metrics}\n[Http]\nListen=127.0.0.1:0\n")

    def query(self, caller, expr, **options):
        return caller.with_options(METRICS, "Query", "s", expr, **options)[0]

    def one(self, caller, expr):
        found = self.query(caller, expr)
        return found[0][3] if len(found) == 1 else None


def test_query():
    with World() as d:
        d.tree.group("system.slice/a.service", 2)
        d.tree.group("system.slice/b.service", 3)
        d.start()
        for over_bus in (False, True):
            c = d.caller(over_bus)
            c.wait(lambda: d.one(c, 'waggle_unit_memory_bytes{unit="a.service"}') == 8192, "a value")
            name, labels, at, got = d.query(c, 'waggle_unit_memory_bytes{unit="b.service"}')[0]
            equal((name, labels, got), ("waggle_unit_memory_bytes",
                                        {"unit": "b.service", "type": "service"}, 12288))
            check(abs(at / US - time.time()) < 20, "its time")
            equal(d.one(c, "sum(waggle_unit_memory_bytes)"), 20480)
            equal(d.one(c, "1 + 2"), 3)
            equal(d.query(c, 'waggle_unit_memory_bytes{unit="none"}'), [])
        refused("InvalidArgument", d.query, c, "sum(", text="column")
        refused("UnknownOption", d.query, c, "1", tme="x")


def test_history():
    """A counter that rises: its rate, a range, and the same after a restart."""
    with World() as d:
        d.tree.group("system.slice/a.service", 1)
        d.start()
        c = d.caller()
        cpu = 'waggle_unit_cpu_seconds_total{unit="a.service"}'
        begin = int(time.time() * US)
        for seed in range(1, 9):
            d.tree.group("system.slice/a.service", seed)
            c.wait(lambda: d.one(c, cpu) == seed * 3, f"cpu {seed * 3}")  # noqa: B023
        check((d.one(c, f"increase({cpu}[1m])") or 0) > 10, "it has risen")
        points = c.with_options(METRICS, "QueryRange", "sttt", cpu, begin, int(time.time() * US),
                                50000)[0][0][2]
        values = [v for _, v in points]
        equal(values, sorted(values), "a counter")
        check(values[-1] >= 21 and values[0] < 21, str(values))
        d.restart()
        c = d.caller()
        again = c.with_options(METRICS, "QueryRange", "sttt", cpu, begin, int(time.time() * US),
                               50000)[0][0][2]
        check(set(values) <= {v for _, v in again}, "the history is kept")


def test_what_is_gone_has_no_value_now():
    """What the history still has of it is looked back at, and not taken for what there is."""
    with World() as d:
        d.start()
        c = d.caller()
        c.with_options(REGISTRY, "Register", "s", json.dumps({"name": "a", "probes": [{"push": "p", "every": "1d"}]}), owner="none")
        state = 'waggle_probe_state{service="a",state="pending"}'
        c.wait(lambda: (d.one(c, f"count_over_time({state}[1m])") or 0) > 3, "history of it")
        equal(d.one(c, state), 1)
        c.with_options(REGISTRY, "Unregister", "s", "a")
        equal(d.query(c, state), [])
        check((d.one(c, f"count_over_time({state}[1m])") or 0) >= 3, "its past")


def test_recorded():
    """What a rule records is a value now, has a past that outlives a restart, and ends with what it is made of."""
    rule = {"record": "unit:memory", "expr": 'sum by (unit) (waggle_unit_memory_bytes{unit=~"[ab].service"})'}
    more = {"record": "unit:memory", "expr": "vector(5)", "labels": {"unit": "other"}}
    with World(files={"rules.d/r.yaml": {"groups": [{"name": "g", "interval": "1s", "rules": [rule, more]}]}}) as d:
        for name, seed in (("a", 2), ("b", 3)):
            d.tree.group(f"system.slice/{name}.service", seed)
        d.start()
        c = d.caller()
        begin = int(time.time() * US)
        c.wait(lambda: (d.one(c, 'count_over_time(unit:memory{unit="a.service"}[1m])') or 0) > 3, "history of it")
        equal(sorted((labels["unit"], got) for _, labels, _, got in d.query(c, "unit:memory")),
              [("a.service", 8192), ("b.service", 12288), ("other", 5)])
        shutil.rmtree(os.path.join(d.tree.path, "system.slice/a.service"))
        c.wait(lambda: d.query(c, 'unit:memory{unit="a.service"}') == [], "its end")
        equal(d.one(c, 'unit:memory{unit="other"}'), 5, "what another rule records under the name stays")
        c.wait(lambda: d.query(c, 'unit:memory{unit="a.service"}', time=int(time.time() * US)) == [], "its end in the past")
        d.restart()
        c = d.caller()
        past = c.with_options(METRICS, "QueryRange", "sttt", 'unit:memory{unit="a.service"}', begin, int(time.time() * US),
                              100000)[0][0][2]
        equal({got for _, got in past}, {8192}, "its past")
        check(past[-1][0] < time.time() * US, "which ended")


def test_ranges_are_bounded():
    with World() as d:
        for i in range(12):
            d.tree.group(f"system.slice/u{i}.service", i + 1)
        d.start()
        c = d.caller()
        now = int(time.time() * US)
        for args in ((now, now - 1, US), (now - US, now, 0), (0, now, US), (0, 2**63, 2**62)):
            refused("InvalidArgument", c.with_options, METRICS, "QueryRange", "sttt", "1", *args)
        equal(len(c.with_options(METRICS, "QueryRange", "sttt", "1", now - 60 * US, now,
                                 US)[0][0][2]), 61)
        memory = 'waggle_unit_memory_bytes{type="service"}'
        c.wait(lambda: d.one(c, f"count({memory})") == 12, "all values")
        # one is the value of now, which a question looks at without the history
        c.wait(lambda: (d.one(c, f"min(count_over_time({memory}[1m]))") or 0) > 1, "the history of them")
        now = int(time.time() * US)
        many = c.with_options(METRICS, "QueryRange", "sttt", memory, now, now + 3 * US, 1000)[0]
        equal(sorted((len(points), max(v for _, v in points), min(v for _, v in points)) for _, _, points in many),
              [(3001, (i + 1) * 4096, (i + 1) * 4096) for i in range(12)])
        refused("LimitsExceeded", c.with_options, METRICS, "QueryRange", "sttt", memory, now,
                now + 10 * US, 1000, text="100000")


def test_describe_and_series():
    """What is described is what is told, by both roads."""
    with World() as d:
        d.tree.group("system.slice/a.service", 1)
        d.start()
        c = d.caller()
        address = c.get("HttpAddresses", interface=METRICS)[0]
        wait_for(lambda: value(scrape(address), "waggle_unit_tasks", unit="a.service"), "values")
        described = {row[0]: row for row in c.with_options(METRICS, "Describe")[0]}
        told = scrape(address)
        for name, series in told.items():
            base = next((name[:-len(s)] for s in ("_bucket", "_sum", "_count")
                         if name.endswith(s) and name[:-len(s)] in described), name)
            allowed = set(described[base][3].split()) | {"le", "release"}
            for labels in series:
                check({k for k, _ in labels} <= allowed, f"{name} {labels}")
        listed = c.with_options(METRICS, "Series", "s", "waggle_unit_")[0]
        check({row[0] for row in listed} == {n for n in told if n.startswith("waggle_unit_")}, "names")


def test_why():
    with World() as d:
        d.tree.group("system.slice/a.service", 10, memory_max="41000\n", pids_max="3\n")
        d.start()
        c = d.caller()
        address = c.get("HttpAddresses", interface=METRICS)[0]
        wait_for(lambda: value(scrape(address), "waggle_unit_tasks", unit="a.service"), "values")
        c.wait(lambda: (d.one(c, "count_over_time(waggle_unit_oom_kills_total[1m])") or 0) > 2,
               "the history of none")
        d.tree.write("system.slice/a.service/memory.events", "high 0\noom_kill 4\n")
        d.tree.write("system.slice/a.service/cpu.stat", "usage_usec 30000001\n")  # to die takes some
        wait_for(lambda: value(scrape(address), "waggle_unit_oom_kills_total", unit="a.service") == 4,
                 "the kills")
        c.wait(lambda: any("4 of its processes" in f["text"] for f in why(c, "a")["findings"]),
               "the finding")
        told = why(c, "a.service")
        equal(told["memory"], 40960)
        texts = [f["text"] for f in told["findings"]]
        equal([f["severity"] for f in told["findings"]][0], "critical")
        check(any("MemoryMax=" in t for t in texts) and any("TasksMax=" in t for t in texts),
              str(texts))
        refused("NotFound", why, c, "nothing", text="nothing.service")


def why(c, unit):
    return json.loads(c.call("Why", "(sa{sv})", unit, {})[0])


def test_healthy_unit():
    with World() as d:
        d.tree.group("system.slice/a.service", 1)
        d.start()
        c = d.caller()
        c.wait(lambda: d.one(c, 'waggle_unit_tasks{unit="a.service"}') == 3, "values")
        equal([f["text"] for f in why(c, "a")["findings"]], ["Nothing that is measured ails it."])


def test_top_with_a_manager():
    with Monitord(config="[Metrics]\nIntervalSec=100ms\n[Http]\nListen=127.0.0.1:0\n") as d:
        d.unit("good.service")
        d.unit("bad.service", "[Service]\nExecStart=/bin/false\n")
        c = d.caller()

        def top():
            return json.loads(c.call("Top", "(a{sv})", {})[0])

        c.wait(lambda: any(u["unit"] == "bad.service" and u["active"] == "failed"
                           for u in top()["units"]) and "memory_total" in top()["host"],
               "the failed unit, and a first collection")
        t = top()
        equal(t["units"][0]["unit"], "bad.service", "what failed is first")
        check(any(u["unit"] == "good.service" for u in t["units"]), "the others")
        check(t["host"]["memory_total"] > 0 and t["host"]["cpus"] > 0, str(t["host"]))
        told = why(c, "bad")
        equal((told["findings"][0]["severity"], told["active"]), ("critical", "failed"))
        address = c.get("HttpAddresses", interface=METRICS)[0]
        equal(value(scrape(address), "waggle_unit_state", unit="bad.service", state="failed"), 1)
        equal(fetch(address)[0], 200)


def test_messaging_is_asked():
    """A real waggle-messaged on the same bus is asked, and never started for it."""
    with Monitord(config="[Metrics]\nIntervalSec=100ms\nSuiteIntervalSec=100ms\nFreshSec=0\n"
                         "[Http]\nListen=127.0.0.1:0\n") as d:
        c = d.caller()
        address = c.get("HttpAddresses", interface=METRICS)[0]
        wait_for(lambda: value(scrape(address), "waggle_monitor_collection_seconds_count"), "a turn")
        equal(value(scrape(address), "waggle_messaging_up"), None, "not running is no alarm")
        state = os.path.join(d.directory, "messaged")
        os.mkdir(state)
        env = d.environment()
        env.pop("NOTIFY_SOCKET")
        messaged = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", os.environ["WAGGLE_MESSAGED"], "--user",
             "--state-dir=" + state, "--listen=" + os.path.join(d.directory, "m")], env=env)
        wait_for(lambda: value(scrape(address), "waggle_messaging_up") == 1, "messaging answers")
        equal(value(scrape(address), "waggle_messaging_messages", state="queued"), 0)
        messaged.terminate()
        messaged.wait()
        wait_for(lambda: value(scrape(address), "waggle_messaging_up") is None, "it is gone")


if __name__ == "__main__":
    main(globals())
