"""A store that does not give back what stands in it: told everywhere. That transitions are read later
which cannot be read at the start: tests/unit/monitoring/test-notify.c."""

import json
import os
import sqlite3
import subprocess

from harness import main
from hook import Hook
from monitord import ALERTS, METRICS, Monitord, check, equal, wait_for

FAILED = {"groups": [{"name": "units", "rules": [{
    "alert": "UnitFailed", "expr": 'waggle_unit_state{state="failed"} == 1'}]}]}
FAILS = "[Service]\nExecStart=/bin/sh -c 'exit 3'\n"


def world(url):
    return Monitord(files={"rules.d/test.yaml": FAILED, "alerting.yaml": {
        "route": {"receiver": "ops", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"},
        "receivers": [{"name": "ops", "webhook": {"url": url}}]}})


def rows(daemon, sql, *args):
    with sqlite3.connect(os.path.join(daemon.state, "monitord.db"), timeout=60) as db:
        found = db.execute(sql, args).fetchall()
    db.close()
    return found


def heard(hook):
    return [alert["status"] for _, body in hook.got for alert in body["alerts"]]


def fails_and_is_told(daemon, hook):
    daemon.unit("bad.service", FAILS)
    wait_for(lambda: heard(hook) == ["firing"], "it to be told")
    told = "SELECT name, value FROM cursor"
    wait_for(lambda: rows(daemon, "SELECT 1 FROM notification WHERE ended != 0"), "it to be noted")
    wait_for(lambda: rows(daemon, told) and rows(daemon, told)[0][1] != "0", "the cursor")


def degraded(daemon):
    return daemon.caller().get("Degraded")


def told_by_waggle(daemon):
    done = subprocess.run([os.environ.get("WAGGLE", "waggle"), "alerts", "list"], text=True,
                          capture_output=True, check=True,
                          env={**os.environ, "WAGGLE_MONITORING_ADDRESS": daemon.address})
    return done.stderr


def test_damaged_records():
    """A record whose checksum does not hold costs no other one, and is told."""
    with Hook() as hook, world(hook.url) as daemon:
        fails_and_is_told(daemon, hook)
        daemon.stop()
        rows(daemon, "UPDATE alert SET record = replace(record, 'bad.service', 'bed.service')")
        daemon.start()
        wait_for(lambda: any("records: 1 damaged record" in d for d in degraded(daemon)),
                 "the degraded state")
        check("table alert" in told_by_waggle(daemon), "waggle alerts list tells")
        daemon.wait_log("of the table alert is damaged and set aside")

        def metric():
            found = daemon.caller().with_options(METRICS, "Query", "s",
                                                 'waggle_monitor_degraded{what="records"}')
            return "records" in str(found)
        wait_for(metric, "the metric")
        caller = daemon.caller()  # the unit still fails: its alert is there anew
        wait_for(lambda: json.loads(caller.with_options(ALERTS, "List")[0]), "the alert")


if __name__ == "__main__":
    main(globals())
