"""What is told, by Prometheus' own tools: promtool's linter, and a real Prometheus that scrapes."""

import json
import os
import re
import subprocess
import sys
import tempfile

from harness import main
from monitord import METRICS, Monitord, check, equal, wait_for
from prometheus import Prometheus, need
from scrape import Tree, fetch, scrape, value


class World(Monitord):
    def __init__(self, more=""):
        super().__init__(start=False, manager=False)
        self.tree = Tree(os.path.join(self.directory, "cgroup"))
        self.tree.group("system.slice/a.service", 2)
        self.tree.group("system.slice/odd\\x2d\"name.service", 3)
        self.configure("[Units]\nWatch=no\n[Metrics]\nIntervalSec=100ms\nFreshSec=0\n"
                       f"ControlGroups={self.tree.path}\n[Http]\nListen=127.0.0.1:0\n{more}\n")
        self.start()
        self.http = self.caller().get("HttpAddresses", interface=METRICS)[0]
        wait_for(lambda: value(scrape(self.http), "waggle_unit_tasks", unit="a.service"), "values")


def test_promtool():
    need("promtool")
    with World() as d:
        done = subprocess.run(["promtool", "check", "metrics"], input=fetch(d.http)[2], text=True,
                              capture_output=True, timeout=60, check=False)
        equal((done.returncode, done.stdout + done.stderr), (0, ""), "promtool check metrics")


PACKAGING = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging")


def test_packaging():
    """The files for Prometheus and Grafana are those of the lists; Prometheus takes them, and each
    expression names metrics that there are."""
    need("promtool")
    prometheus = os.path.join(PACKAGING, "prometheus")
    done = subprocess.run([sys.executable, os.path.join(prometheus, "generate.py"), "--check"],
                          capture_output=True, text=True, timeout=60, check=False)
    equal((done.returncode, done.stdout + done.stderr), (0, ""), "generate.py --check")
    for what, name in (("rules", "rules.yml"), ("config", "scrape.yml")):
        done = subprocess.run(["promtool", "check", what, os.path.join(prometheus, name)],
                              capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)
    with open(os.path.join(PACKAGING, "grafana", "waggle.json"), encoding="utf-8") as f:
        dashboard = json.load(f)
    panels, marks = dashboard["panels"], [one["expr"] for one in dashboard["annotations"]["list"]]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump({"groups": [{"name": "g", "rules": [{"record": f"r{i}", "expr": e} for i, e in enumerate(
            marks + [panel["targets"][0]["expr"] for panel in panels if panel["type"] == "timeseries"])]}]}, f)
        f.flush()
        done = subprocess.run(["promtool", "check", "rules", f.name], capture_output=True, text=True, timeout=60,
                              check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)
    with World() as d:
        known = {row[0] for row in d.caller().with_options(METRICS, "Describe")[0]}
        titles = {panel["title"] for panel in panels if panel["type"] == "timeseries"}
        check(titles <= known and len(titles) > 60, str(titles - known))
        named = set(re.findall(r"waggle_\w+", " ".join(marks)))
        check(named <= known and "waggle_target_deployments_total" in named, str(named))


def test_scraped():
    """It takes OpenMetrics, and has each series as we tell it."""
    need("prometheus")
    with World("Created=yes\nCompat=yes") as d:
        p = Prometheus(d.directory, d.http)
        d.helpers.append(p)
        wait_for(lambda: p.query("up") == [1.0], "Prometheus scrapes", 60)
        wait_for(lambda: p.query('waggle_unit_cpu_seconds_total{unit="a.service"}') == [6.0], "CPU")
        equal(p.query('waggle_unit_memory_bytes{unit="odd\\\\x2d\\"name.service"}'), [12288.0])
        equal(p.query('node_systemd_unit_tasks_current{name="a.service"}'), [3.0])
        told = sum(len(series) for series in scrape(d.http).values())
        kept = p.query('count({__name__=~"(waggle|node|systemd)_.*",__name__!~".*_created"})')[0]
        check(abs(kept - told) <= 10, f"{kept} of {told} series")


if __name__ == "__main__":
    main(globals())
