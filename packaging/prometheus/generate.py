"""generate.py: what Prometheus, Grafana and readers of waggle-metrics(5) need of Waggle, made from the one list of metrics
(src/monitoring/metrics-list.c) and the shipped rules (packaging/rules). Without an argument it writes the files beside it; with --check it
compares them and fails where they differ. Never edit what it writes."""

import json
import os
import re
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
LIST = os.path.join(HERE, "..", "..", "src", "monitoring", "metrics-list.c")
ROW = re.compile(r"\[MON_M_\w+\] =\s*\{(.*?)\},\n", re.S)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
PANELS = (("Units", "waggle_unit_"), ("Machine", "waggle_host_"), ("Messages", "waggle_messaging_"),
          ("Deployments", "waggle_deployment"), ("Targets", "waggle_target_"), ("Calls", "waggle_dbus_"), ("Probes", "waggle_prob"), ("Alerts", "waggle_alert"),
          ("The monitor", "waggle_monitor_"))

GROUPS = (("UNITS", ("waggle_unit", "waggle_event", "waggle_manager")), ("MACHINE", ("waggle_host_",)),
          ("MESSAGES", ("waggle_messaging_", "waggle_agent_")),
          ("DEPLOYMENTS AND CALLS", ("waggle_deployment", "waggle_target_", "waggle_dbus_")),
          ("SERVICES AND ALERTS", ("waggle_service", "waggle_prob", "waggle_alert", "waggle_rule_",
                                   "waggle_notification", "waggle_silence")),
          ("THE MONITOR ITSELF", ("waggle_monitor_",)))


def metrics():
    with open(LIST, encoding="utf-8") as f:
        text = f.read()
    rows = ROW.findall(text)
    if len(rows) != text.count("[MON_M_"):
        raise SystemExit("generate.py does not understand each row of metrics-list.c")
    for row in rows:
        joined = re.sub(r'"\s*\n\s*"', "", row)
        if "MON_" not in joined:
            continue
        head, kind = joined[:joined.rindex("MON_")], joined[joined.rindex("MON_"):].split(",")[0]
        strings = STRING.findall(head)
        if not strings:
            continue
        unit = strings[1] if len(strings) == 4 else ""
        yield {"name": strings[0], "unit": unit, "help": strings[-2], "labels": strings[-1],
               "type": kind}


def scrape():
    return """# Made by generate.py. What is scraped is the loopback socket of waggle-monitord.socket.
scrape_configs:
  - job_name: waggle
    static_configs:
      - targets: ['127.0.0.1:@PORT@']
""".replace("@PORT@", port())


def port():
    with open(os.path.join(HERE, "..", "..", "units", "system",
                           "waggle-monitord-metrics.socket"),
              encoding="utf-8") as f:
        return re.search(r"ListenStream=127\.0\.0\.1:(\d+)", f.read())[1]


def rule(one):
    """Without what only waggle-monitord knows; its severity is a label."""
    known = ("alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations")
    plain = {key: one[key] for key in known if key in one}
    plain.pop("keep_firing_for", None)  # Prometheus has it from 2.42 on only
    if "severity" in one:
        plain["labels"] = {**plain.get("labels", {}), "severity": one["severity"]}
    if "what-to-do" in one:
        plain["annotations"] = {**plain.get("annotations", {}), "description": one["what-to-do"]}
    return plain


def rules():
    with open(os.path.join(HERE, "..", "rules", "waggle.yaml"), encoding="utf-8") as f:
        shipped = yaml.safe_load(f)
    groups = [{"name": group["name"], "rules": [rule(one) for one in group["rules"]]}
              for group in shipped["groups"]]
    return "# Made by generate.py from packaging/rules/waggle.yaml.\n" + yaml.safe_dump(
        {"groups": groups}, sort_keys=False, width=100)


def expression(metric):
    if metric["type"] == "MON_HISTOGRAM":
        return f"histogram_quantile(0.99, sum by (le) (rate({metric['name']}_bucket[5m])))"
    if metric["type"] == "MON_COUNTER":
        return f"topk(10, rate({metric['name']}[5m]))"
    return f"topk(10, {metric['name']})"


def panel(number, metric):
    unit = {"seconds": "s", "bytes": "bytes"}.get(metric["unit"], "short")
    return {"id": number, "type": "timeseries", "title": metric["name"],
            "description": metric["help"],
            "gridPos": {"h": 8, "w": 12, "x": number % 2 * 12, "y": number // 2 * 8},
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "targets": [{"expr": expression(metric), "refId": "A"}]}


# Lines across all panels: (name, colour, expression, title, text). A deployment is a moment, an alert a span.
ANNOTATIONS = [
    ("Deployments", "blue", "changes(waggle_target_deployments_total[1m]) > 0", "{{target}}: {{result}}", "a deployment has ended"),
    ("Releases", "green", "waggle_target_info unless waggle_target_info offset 1m", "{{target}}", "release {{release}}"),
    ("Critical alerts", "red", 'ALERTS{alertstate="firing", severity="critical"}', "{{alertname}}", "{{unit}} {{service}}"),
]  # fmt: skip


def annotation(name, colour, expr, title, text):
    return {"name": name, "enable": True, "iconColor": colour, "expr": expr, "step": "30s", "titleFormat": title,
            "textFormat": text, "datasource": {"type": "prometheus", "uid": "${datasource}"}}


def dashboard():
    panels, number = [], 0
    for title, prefix in PANELS:
        wanted = [m for m in metrics() if m["name"].startswith(prefix) and m["type"] != "MON_INFO"]
        number += number % 2
        panels.append({"id": 1000 + len(panels), "type": "row", "title": title, "collapsed": False,
                       "panels": [], "gridPos": {"h": 1, "w": 24, "x": 0, "y": number // 2 * 8}})
        for metric in wanted:
            panels.append(panel(number, metric))
            number += 1
    return json.dumps({
        "title": "Waggle", "uid": "waggle", "schemaVersion": 38, "tags": ["waggle"],
        "time": {"from": "now-6h", "to": "now"}, "refresh": "30s", "panels": panels,
        "annotations": {"list": [annotation(*one) for one in ANNOTATIONS]},
        "templating": {"list": [{"name": "datasource", "type": "datasource",
                                 "query": "prometheus"}]}}, indent=1) + "\n"


def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def manual():
    """waggle-metrics(5): its text, and a list for each group of rows."""
    with open(os.path.join(HERE, "manual.roff"), encoding="utf-8") as f:
        text = f.read()
    rows = list(metrics())
    for title, prefixes in GROUPS:
        text += f'.SH "{title}"\n'
        for m in [m for m in rows if m["name"].startswith(prefixes)]:
            rows.remove(m)
            labels = ", ".join(m["labels"].split())
            text += f'.TP\n\\fB{m["name"]}\\fR{{{labels}}} ({m["type"][4:].lower()})\n{roff(m["help"])}\n'
    if rows:
        raise SystemExit(f"no group of waggle-metrics(5) has {rows[0]['name']}")
    return text + """.SH "SEE ALSO"
.BR waggle\\-monitord (8),
.BR monitord.conf (5),
.BR waggle\\-rules (5),
.BR waggle (1),
.BR systemd.resource\\-control (5)
"""


FILES = {"scrape.yml": scrape, "rules.yml": rules, "../grafana/waggle.json": dashboard,
         "../../docs/waggle-metrics.5": manual}


def main():
    wrong = 0
    for name, make in FILES.items():
        path = os.path.join(HERE, name)
        if "--check" not in sys.argv:
            with open(path, "w", encoding="utf-8") as f:
                f.write(make())
            continue
        with open(path, encoding="utf-8") as f:
            if f.read() != make():
                print(f"{name} is not what packaging/prometheus/generate.py makes; run it")
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
