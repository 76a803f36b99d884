"""The same alerts and the same configuration for the monitor and for a real Alertmanager: whoever is told
by either is told the same. Each step ends when both have told what it has to bring, so a notice too
many of one of them is seen in the next; the order counts for each receiver and group.

Alerts of one wave are raised by one unit, that is, at once. What differs on purpose (group.h) is not
compared: alerts that are over while nobody may be told, and those that fire anew unheard."""

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

from harness import Skip, main
from hook import Hook
from monitord import NAME, Monitord, check, equal, wait_for
from servers import free_port

NOTIFY = NAME + ".Notify"
HOUR = 3600
ALERTS = {  # of a wave, each with its labels
    "one": {"a": {"alertname": "Down", "severity": "critical", "cluster": "c1", "instance": "i1"},
            "c": {"alertname": "Down", "severity": "warning", "cluster": "c2", "instance": "i3"},
            "d": {"alertname": "Slow", "severity": "warning", "cluster": "c1", "instance": "i1"},
            "e": {"alertname": "Slow", "severity": "info", "cluster": "c2", "team": "db"},
            "f": {"alertname": "Other", "severity": "info", "place": 'K\u00f6ln "\\ \u2713'}},
    "two": {"b": {"alertname": "Down", "severity": "critical", "cluster": "c1", "instance": "i2"}},
    "hush": {"s": {"alertname": "Down", "severity": "critical", "cluster": "c9", "instance": "i9"}},
}  # fmt: skip
TIMES = {"group_wait": "500ms", "group_interval": "2s", "repeat_interval": "1h"}
ALWAYS, NEVER = [{"years": ["2020:2200"]}], [{"years": ["2001"]}]
CONFIG = {
    "route": {"receiver": "root", "group_by": ["alertname"], **TIMES, "routes": [
        {"matchers": ['cluster="c9"'], "receiver": "root", "routes": [  # the silenced one
            {"matchers": ['instance="i9"'], "receiver": "cut"}]},
        {"matchers": ['severity="critical"'], "receiver": "nights", "mute_time_intervals": ["never", "always"],
         "continue": True},
        {"matchers": ['severity="critical"'], "receiver": "days", "active_time_intervals": ["never", "always"],
         "continue": True},
        {"matchers": ['severity="critical"'], "receiver": "crit", "group_by": ["cluster"], "continue": True},
        {"matchers": ['severity="critical"'], "receiver": "cut", "group_by": ["cluster"], "continue": True},
        {"matchers": ['alertname=~"Down|Slow"', 'cluster!="c2"'], "receiver": "dev", "group_by": ["..."], "routes": [
            {"match": {"instance": "i1"}, "receiver": "deep", "group_by": ["alertname", "nolabel"]}]},
        {"match_re": {"team": "d."}, "receiver": "quiet"},
        {"matchers": ["severity=info"], "receiver": "again", "repeat_interval": "3s"}]},
    "receivers": [{"name": n, "webhook_configs": [{"url": ""}]}
                  for n in ("root", "nights", "days", "crit", "dev", "deep", "again")]
                 + [{"name": "quiet", "webhook_configs": [{"url": "", "send_resolved": False}]},
                    {"name": "cut", "webhook_configs": [{"url": "", "max_alerts": 1}]}],
    "inhibit_rules": [{"source_matchers": ['severity="critical"'], "target_matchers": ['severity=~"warning|info"'],
                       "equal": ["cluster", "nolabel"]}],
    "time_intervals": [{"name": "always", "time_intervals": ALWAYS}, {"name": "never", "time_intervals": NEVER}],
}  # fmt: skip


def rules():
    return {"groups": [{"name": "g", "rules": [
        {"alert": labels["alertname"], "expr": f'sum(waggle_unit_state{{unit="{wave}.service",state="active"}}) == 1',
         "flapping": False, "labels": {k: v for k, v in labels.items() if k != "alertname"},
         "annotations": annotations(name, labels)} for wave, all_ in ALERTS.items() for name, labels in all_.items()]}]}


def annotations(name, labels):
    return {"summary": f"{labels['alertname']} there", "name": name}


def config(url):
    mine = json.loads(json.dumps(CONFIG))
    for receiver in mine["receivers"]:
        receiver["webhook_configs"][0]["url"] = url
    return mine


def told(hook):
    """Of each receiver and group, in order: the status, what it is of, and the alerts with theirs."""
    result = {}
    for _key, body in list(hook.got):
        alerts = [(a["annotations"]["name"], a["status"]) for a in body["alerts"]]
        group = (body["receiver"], json.dumps(body["groupLabels"], sort_keys=True))
        result.setdefault(group, []).append(
            (body["status"], sorted(alerts), body["commonLabels"], body["commonAnnotations"], body["truncatedAlerts"]))
    return result


class Pair:
    """The monitor and an Alertmanager, each with a web server that it tells."""

    def __enter__(self):
        self.theirs, self.ours = Hook(), Hook()
        self.monitord = Monitord(files={"rules.d/t.yaml": rules(), "alerting.yaml": config(self.ours.url)})
        for wave in ALERTS:
            self.monitord.unit(wave + ".service", start=False)
        self.caller = self.monitord.caller()
        path, port = self.monitord.write("am/am.yml", config(self.theirs.url)), free_port()
        self.url, self.since = f"http://127.0.0.1:{port}/api/v2/", {}
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "prometheus-alertmanager", "--config.file=" + path,
             "--storage.path=" + path + ".data", "--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        wait_for(self.is_up, "the Alertmanager")
        return self

    def __exit__(self, *why):
        self.process.terminate()
        self.process.wait()
        self.monitord.__exit__(*why)
        self.theirs.__exit__(*why)
        self.ours.__exit__(*why)

    def is_up(self):
        try:
            return urllib.request.urlopen(self.url + "status", timeout=60)
        except urllib.error.URLError:
            return None

    def post(self, what, document):
        request = urllib.request.Request(
            self.url + what, json.dumps(document).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def turn(self, wave, fires):
        self.monitord.systemd("StartUnit" if fires else "StopUnit", "(ss)", wave + ".service", "replace")
        now = time.time()
        if fires:
            self.since[wave] = now
        self.post("alerts", [
            {"labels": labels, "annotations": annotations(name, labels), "startsAt": stamp(self.since[wave]),
             "endsAt": stamp(now + HOUR if fires else now)} for name, labels in ALERTS[wave].items()])  # fmt: skip

    def silence(self, **label):
        (name, value), now = label.popitem(), time.time()
        self.post("silences", {
            "matchers": [{"name": name, "value": value, "isRegex": False, "isEqual": True}],
            "startsAt": stamp(now), "endsAt": stamp(now + HOUR), "createdBy": "test", "comment": "quiet"})  # fmt: skip
        self.caller.with_options(NOTIFY, "Silence", "s", f'{name}="{value}"', duration=HOUR * 1000000)

    def wait(self, receiver, *names):
        """Until both have last told this receiver of these alerts; "a" fires, "-a" is over."""
        wanted = {(name.lstrip("-"), "resolved" if name[0] == "-" else "firing") for name in names}
        for hook in (self.theirs, self.ours):
            wait_for(lambda h=hook: any(
                group[0] == receiver and set(rows[-1][1]) == wanted for group, rows in told(h).items()),
                f"{receiver} to hear {names} from {'the Alertmanager' if hook is self.theirs else 'the monitor'}")


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06}Z"


def test_told_alike():
    if shutil.which("prometheus-alertmanager") is None:
        raise Skip("prometheus-alertmanager is not installed")
    with Pair() as pair:
        pair.silence(cluster="c9")
        pair.turn("hush", True)
        pair.turn("one", True)
        for receiver, name in (("days", "a"), ("crit", "a"), ("cut", "a"), ("deep", "a"), ("root", "c"), ("quiet", "e"),
                               ("again", "f")):  # fmt: skip
            pair.wait(receiver, name)
        pair.turn("two", True)
        for receiver in ("days", "crit"):
            pair.wait(receiver, "a", "b")
        pair.wait("dev", "b")
        pair.turn("two", False)
        pair.wait("crit", "a", "-b")
        pair.wait("dev", "-b")
        for hook in (pair.theirs, pair.ours):  # f fires on
            wait_for(lambda h=hook: sum(b["receiver"] == "again" for _, b in h.got) >= 2, "it to be repeated")
        pair.turn("one", False)
        for receiver, name in (("days", "-a"), ("crit", "-a"), ("cut", "-a"), ("deep", "-a"), ("root", "-c"), ("again", "-f")):
            pair.wait(receiver, name)
        theirs, ours = told(pair.theirs), told(pair.ours)
        for group in ("again", '{"alertname": "Other"}'), ("days", '{"alertname": "Down"}'):
            check(group in theirs and group in ours, str(group))
        again = [side.pop(("again", '{"alertname": "Other"}')) for side in (theirs, ours)]
        for rows in again:  # how often, the clock decides
            equal([rows[0]] + rows[-1:], again[0][:1] + again[0][-1:], "what is repeated")
            check(all(row == rows[0] for row in rows[:-1]), str(rows))
        equal(ours, theirs, "told")
        check(not any(group[0] == "nights" for group in ours), str(ours))
        keys = [{frozenset(b), *(frozenset(a) for a in b["alerts"])} for _, b in (pair.theirs.got[0], pair.ours.got[0])]
        check(all(any(a <= b for b in keys[1]) for a in keys[0]), str(keys))


if __name__ == "__main__":
    main(globals())
