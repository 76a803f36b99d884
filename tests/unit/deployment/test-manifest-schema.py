#!/usr/bin/python3
"""The published JSON Schema and the parser take the same manifests.

A full manifest is changed in one place after the other: each key is removed, misspelt, and given
values of every kind. Both have to judge each of them alike. What only the parser can know (texts
that are times over a maximum, what is there twice) is listed by name below, and has to be bad for
the parser and good for the schema."""

import json
import pathlib
import subprocess
import sys

JUDGE, SCHEMA = sys.argv[1:3]
try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP python3-jsonschema is not installed")
    sys.exit(0)

HOOK = {"command": ["bin/x", "y"], "timeout": "5s", "memory-max": "1M", "user": "nobody",
        "environment": ["A=b"], "tasks-max": 1, "cpu-quota": 5, "network": False}
FULL = {
    "name": "shop", "version": "2", "description": "d",
    "target": {"name": "shop", "root": "/srv/shop", "domain": "web", "labels": {"a": "b"},
               "instance": "1"},
    "artifacts": [{"source": "a.tar", "sha256": "0" * 64, "signature": "s", "into": "lib/a",
                   "strip": 1, "keep-owners": True, "allow-setuid": True,
                   "allow-capabilities": True}],
    "shared": {"directories": ["log"], "files": ["etc/x"]},
    "configuration": [{"file": "a", "from": "b", "mode": "0640"}],
    "units": {"install": ["u/a@.service"], "link": ["u/b.socket"], "enable": ["b.socket"],
              "start": ["a@1.service"], "reload": ["n.service"], "stop-first": True},
    "hooks": {point: [HOOK] for point in
              ("pre-flight", "pre-stage", "post-stage", "pre-switch", "post-switch", "post-start",
               "post-verify", "pre-rollback", "post-rollback", "post-commit")},
    "backup": ["/var/lib/shop"],
    "checks": [{"file": "/tmp"}],
    "vars": {"port": 1},
    "budgets": {"deploy": "1min", "verify": 60, "rollback": "20s"},
    "strategy": {"parallel": 2, "max-failures": 3, "confirm": "1min", "restart": "restart",
                 "isolate-rehearsal": True},
    "retention": {"count": 3, "size": "1G", "age": "1d", "failed": 1, "failed-size": 5,
                  "failed-age": "1d"},
    "state": {"directory": "/d", "schema": 7, "reads": "5..7", "writes": 7,
              "migrate": {"up": HOOK, "down": HOOK}, "snapshot": True},
    "poison": {"days": 3},
    "require": {"space": "1G", "inodes": 5, "commands": ["tar"], "credentials": ["k"],
                "ports-free": [80, "${port}"]},
    "x-own": 1,
}
LEAST = {"name": "s", "version": "1", "target": "s", "artifacts": [{"source": "t"}]}
VALUES = [None, True, -1, 0, 7, 10**12, 0.5, "", "text", "../x", "/a/b", "/", "a//b", "${port}",
          "5s", "1G", "a.service", "0644", [], ["text"], ["/a"], [""], [1], [{}], {}, {"a": "b"},
          {"a": 1}, [["x"]]]
# good for the schema, which cannot know better
ONLY_PARSER = {
    "a phase over its maximum": {"budgets": {"deploy": "6min"}},
    "a time that overflows": {"strategy": {"confirm": "8d"}},
    "a range upside down": {"state": {"directory": "/d", "schema": 5, "reads": "7..5"}},
    "a version that is not read": {"state": {"directory": "/d", "schema": 4, "reads": "5..7"}},
    "a unit twice": {"units": {"start": ["a.service", "a.service"]}},
    "a unit file twice": {"units": {"install": ["a/x.service", "b/x.service"]}},
    "started and reloaded": {"units": {"start": "a.service", "reload": "a.service"}},
    "shared in shared": {"shared": {"directories": ["a", "a/b"]}},
    "a file made twice": {"configuration": [{"file": "a", "from": "b"}, {"file": "a", "from": "c"}]},
    "a port too high": {"require": {"ports-free": ["70000"]}},
    "a size that overflows": {"retention": {"size": "99999999999999999999999G"}},
}
# values whose change breaks a rule between keys
EXCUSED = {("state", "schema"), ("state", "writes"), ("state", "reads")}
# a text of them may be over a maximum
TIMES = {"timeout", "deploy", "verify", "rollback", "confirm", "age", "failed-age"}
# one hook is as another
SAME = {("hooks", point) for point in FULL["hooks"] if point != "pre-flight"}


def places(node, path=()):
    yield path
    if isinstance(node, dict):
        for key, value in node.items():
            yield from places(value, path + (key,))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from places(value, path + (i,))


def changed(path, act):
    whole = json.loads(json.dumps(FULL))  # shares nothing
    parent = whole
    for step in path[:-1]:
        parent = parent[step]
    act(parent, path[-1])
    return whole


def cases():
    yield "full", FULL
    yield "least", LEAST
    for n in (1000, 1001):
        yield f"{n} paths", {**LEAST, "backup": ["/a"] * n}
        yield f"{n} artifacts", {**LEAST, "artifacts": LEAST["artifacts"] * n}
        yield f"{n} hooks", {**LEAST, "hooks": {"pre-stage": [HOOK] * n}}
        yield f"{n} ports", {**LEAST, "require": {"ports-free": [80] * n}}
    for path in places(FULL):
        # checks have a loader of their own, keys with x- are nobody's
        if not path or path[0] in ("checks", "x-own") or path[:2] in SAME and len(path) > 2 \
                or path[:3] == ("state", "migrate", "up") and len(path) > 3:
            continue
        name = "/".join(map(str, path))
        yield name + " removed", changed(path, lambda parent, key: parent.pop(key))
        if isinstance(path[-1], str):
            yield name + " misspelt", changed(
                path, lambda parent, key: parent.update({key + "q": parent.pop(key)}))
            yield name + " as x-", changed(
                path, lambda parent, key: parent.update({"x-" + key: parent.pop(key)}))
        for value in VALUES:
            if path[:2] in EXCUSED or (path[-1] in TIMES and isinstance(value, str)):
                continue
            yield f"{name} = {json.dumps(value)}", changed(
                path, lambda parent, key, v=value: parent.__setitem__(key, v))


def judged(manifests):
    text = "".join(json.dumps(manifest) + "\n" for manifest in manifests)
    done = subprocess.run([JUDGE], input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main():
    schema = json.loads(pathlib.Path(SCHEMA).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    named = list(cases())
    bad, n_good = [], 0
    for (name, manifest), verdict in zip(named, judged([m for _, m in named]), strict=True):
        valid = validator.is_valid(manifest)
        n_good += valid
        if valid != (verdict == "good"):
            why = verdict if valid else next(validator.iter_errors(manifest)).message
            bad.append(f"{name}: schema says {valid}, parser: {verdict[:200]} ({why[:200]})")
    print("1..2")
    print(("not " if bad or not 50 < n_good < len(named) - 50 else "") + "ok 1 alike"
          f" # {len(named)} manifests, {n_good} good")
    for line in bad[:40]:
        print("#", line)
    wrong = []
    only = [{**LEAST, **part} for part in ONLY_PARSER.values()]
    for name, manifest, verdict in zip(ONLY_PARSER, only, judged(only), strict=True):
        if verdict == "good" or not validator.is_valid(manifest):
            wrong.append(name)
    print(("not " if wrong else "") + "ok 2 only the parser knows")
    for name in wrong:
        print("#", name)
    return 1 if bad or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
