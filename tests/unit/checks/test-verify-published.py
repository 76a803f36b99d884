#!/usr/bin/python3
"""What is published of waggle-verify is what it does: the schemas, the manual pages, every preset."""

import json
import re
import subprocess
import sys

import verify

try:
    import jsonschema
    import yaml
except ImportError:
    print("1..0 # SKIP python3-jsonschema and python3-yaml are not installed")
    sys.exit(0)

DOCS = verify.SOURCE.parent.parent / "docs"
TABLES = json.loads(verify.run("--types").stdout)
SCHEMA = json.loads((verify.SOURCE / "verify.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
AGAIN = "run waggle-verify --types | src/checks/tables.py {} to write it anew"


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def plain(text):
    return re.sub(r"\\f[A-Z]", "", text).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def tables(*args):
    return subprocess.run([verify.SOURCE / "tables.py", *map(str, args)], input=json.dumps(TABLES),
                          capture_output=True, text=True, check=True).stdout


def schema_is_of_the_tables():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(tables("schema")) == SCHEMA, AGAIN.format("schema")


def manual_is_of_the_tables():
    assert tables("manual", DOCS / "waggle-checks.7") == page("waggle-checks.7"), AGAIN.format("manual PAGE")


def manual_lists():
    text = page("waggle-verify-file.5")
    for word in ("common", "matchers"):
        section = text.split(f'.\\" keys: {word}\n')[1].split('.\\" end\n')[0]
        heads = [plain(line) for line in re.findall(r"^\.TP\n(.*)$", section, re.MULTILINE)]
        assert sorted(", ".join(heads).split(", ")) == sorted(TABLES[word]), word


def options_are_in_the_manual():
    told = set(re.findall(r"--[a-z]+", plain(page("waggle-verify.1"))))
    known = set(re.findall(r"--[a-z]+", verify.run("--help").stdout)) | {"--version"}
    assert known <= told, known - told


def no_option_hides_a_common_one():
    """An option named like a common one would be read twice."""
    for entry in TABLES["types"]:
        both = {key["name"] for key in entry["options"]} & set(TABLES["common"])
        assert not both, (entry["name"], both)
        names = [key["name"] for key in entry["options"]]
        assert len(names) == len(set(names)) and names == [n for n in names if re.fullmatch("[a-z][a-z0-9-]*", n)]


def defaults_load():
    for entry in TABLES["types"]:
        assert "default" not in entry or json.loads(entry["default"]), entry


def loads(plan):
    return verify.run("--check", "-", stdin=json.dumps(plan))


def example():
    text = page("waggle-verify-file.5").split(".SH EXAMPLES\n.nf\n")[1].split(".fi")[0]
    plan = json.loads(json.dumps(yaml.safe_load(plain(text)), default=str))
    done = loads(plan)
    assert done.returncode == 0, done.stderr
    VALIDATOR.validate(plan)


PRESETS = {
    "system-health": {"url": "http://h/health", "unit": "a.service"},
    "service-availability": {"services": ["a", "b.service", "h:80", "http://h/"], "at-least": "50%"},
    "api-endpoints": {"base": "http://h", "endpoints": ["/a", {"path": "/b", "method": "POST", "body": "{}",
                                                                "status": 201, "expect": {"json": {"/x": 1}}}]},
    "database-connectivity": {"databases": ["postgresql://h/d", "mysql://h/d", "redis://h", "/d.sqlite",
                                            {"database": "/e", "query": "select 1", "expect": {"opens": True}}]},
    "configuration-integrity": {"files": ["/a.json", {"file": "/b.env", "keys": {"A": 1}},
                                          {"file": "/c", "format": "yaml", "keys": ["x.y"], "mode": "0600"}]},
    "performance-baselines": {"endpoints": ["http://h/", {"url": "http://h/x", "within": "1s"}], "samples": 5},
    "security-posture": {"units": ["a.service"], "set-id": ["/usr"], "protected": ["http://h/admin"],
                         "headers-of": ["http://h/"], "headers": ["X-Frame-Options"]},
    "external-integrations": {"integrations": ["http://h/", "h:25"]},
    "monitoring-systems": {"sources": [{"url": "http://h/metrics", "contains": "up"}]},
    "rollback-capability": {"units": ["a.service"], "space": "1G"},
}


def presets_load():
    assert sorted(PRESETS) == sorted(entry["name"] for entry in TABLES["presets"])
    for name, options in PRESETS.items():
        plan = {"checks": [{"preset": name, "priority": "high", "tags": "t", "timeout": "3s", **options}]}
        done = loads(plan)
        assert done.returncode == 0 and not done.stderr, (name, done.stderr)
        VALIDATOR.validate(plan)


def presets_refuse():
    wrong = [{"preset": "system-health"}, {"preset": "api-endpoints", "endpoints": []},
             {"preset": "api-endpoints", "endpoints": [{"path": "/", "stauts": 5}]},
             {"preset": "service-availability", "services": ["a"], "at-least": "0%"},
             {"preset": "database-connectivity", "databases": ["h:80"]},
             {"preset": "database-connectivity", "databases": [{"query": "x"}]},
             {"preset": "configuration-integrity", "files": [{"file": "/a.json", "keys": []}]},
             {"preset": "configuration-integrity", "files": [{"file": "/a.json", "kyes": ["a"]}]},
             {"preset": "security-posture", "listening": False},
             {"preset": "performance-baselines", "endpoints": ["http://h/"], "samples": 1},
             {"preset": "rollback-capability", "start": True}]
    for entry in wrong:
        done = loads({"checks": [entry]})
        assert done.returncode == 78 and "/checks/0" in done.stderr, (entry, done.stderr)


def external_is_a_warning():
    found = verify.results({"checks": [{"preset": "external-integrations", "integrations": ["127.0.0.1:1"]}]})
    assert (found["exit"], found["verdict"]) == (0, "warn"), found


FILE = {"file": "/x", "expect": {"size": {"less": 5}}, "tags": ["a"], "attempts": 2, "level": "wanted"}
FULL = {"name": "n", "deadline": "1min", "parallel": 2, "defaults": {"timeout": "1s", "level": "wanted"},
        "vars": {"a": 1}, "checks": [FILE], "presets": [PRESETS["external-integrations"] | {"preset": "external-integrations"}],
        "groups": [{"name": "g", "checks": ["@a"], "at-least": 1}],
        "waivers": [{"check": "*", "reason": "r", "owner": "o", "expires": "2999-01-01"}]}


SUBJECTS = {"dbus": "a.b", "directory": "/a", "dns": "a", "file": "/a", "greenboot": "/a", "group": "a",
            "grpc": "h:1", "http": "http://h", "icmp": "h", "interface": "a", "kernel-parameter": "a.b", "mount": "/a", "mysql": "mysql://h",
            "package": "a", "port": "tcp:80", "redis": "redis://h", "sqlite": "/a", "tcp": "h:1", "tls": "h",
            "udp": "h:1", "unit": "a", "unix-socket": "/a", "user": "a"}
PATTERNS = {key for check in SCHEMA["$defs"]["check"]["anyOf"] for key, value in check["properties"].items()
            if "pattern" in value}


def variants():
    """The full file, and it with one thing wrong at each place."""
    yield FULL, True
    for key in FULL:
        yield {**FULL, key + "x": FULL[key]}, False
        yield {**FULL, key: 5.5 if key != "deadline" else [1]}, False
    for key in FILE:
        yield {"checks": [{**FILE, key + "y": 1}]}, False
        yield {"checks": [{**FILE, key: {}}]}, False
    for part in ("groups", "waivers", "presets"):
        for key in FULL[part][0]:
            less = {k: v for k, v in FULL[part][0].items() if k != key}
            if part != "presets" or key == "preset":
                yield {**FULL, part: [less]}, False
        yield {**FULL, part: [{**FULL[part][0], "nope": 1}]}, False
    yield {"checks": [{**FILE, "expect": {"size": {"lses": 5}}}]}, False
    yield {"checks": [{**FILE, "expect": {"sizx": 5}}]}, False
    yield {"checks": [{**FILE, "x-note": 1}], "x-note": []}, True
    yield {"checks": [{"unit": "a", "expect": {"AnyProperty": 1}}]}, True
    for key, good in SUBJECTS.items():
        yield {"vars": {"v": good}, "checks": [{key: good}, {key: "${v}", "name": "b"}]}, True
        yield {"checks": [{key: "no good" if key in PATTERNS else ""}]}, False


def schema_and_loader_agree():
    for plan, good in variants():
        done = loads(plan)
        assert (done.returncode == 0) == good, (plan, done.stderr)
        assert VALIDATOR.is_valid(plan) == good, (plan, done.stderr)


if __name__ == "__main__":
    verify.main([schema_is_of_the_tables, manual_is_of_the_tables, manual_lists, options_are_in_the_manual,
                 no_option_hides_a_common_one, defaults_load, example, presets_load, presets_refuse,
                 external_is_a_warning, schema_and_loader_agree])
