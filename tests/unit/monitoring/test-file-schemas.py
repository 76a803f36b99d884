#!/usr/bin/python3
"""The published JSON Schemas of services.d, rule files and alerting.yaml beside their readers.

A file with every key is changed in one place after the other. What a reader takes its schema takes;
a misspelt key both refuse; and the schema has each key that the manual's tables of the reader have,
since the full file, which the reader takes, has them. What shipped files say is good for it, too."""

import json
import pathlib
import subprocess
import sys

JUDGE, SOURCE, SHIPPED = sys.argv[1:4]
try:
    import jsonschema
    import yaml
except ImportError:
    print("1..0 # SKIP python3-jsonschema or python3-yaml is not installed")
    sys.exit(0)

RATE = {"notifications": 5, "per": "10m"}
WAY = {"send_resolved": False, "timeout": "5s", "retry_for": "1h", "rate_limit": RATE}
BASIC = {"http_config": {"basic_auth": {"username": "u", "password_file": "/p"},
                         "tls_config": {"ca_file": "/ca.pem"}}}
TOKEN = {"http_config": {"authorization": {"type": "Bearer", "credentials": "c"}}}
FULL = {
    "services": {
        "name": "shop", "tags": ["web"], "capabilities": ["orders"], "metadata": {"k": "v"},
        "endpoints": [{"name": "http", "address": "http://127.0.0.1"}], "unit": "shop.service",
        "probes": [
            {"http": "http://127.0.0.1/", "name": "web", "kind": "liveness", "interval": "10s",
             "retry-interval": "2s", "timeout": "1s", "delay": "1s", "jitter": "10%",
             "quiet": ["Sat..Sun"], "within": {"failures": 2, "of": 5}, "failures": 3,
             "successes": 2, "upside-down": False},
            {"push": "backup", "every": "1d"}, {"queue": {"agent": "x", "at-most": 5}}]},
    "rules": {"groups": [{
        "name": "g", "interval": "10s", "limit": 5, "query_offset": "1m",
        "partial_response_strategy": "warn", "rules": [
            {"alert": "A", "expr": "x > 1", "for": "1m", "keep_firing_for": 5, "resolve_expr": "x < 1",
             "severity": "warning", "labels": {"team": "web"}, "annotations": {"summary": "s"},
             "what-to-do": "look", "no-data": "unknown", "x-of-y": {"x": 2, "y": 3},
             "flapping": {"changes": 5, "within": "1h"}, "limit": 3},
            {"record": "a:b", "expr": "sum(x)", "labels": {"a": "b"}}]}]},
    "alerting": {
        "route": {"receiver": "all", "group_by": ["a"], "group_wait": "1s", "group_interval": "1m",
                  "repeat_interval": "1h", "escalate": [{"after": "15m", "receiver": "next"}],
                  "routes": [
                      {"receiver": "all", "matchers": ["a=b"], "match": {"a": "b"},
                       "match_re": {"c": "d"}, "continue": True, "mute_time_intervals": ["nights"],
                       "active_time_intervals": ["nights"]}]},
        "receivers": [{
            "name": "all", "rate_limit": RATE, "journal": WAY, "dbus": [WAY],
            "message": {**WAY, "agent": "oncall", "priority": 5},
            "exec": {**WAY, "command": ["/bin/true", "x"]},
            "webhook": {**WAY, **BASIC, "url": "https://a/", "max_alerts": 5},
            "webhook_configs": [{**WAY, **TOKEN, "url": "http://a/"}],
            "alertmanager": {**WAY, "url": "http://a/"},
            "email": {**WAY, "to": ["a@b"], "from": "c@d"}, "email_configs": [{"to": "a@b"}],
            "ntfy": {**WAY, **TOKEN, "url": "https://a/t", "priority": 5, "tags": ["x"],
                     "click": "https://b/"},
            "wall": {**WAY, "terminals": ["/dev/pts/0"]}},
            {"name": "next"}],
        "inhibit_rules": [
            {"name": "i", "source_matchers": ["a=b"], "target_matchers": ["c=d"], "equal": ["e"]},
            {"source_match": {"a": "b"}, "source_match_re": {"a": "b"}, "target_match": {"c": "d"},
             "target_match_re": {"c": "d"}}],
        "time_intervals": [{"name": "nights", "time_intervals": [
            {"times": [{"start_time": "22:00", "end_time": "24:00"}], "weekdays": ["monday:friday"],
             "days_of_month": ["1:5"], "months": ["1:3"], "years": ["2026"], "location": "UTC"}]}],
        "mute_time_intervals": [{"name": "old", "time_intervals": [{"months": ["1:2"]}]}]},
}
VALUES = [None, True, -1, 0, 7, 10**12, 0.5, "", "text", "/a", "5s", "a.service", [], ["text"], [""],
          [1], [{}], {}, {"a": "b"}, {"a": 1}, [["x"]]]
# names there are the user's own
FREE = {"metadata", "labels", "annotations", "match", "match_re", "source_match", "source_match_re",
        "target_match", "target_match_re"}


def places(node, path=()):
    if path:
        yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, path + (key,))


def changed(whole, path, act):
    whole = json.loads(json.dumps(whole))
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    act(parent, path[-1])
    return whole


def cases(full):
    yield "full", full
    for path in places(full):
        name = "/".join(map(str, path))
        is_key = isinstance(path[-1], str) and not (len(path) > 1 and path[-2] in FREE)
        if is_key and not path[-1].startswith("x-"):  # what begins so is nobody's
            yield "misspelt " + name, changed(full, path, lambda p, k: p.update({k + "q": p.pop(k)}))
            yield f"{name} as x-", changed(full, path, lambda p, k: p.update({"x-" + k: p.pop(k)}))
        for value in VALUES:
            yield f"{name} = {json.dumps(value)}", changed(
                full, path, lambda p, k, v=value: p.__setitem__(k, v))


def judged(kind, documents):
    text = "".join(json.dumps(document) + "\n" for document in documents)
    done = subprocess.run([JUDGE, kind], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def problems(kind):
    schema = json.loads(pathlib.Path(SOURCE, kind + ".schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    named = list(cases(FULL[kind]))
    for (name, document), verdict in zip(named, judged(kind, [d for _, d in named]), strict=True):
        whole = {"services": [document]} if kind == "services" else document
        valid = validator.is_valid(whole)
        if kind == "services" and validator.is_valid(document) != valid and "services" not in document:
            yield f"{name}: the schema says another thing of one service than of a list of it"
        # keys of a probe that are none of its own are a check's, which another schema has
        in_probe = kind == "services" and name.startswith("misspelt probes/") and name.count("/") == 2
        if verdict == "good" and not valid:
            why = next(validator.iter_errors(whole)).message
            yield f"{name}: the reader takes it: {why[:200]}"
        elif name == "full" and verdict != "good":
            yield f"{name}: {verdict}"
        elif name.startswith("misspelt") and not in_probe and (valid or verdict == "good"):
            yield f"{name}: schema says {valid}, reader: {verdict[:200]}"
    if kind == "rules":
        shipped = yaml.safe_load(pathlib.Path(SHIPPED).read_text(encoding="utf-8"))
        for error in validator.iter_errors(shipped):
            yield f"{SHIPPED}: {error.message[:200]}"


def main():
    print(f"1..{len(FULL)}")
    failed = False
    for number, kind in enumerate(FULL, 1):
        found = list(problems(kind))
        failed = failed or bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {kind}")
        for line in found[:30]:
            print("#", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
