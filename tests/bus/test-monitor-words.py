"""waggle service and alerts: what is typed wrong is refused, by its name and with the right status, and is
never taken for something else."""

import json
import os
import subprocess

from gi.repository import GLib

from harness import main
from monitord import REGISTRY, Monitord, check, equal, wait_for

WAGGLE = os.environ.get("WAGGLE", "waggle")
RULES = {"rules.d/a.yaml": "groups: [{name: g, rules: [{alert: Always, expr: vector(1)}]}]"}


class World(Monitord):
    def __init__(self):
        super().__init__("[Units]\nWatch=no\n", files=RULES, manager=False)

    def run(self, *args, stdin=b"", **more):
        env = {**self.environment(), "WAGGLE_MONITORING_ADDRESS": self.address, "LC_ALL": "C.UTF-8"}
        done = subprocess.run([WAGGLE, *args], env=env, capture_output=True, timeout=60, check=False, input=stdin, **more)
        done.out, done.err = done.stdout.decode(), done.stderr.decode()
        check("CRITICAL" not in done.err, done.err)
        return done

    def good(self, *args, **more):
        done = self.run(*args, **more)
        equal(done.returncode, 0, f"{args}: {done.err}")
        return done.out

    def refused(self, status, text, *args, **more):
        done = self.run(*args, **more)
        equal((done.returncode, done.out), (status, ""), f"{args}: {done.err}")
        check(text in done.err, f"{args}: {done.err}")


def test_bytes_that_are_no_text():
    """What no call can carry is not left out of the call: a filter without its word would be another one."""
    with World() as d:
        for args in (["service", "list", b"--tag=\xff"], ["service", "find", b"\xff"], ["service", "push", "a", "b", "-t", b"\xff"],
                     ["alerts", "list", "-m", b"unit=\xff"], ["alerts", "silence", "unit=a", "-m", b"\xff"],
                     ["metrics", "query", b"\xff"], ["why", b"\xff"]):
            d.refused(2, "is not UTF-8", *args)
        equal(d.good("alerts", "silences"), "0 silences.\n")
        for document in (b'{"name": "a\xff"}', b'{"name": "a"}\0more', b" " * (1024 * 1024 + 1)):
            d.refused(2, "standard input: a service is UTF-8", "service", "register", "-", stdin=document)
        equal(d.good("service", "list", "--all"), "")


def test_tests_of_rules_lie_anywhere():
    """The rule files that tests name are looked for beside them, also when they are named from where they are."""
    with World() as d:
        d.write("rules.yaml", RULES["rules.d/a.yaml"])
        d.write("tests.yaml", "rule_files: [rules.yaml]\ntests: [{alert_rule_test: [{eval_time: 1m, alertname: Always, "
                "exp_alerts: [{}]}]}]\n")
        with open(os.path.join(d.config_dir, "bytes.yaml"), "wb") as f:
            f.write(b"rule_files: [\xff]")
        check("1 rules, 1 tests" in d.good("alerts", "test", "--tests=tests.yaml", cwd=d.config_dir))
        for file, text in (("bytes.yaml", "is not UTF-8"), ("none.yaml", "No such file")):
            d.refused(78, text, "alerts", "test", f"--tests={file}", cwd=d.config_dir)


def test_names_that_there_are_not():
    with World() as d:
        wait_for(lambda: "Always" in d.good("alerts", "list"), "the alert")
        for args in (["alerts", "show", "none"], ["alerts", "ack", "none"], ["alerts", "drill", "none"], ["alerts", "try", "none"],
                     ["alerts", "unsilence", "7"], ["service", "show", "none"], ["why", "none"]):
            d.refused(3, "none" if args[-1] == "none" else "no silence 7", *args)
        d.refused(2, 'no state "fireing": pending, firing, keeping, flapping, unknown', "alerts", "list", "--state=fireing")
        check("Always" in d.good("alerts", "list", "--state=pending,firing"))
        number = d.good("alerts", "silence", "unit=a").strip()
        d.good("alerts", "unsilence", number)
        d.refused(8, "has ended already", "alerts", "unsilence", number)


def test_watching_goes_on_from_a_revision():
    with World() as d:
        for name in "abc":
            d.good("service", "register", "-", stdin=b"name: %s" % name.encode())
        changes = [json.loads(line) for line in watched(d, 0, 3)]
        first = changes[0]["revision"]
        equal(json.loads(watched(d, first, 1)[0])["revision"], changes[1]["revision"], "the one after it")
        d.refused(1, "list all services", "service", "watch", "--from=999999")


def watched(d, revision, n):
    """The first `n` lines of a watch."""
    env = {**d.environment(), "WAGGLE_MONITORING_ADDRESS": d.address}
    with subprocess.Popen([WAGGLE, "--json=short", "service", "watch", f"--from={revision}"], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as watch:
        lines = [watch.stdout.readline() for _ in range(n)]
        watch.terminate()
        check(all(lines), watch.stderr.read())
    return lines


def test_leaving_waits_for_no_watch():
    """Who waits for a change is told to ask again, so a restart takes no longer for it."""
    with Monitord("[Service]\nDrainSec=5min\n[Units]\nWatch=no\n", manager=False) as d:
        c = d.caller()
        answers = []
        c.client.connection.call(None, c.path, REGISTRY, "Watch", GLib.Variant("(ta{sv})", (0, {})), None, 0, 60000, None,
                                 lambda connection, result: answers.append(outcome(connection, result)))
        c.with_options(REGISTRY, "List")  # answered after the other was parked
        d.stop()
        wait_for(lambda: answers, "an answer")
        check("ShuttingDown" in answers[0], answers[0])


def outcome(connection, result):
    try:
        return str(connection.call_finish(result))
    except GLib.Error as e:
        return e.message


def test_whose_life_a_service_shares():
    """"pid" without a number would be the program that registers it, and that ends at once."""
    with World() as d:
        d.refused(2, "--pid=", "service", "register", "-", "--owner=pid", stdin=b"name: a")
        d.good("service", "register", "-", "--owner=pid", f"--pid={os.getpid()}", stdin=b"name: a")
        check("gone" not in d.good("service", "list", "--all"))


if __name__ == "__main__":
    main(globals())
