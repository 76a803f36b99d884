"""waggle service and alerts: what is typed wrong is refused, by its name and with the right status, and is
never taken for something else."""

import json
import os
import socket
import subprocess
import time

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


def test_what_is_out_of_bounds_is_refused():
    """Not taken for something else, nor quietly made to fit; and what is wrong in a file has its name and line."""
    with World() as d:
        for span in ("0", "1ms", "2h", "infinity"):
            d.refused(2, "for a second at least and for an hour at most", "alerts", "drill", "Always", "--for=" + span)
        good, bad = os.path.join(d.directory, "good.yaml"), os.path.join(d.directory, "bad.yaml")
        for path, key in ((good, "for"), (bad, "fro")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"groups:\n- name: g\n  rules:\n  - alert: A\n    expr: vector(1)\n    {key}: 5s\n")
        for step in ("0", "1ms", "2d"):
            d.refused(2, "a step is a second at least", "alerts", "backtest", good, "--step=" + step)
        d.refused(2, "no history after now", "alerts", "backtest", good, "--since=tomorrow")
        d.refused(2, "no history after now", "alerts", "backtest", good, "--since=-1h", "--until=-2h")
        for verb in ("test", "backtest"):
            done = d.run("alerts", verb, bad)
            equal(done.returncode, 1, done.err)
            check(f"{bad}:6: /groups/0/rules/0/fro: unknown key" in done.out, done.out)
            d.refused(78, "/ cannot be read: Is a directory", "alerts", verb, "/")
            d.refused(78, "/dev/zero cannot be read: it is longer than 4 MiB", "alerts", verb, "/dev/zero")


def test_watching_goes_on_from_a_revision():
    with World() as d:
        for name in "abc":
            d.good("service", "register", "-", stdin=b"name: %s" % name.encode())
        changes = [json.loads(line) for line in watched(d, 0, 3)]
        first = changes[0]["revision"]
        equal(json.loads(watched(d, first, 1)[0])["revision"], changes[1]["revision"], "the one after it")
        d.refused(1, "list all services", "service", "watch", "--from=999999")


def test_watching_goes_on_over_a_restart():
    """Also where no socket is kept open meanwhile."""
    with World() as d:
        d.good("service", "register", "-", "--owner=none", stdin=b"name: a")
        env = {**d.environment(), "WAGGLE_MONITORING_ADDRESS": d.address}
        with subprocess.Popen([WAGGLE, "--json=short", "service", "watch", "--from=0"], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as watch:
            check(json.loads(watch.stdout.readline())["service"] == "a", "the first")
            d.stop()
            d.listener.close()
            os.unlink(d.path)
            time.sleep(2)  # longer than a service that says that it leaves is asked again
            d.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            d.listener.bind(d.path)
            d.listener.listen(64)
            d.start()
            d.good("service", "register", "-", "--owner=none", stdin=b"name: b")
            told = []
            while not told or told[-1]["service"] != "b":
                line = watch.stdout.readline()
                check(line, "it has ended: " + (watch.stderr.read() if not line else ""))
                told.append(json.loads(line))
            watch.terminate()


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


def is_time(told, key):
    equal((type(told[key]), type(told[key + "_usec"])), (str, int), f"{key}: {told}")
    return True


def keys_of(told, own=("labels", "annotations", "metadata", "values")):
    """All names of members that are the suite's."""
    if isinstance(told, list):
        return {key for one in told for key in keys_of(one)}
    if not isinstance(told, dict):
        return set()
    return set(told) | {key for name, one in told.items() if name not in own for key in keys_of(one)}


def test_times_and_keys_of_json():
    """As waggle(1) says of --json: ISO 8601 and microseconds side by side, "_" in keys; names that are somebody's stay."""
    with World() as d:
        d.good("service", "register", "-", stdin=b'{"name": "a", "metadata": {"team-of": "red"}, "probes": [{"push": "p", "every": "1d"}]}')
        d.good("service", "push", "a", "p")
        d.good("service", "maintenance", "a", "--until=+1h")
        d.good("alerts", "silence", "unit=a")
        wait_for(lambda: "Always" in d.good("alerts", "list"), "the alert")
        wait_for(lambda: "told" in d.good("alerts", "notifications"), "somebody was told")

        def told(*args):
            answer = json.loads(d.good("--json=short", *args))
            check(not any("-" in key for key in keys_of(answer)), f"{args}: {answer}")
            return answer

        service = told("service", "show", "a")
        equal(service["metadata"], {"team-of": "red"})
        check(is_time(service, "since") and is_time(service, "registered") and is_time(service["maintenance"], "until"))
        check(is_time(service["probes"][0], "time") and is_time(told("service", "list", "-a")[0], "since"))
        alert = told("alerts", "list")[0]
        check(is_time(alert, "time") and is_time(alert, "active_at") and is_time(alert, "fired_at"))
        equal(told("alerts", "show", "Always"), alert)
        check(is_time(told("alerts", "history")[0], "time") and told("alerts", "rules") and is_time(told("top"), "time"))
        silence = told("alerts", "silences")[0]
        check(is_time(silence, "starts_at") and is_time(silence, "ends_at"))
        check(is_time([n for n in told("alerts", "notifications") if n["state"] == "told"][0], "ended"))
        check(all(is_time(json.loads(line), "time") for line in watched(d, 0, 2)))


def test_what_others_wrote_steers_no_terminal():
    with World() as d:
        d.good("service", "register", "-", stdin=b'{"name": "a", "probes": [{"push": "p", "every": "1d"}]}')
        d.good("service", "push", "a", "p", "--fail", "-t", "red \x1b]0;title\x07 \x1b[2J")
        d.good("service", "maintenance", "a", "--reason=\x1b[31m disks", "--until=+1h")
        for args in (["show", "a"], ["list", "-a"]):
            text = d.good("service", *args)
            check("disks" in text and "\x1b" not in text and "\x07" not in text, repr(text))
        check(", until 20" in d.good("service", "show", "a"), "when it ends")


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
