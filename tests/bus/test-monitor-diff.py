"""What a reload would change, before it is done: service diff and alerts diff, with diff's statuses."""

import json
import os
import subprocess

from harness import main, refused
from monitord import NAME, REGISTRY, Monitord, check, equal

WAGGLE = os.environ.get("WAGGLE", "waggle")
SERVICES = {"services": [{"name": "shop", "tags": ["web"], "probes": [{"push": "backup", "every": "1d"}]},
                         {"name": "old"}]}
RULES = {"groups": [{"name": "g", "rules": [{"alert": "Down", "expr": "vector(0) > 1", "for": "1m"}]}]}
ALERTING = {"route": {"receiver": "ops", "routes": [{"receiver": "ops", "matchers": ["team=a"]},
                                                    {"receiver": "ops", "matchers": ["team=b"]}]},
            "receivers": [{"name": "ops", "webhook": {
                "url": "http://127.0.0.1:1/x",
                "http_config": {"basic_auth": {"username": "u", "password": "hunter2"}}}}]}


class World(Monitord):
    def __init__(self):
        super().__init__("[Units]\nWatch=no\n", manager=False, files={
            "services.d/s.json": SERVICES, "rules.d/r.json": RULES, "alerting.yaml": ALERTING})

    def diff(self, family, status, *more):
        env = {**self.environment(), "WAGGLE_MONITORING_ADDRESS": self.address, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([WAGGLE, family, "diff", *more], env=env, capture_output=True, text=True,
                              timeout=60, check=False)
        equal(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status in (0, 1) else done.stderr


def copy(given):
    return json.loads(json.dumps(given))


def test_services():
    with World() as d:
        equal(d.diff("service", 0), "")
        new = copy(SERVICES)
        new["services"][0]["probes"][0]["every"] = "2d"
        new["services"][1] = {"name": "new", "metadata": {"k": "v"}}
        path = d.write("services.d/s.json", new)
        told = d.diff("service", 1).splitlines()
        equal(told, [f"+ service new  {path}:1", '    + /metadata/k: "v"', '    + /name: "new"',
                     f"- service old  {path}:1", '    - /name: "old"',
                     f"~ service shop  {path}:1", '    - /probes/0/every: "1d"', '    + /probes/0/every: "2d"'])
        equal(d.diff("alerts", 0), "")
        c = d.caller()
        services = json.loads(c.with_options(REGISTRY, "List", all=True)[1])
        equal(sorted(s["name"] for s in services), ["old", "shop"], "nothing is changed by looking")
        c.call("Reload")
        equal(d.diff("service", 0), "")
        # the same in other words is a difference of the files, and none once it was read
        new["services"][0]["probes"][0]["every"] = "48h"
        d.write("services.d/moved.json", new)
        os.unlink(path)
        told = json.loads(d.diff("service", 1, "--json=short"))
        equal([(t["name"], t["change"]) for t in told], [("shop", "changed")])
        c.call("Reload")
        equal(d.diff("service", 0), "")


def test_alerts():
    with World() as d:
        equal(d.diff("alerts", 0), "")
        rules, alerting = copy(RULES), copy(ALERTING)
        rules["groups"][0]["interval"] = "90s"
        rules["groups"][0]["rules"].append({"alert": "New", "expr": "vector(0) > 2"})
        alerting["receivers"][0]["webhook"]["http_config"]["basic_auth"]["password"] = "hunter3"
        alerting["route"]["routes"].reverse()
        alerting["inhibit_rules"] = [{"source_matchers": ["a=b"], "target_matchers": ["c=d"]}]
        d.write("rules.d/r.json", rules)
        d.write("alerting.yaml", alerting)
        told = d.diff("alerts", 1)
        for text in ("~ rule g/Down", "    + /interval: ", "+ rule g/New", "~ receiver ops", "(secret ",
                     "~ route {}", "    - /routes/0: ", '+ inhibition {a="b"} > {c="d"}'):
            check(text in told, f"{text} in {told}")
        check("hunter" not in told, told)
        equal(told.count("route {}"), 1, told)  # order is the root's; the routes themselves are as before
        equal(d.diff("service", 0), "")
        d.write("alerting.yaml", "route: {receivre: ops}\nreceivers: [{name: ops}]\n")
        check("did you mean receiver?" in d.diff("alerts", 78), "what is wrong with the file")
        check("did you mean receiver?" in d.diff("service", 78), "the reload would be refused as a whole")
        refused("InvalidArgument", d.caller().with_options, NAME, "Diff", what="everything", text="neither")
        d.write("alerting.yaml", alerting)
        d.caller().call("Reload")
        equal(d.diff("alerts", 0), "")


if __name__ == "__main__":
    main(globals())
