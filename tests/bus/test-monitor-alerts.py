"""Alerts end to end: a unit fails, and it is a stored alert; rules are read, refused, tried out; what
was pending or fired is so after a kill."""

import fcntl
import json
import os
import signal
import subprocess
import time

from harness import main
from monitord import ALERT, ALERTS, PATH, Caller, Error, Monitord, check, equal, vardict, wait_for

FAILED = {"groups": [{"name": "units", "rules": [{
    "alert": "UnitFailed", "expr": 'waggle_unit_state{state="failed"} == 1', "severity": "critical",
    "annotations": {"summary": "{{ $labels.unit }} has failed"}, "what-to-do": "look at it"}]}]}
FAILS = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"
RUNS = "[Service]\nExecStart=/bin/sleep 1000\n"


class Alerts(Caller):
    def list(self, **options):
        return json.loads(self.with_options(ALERTS, "List", **options)[0])

    def show(self, alert):
        return json.loads(self.call("Show", "(s)", alert, interface=ALERTS)[0])

    def history(self, **options):
        return json.loads(self.with_options(ALERTS, "History", **options)[0])

    def rules(self):
        return json.loads(self.with_options(ALERTS, "ListRules")[0])

    def ack(self, alert, **options):
        self.with_options(ALERTS, "Acknowledge", "s", alert, **options)

    def drill(self, rule, **options):
        return self.with_options(ALERTS, "Drill", "s", rule, **options)[0]

    def states(self):
        return {a["labels"].get("unit", a["labels"]["alertname"]): a["state"] for a in self.list()}

    def firing(self, name):
        wait_for(lambda: self.states().get(name) == "firing", f"an alert of {name}")
        return [a for a in self.list() if name in a["labels"].values()][0]

    def test(self, rules, **options):
        return handed(self, "Test", rules, **options)

    def backtest(self, rules, **options):
        return handed(self, "Backtest", rules, **options)


def object_path(fingerprint):
    """D-Bus paths escape a digit at the beginning."""
    first = fingerprint[0]
    return f"{PATH}/alert/" + (f"_{ord(first):x}" if first.isdigit() else first) + fingerprint[1:]


def handed(caller, method, rules, **options):
    """A method that takes a rule file."""
    fd = os.memfd_create("rules", os.MFD_ALLOW_SEALING)
    os.write(fd, (rules if isinstance(rules, str) else json.dumps(rules)).encode())
    fcntl.fcntl(fd, 1033, 1 | 2 | 4 | 8)  # F_ADD_SEALS
    answer = caller.call(method, "(ha{sv})", 0, vardict(options), interface=ALERTS, fds=[fd])
    os.close(fd)
    return json.loads(answer[0])


def world(rules=None, **given):
    return Monitord(files={"rules.d/test.yaml": rules or FAILED}, **given)


def test_failing_unit():
    with world() as daemon:
        caller = Alerts(daemon)
        daemon.unit("good.service", RUNS)
        daemon.unit("bad.service", FAILS)
        alert = caller.firing("bad.service")
        equal(alert["severity"], "critical")
        equal(alert["annotations"]["summary"], "bad.service has failed")
        equal(alert["annotations"]["what_to_do"], "look at it")
        equal(set(caller.states()), {"bad.service"})
        equal(caller.get("State", path=object_path(alert["fingerprint"]), interface=ALERT), "firing")
        wait_for(lambda: ("firing", alert["fingerprint"]) in
                 [(t[1], t[2]) for t in caller.of("Transition")], "the signal")
        # it runs again: resolved, and the history tells both
        daemon.manager.write("bad.service", RUNS)
        daemon.systemd("Reload")
        daemon.systemd("StartUnit", "(ss)", "bad.service", "replace")
        wait_for(lambda: not caller.list(), "the end of the alert")
        kinds = [t["kind"] for t in caller.history(alert=alert["fingerprint"])]
        equal(kinds, ["resolved", "firing"])


def test_acknowledge():
    with world() as daemon:
        caller = Alerts(daemon)
        daemon.unit("bad.service", FAILS)
        alert = caller.firing("bad.service")
        caller.ack("UnitFailed", comment="on it")
        shown = caller.show(alert["fingerprint"])
        check(shown["acknowledged"], "it is acknowledged")
        equal(shown["comment"], "on it")
        equal(shown["who"], f"uid:{os.getuid()}")
        # a promise: it is there after a kill
        daemon.restart(signal.SIGKILL)
        caller = Alerts(daemon)
        check(caller.firing("bad.service")["acknowledged"], "still acknowledged")
        try:
            caller.ack("UnitFaled")
            check(False, "an alert that is none was acknowledged")
        except Error as e:
            check("did you mean UnitFailed" in str(e), str(e))


def test_for_over_a_kill():
    rules = json.loads(json.dumps(FAILED))
    rules["groups"][0]["rules"][0]["for"] = "5s"
    with world(rules) as daemon:
        caller = Alerts(daemon)
        daemon.unit("bad.service", FAILS)
        wait_for(lambda: caller.states().get("bad.service") == "pending", "a pending alert")
        first = caller.list()[0]
        daemon.restart(signal.SIGKILL)
        caller = Alerts(daemon)
        alert = caller.firing("bad.service")
        equal(alert["active-at"], first["active-at"])
        check(alert["fired-at"] - alert["active-at"] >= 5000000, "for has passed")
        equal([t["kind"] for t in caller.history()], ["firing", "pending"])


def test_flapping_over_a_kill():
    """What fired and was resolved before a kill counts: the third change is flapping."""
    rules = json.loads(json.dumps(FAILED))
    rules["groups"][0]["rules"][0]["flapping"] = {"changes": 3, "within": "1h"}
    with world(rules) as daemon:
        caller = Alerts(daemon)
        daemon.unit("bad.service", FAILS)
        caller.firing("bad.service")
        daemon.manager.write("bad.service", RUNS)
        daemon.systemd("Reload")
        daemon.systemd("StartUnit", "(ss)", "bad.service", "replace")
        wait_for(lambda: not caller.list(), "the end of the alert")
        wait_for(lambda: caller.history()[0]["kind"] == "resolved", "it to be on the disk")
        daemon.restart(signal.SIGKILL)
        caller = Alerts(daemon)
        equal(caller.list(), [])  # what is over is kept, and not shown
        daemon.manager.write("bad.service", FAILS)
        daemon.systemd("Reload")
        daemon.systemd("RestartUnit", "(ss)", "bad.service", "replace")
        alert = caller.firing("bad.service")
        check(alert["flapping"], alert)
        wait_for(lambda: [t["kind"] for t in caller.history()] ==
                 ["flapping", "firing", "resolved", "firing"], "the history")
        # and what flaps does so after one more
        daemon.restart(signal.SIGKILL)
        caller = Alerts(daemon)
        check(caller.firing("bad.service")["flapping"], "still flapping")


def test_unknown():
    """Nobody knows: neither firing nor resolved, over a kill, too, until there is data again."""
    rules = {"groups": [{"name": "g", "interval": "1s", "rules": [{
        "alert": "Down", "expr": 'waggle_probe_up{service="shop"} == 0', "no-data": "unknown"}]}]}
    with world(rules) as daemon:
        caller = Alerts(daemon)
        there = os.path.join(daemon.directory, "there")

        def serve(*services):
            daemon.write("services.d/s.yaml", {"services": list(services)})
            caller.call("Reload")

        def state_of(name, value):
            return [a for a in caller.list() if a["labels"].get(name) == value]
        shop = {"name": "shop", "probes": [{"file": there, "name": "f", "interval": "200ms"}]}
        wait_for(lambda: state_of("no_data", "true"), "the rule's own alert")
        equal(state_of("no_data", "true")[0]["state"], "unknown")
        equal(caller.list(states=["firing", "pending"]), [])
        equal(len(caller.list(states=["unknown"])), 1)
        serve(shop)
        wait_for(lambda: [a["state"] for a in state_of("service", "shop")] == ["firing"], "firing")
        wait_for(lambda: not state_of("no_data", "true"), "the end of the rule's own alert")
        serve()
        wait_for(lambda: [a["state"] for a in state_of("service", "shop")] == ["unknown"], "unknown")
        alert = state_of("service", "shop")[0]
        equal((alert["before"], "resolved-at" in alert), ("firing", False))
        equal(caller.get("State", path=object_path(alert["fingerprint"]), interface=ALERT),
              "unknown")
        equal(caller.list(states=["firing"]), [])
        wait_for(lambda: caller.history(alert=alert["fingerprint"])[0]["kind"] == "unknown",
                 "it to be on the disk")
        daemon.restart(signal.SIGKILL)
        caller = Alerts(daemon)
        equal([a["state"] for a in state_of("service", "shop")], ["unknown"])
        open(there, "w").close()
        serve(shop)
        wait_for(lambda: not caller.list(), "the end")
        wait_for(lambda: [t["kind"] for t in caller.history(alert=alert["fingerprint"])] ==
                 ["resolved", "known", "unknown", "firing"], "the history")


def test_rules_refused():
    with world() as daemon:
        caller = Alerts(daemon)
        daemon.write("rules.d/test.yaml", """groups:
  - name: g
    rules:
      - alert: A
        expr: rte(x[5m]) > 1
        fro: 5m
      - expr: 1
""")
        try:
            caller.call("Reload")
            check(False, "bad rules were taken")
        except Error as e:
            for part in ("test.yaml:5", "did you mean rate", "test.yaml:6", "did you mean for",
                         "/groups/0/rules/1"):
                check(part in str(e), f"{part} in {e}")
        equal([r["rule"] for r in caller.rules()], ["units/UnitFailed"])
        daemon.unit("bad.service", FAILS)
        caller.firing("bad.service")  # the old set is in force
        daemon.write("rules.d/test.yaml", {"groups": []})
        caller.call("Reload")
        wait_for(lambda: not caller.list(), "the end of an alert without a rule")
        # what has ended is written a moment later
        wait_for(lambda: caller.history()[0].get("reason") == "rule removed", "the reason")


def test_drill():
    with world() as daemon:
        caller = Alerts(daemon)
        fingerprint = caller.drill("UnitFailed", duration=3000000)
        shown = caller.show(fingerprint)
        check(shown["drill"] and shown["labels"]["drill"] == "true", "it is marked")
        wait_for(lambda: not caller.list(), "the end of the drill")
        equal([(t["kind"], t.get("drill")) for t in caller.history()],
              [("resolved", True), ("firing", True)])


def test_try_out():
    rules = {"groups": [{"name": "g", "rules": [{
        "alert": "Slow", "expr": "latency > 1", "for": "2m", "labels": {"severity": "warning"},
        "annotations": {"summary": "{{ $value }} s"}}]}]}
    tests = {"evaluation_interval": "1m", "tests": [{
        "interval": "1m", "input_series": [{"series": 'latency{job="a"}', "values": "0 2 2 2 0"}],
        "alert_rule_test": [
            {"eval_time": "2m", "alertname": "Slow", "exp_alerts": []},
            {"eval_time": "3m", "alertname": "Slow", "exp_alerts": [{
                "exp_labels": {"job": "a", "severity": "warning"},
                "exp_annotations": {"summary": "2 s"}}]},
            {"eval_time": "4m", "alertname": "Slow", "exp_alerts": []}],
        "promql_expr_test": [{"expr": "latency * 2", "eval_time": "1m", "exp_samples": [
            {"labels": '{job="a"}', "value": 4}]}]}]}
    with world() as daemon:
        caller = Alerts(daemon)
        outcome = caller.test(rules, tests=json.dumps(tests))
        check(outcome["ok"] and outcome["tests"] == 4, outcome)
        tests["tests"][0]["alert_rule_test"][0]["exp_alerts"] = [{"exp_labels": {"job": "a"}}]
        outcome = caller.test(rules, tests=json.dumps(tests))
        equal((outcome["ok"], len(outcome["failures"])), (False, 1))
        rules["groups"][0]["rules"][0]["expr"] = "latency >"
        outcome = caller.test(rules)
        check(not outcome["ok"] and "column 10" in outcome["problems"][0]["text"], outcome)


def test_rule_files_of_tests():
    """promtool's way: the tests name the rules, beside themselves."""
    with world() as daemon:
        rule = {"groups": [{"name": "g", "rules": [{"alert": "Slow", "expr": "latency > 1"}]}]}
        tests = {"rule_files": ["rules/*.yaml"], "tests": [{
            "interval": "1m", "input_series": [{"series": "latency", "values": "0 2"}],
            "alert_rule_test": [{"eval_time": "1m", "alertname": "Slow", "exp_alerts": [{}]}]}]}
        daemon.write("../tests/rules/a.yaml", rule)
        path = os.path.normpath(daemon.write("../tests/t.yaml", tests))

        def waggle(*args):
            return subprocess.run([os.environ.get("WAGGLE", "waggle"), "alerts", "test", *args],
                                  capture_output=True, text=True, check=False, cwd="/", env={
                                      **os.environ, "WAGGLE_MONITORING_ADDRESS": daemon.address})
        done = waggle("--tests=" + path)
        equal((done.stdout, done.returncode), ("good: 1 rules, 1 tests\n", 0), done.stderr)
        done = waggle("--tests=" + path, os.path.join(os.path.dirname(path), "rules/a.yaml"))
        equal(done.stdout, "good: 1 rules, 1 tests\n", "the same file is read once")
        daemon.write("../tests/rules/a.yaml", {"groups": [{"name": "g", "rulse": []}]})
        done = waggle("--tests=" + path)
        check("rules/a.yaml:1: /groups/0" in done.stdout and done.returncode == 1, done.stdout)
        tests["rule_files"] = ["nothing.yaml"]
        daemon.write("../tests/t.yaml", tests)
        check("there is no file nothing.yaml" in waggle("--tests=" + path).stderr, "it is told")
        equal(waggle().returncode, 2, "exit status of wrong usage")


def test_backtest():
    """What was, judged by a rule that was not there then."""
    with world({"groups": []}, config="[Metrics]\nIntervalSec=1s\n") as daemon:
        caller = Alerts(daemon)
        daemon.unit("bad.service", FAILS)
        begin = time.time()

        def told():
            outcome = caller.backtest(FAILED, step=1000000, since=int((begin - 60) * 1e6))
            return [t for t in outcome["transitions"]
                    if t["kind"] == "firing" and t["labels"].get("unit") == "bad.service"]
        wait_for(told, "a firing in the past")
        check(abs(told()[0]["fired-at"] / 1e6 - begin) < 60, told())
        equal(caller.list(), [])  # nothing of it is real
        equal(caller.history(), [])


def test_cause():
    """What cannot run without a failed unit follows from it."""
    with world() as daemon:
        caller = Alerts(daemon)
        text = "[Service]\nExecStart=/bin/sh -c 'while [ ! -e {} ]; do sleep 0.05; done; exit 3'\n"
        one, two = (os.path.join(daemon.directory, name) for name in ("one", "two"))
        daemon.unit("base.service", text.format(one))
        daemon.unit("upper.service", "[Unit]\nRequires=base.service\n" + text.format(two))
        open(one, "w").close()
        base = caller.firing("base.service")
        open(two, "w").close()
        upper = caller.firing("upper.service")
        wait_for(lambda: caller.show(upper["fingerprint"]).get("cause") == base["fingerprint"],
                 "the cause")
        equal(caller.show(base["fingerprint"])["dependants"], [upper["fingerprint"]])
        check("cause" not in caller.show(base["fingerprint"]), "the cause follows from nothing")


if __name__ == "__main__":
    main(globals())
