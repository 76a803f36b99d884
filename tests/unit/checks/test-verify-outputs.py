#!/usr/bin/python3
"""Each output of waggle-verify is read by a parser of its format and says the same as the others."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

import verify

try:
    import jsonschema
    import yaml
except ImportError:
    print("1..0 # SKIP python3-jsonschema and python3-yaml are not installed")
    sys.exit(0)

HOSTILE = 'h"<&>\\ #\'|=\x1b[31m\u00e4\n end'


def plan():
    good = verify.write("good", "text\n")
    missing = verify.DIRECTORY / "missing"
    return {
        "name": HOSTILE,
        "checks": [
            {"file": str(good), "name": "passes", "expect": {"content": "text"}},
            {"file": str(missing), "name": HOSTILE, "hint": HOSTILE, "priority": "critical", "attempts": 3,
             "pause": 0},
            {"file": str(missing), "name": "wanted", "level": "wanted"},
            {"file": str(good), "name": "skipped", "requires": HOSTILE, "expect": {"size": 5}},
            {"file": str(good), "name": "warns", "warn": {"size": {"less": 1}}},
            {"file": str(missing), "name": "member"},
            {"file": str(good), "name": "other member", "expect": {"size": {"at-least": "5"}}},
            {"file": str(missing), "name": "waived"},
            {"file": str(good), "name": "error", "expect": {"size": {"not-higher": True}}},
        ],
        "groups": [{"name": "half " + HOSTILE, "at-least": "50%", "checks": ["member", "other member"]}],
        "waivers": [{"check": "waived", "reason": HOSTILE, "owner": "me", "expires": "2999-01-01"}],
    }


VERDICTS = {"passes": "pass", HOSTILE: "fail", "wanted": "warn", "skipped": "skip", "warns": "warn",
            "member": "fail", "other member": "pass", "waived": "warn", "error": "error"}


def json_results():
    done = verify.verify(plan(), "--format=json")
    assert done.returncode == 1, done
    found = json.loads(done.stdout)
    schema = json.loads((verify.SOURCE / "results.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(found)
    assert {check["name"]: check["verdict"] for check in found["checks"]} == VERDICTS
    assert found["summary"] == {"total": 9, "pass": 2, "warn": 3, "fail": 2, "error": 1, "skip": 1, "waived": 1}
    assert [len(check["attempts"]) for check in found["checks"]] == [1, 3, 1, 0, 1, 1, 1, 1, 1]
    assert found["recommendations"][0]["priority"] == "critical"
    priorities = [entry["priority"] for entry in found["recommendations"]]
    assert priorities == sorted(priorities, key=["critical", "high", "normal"].index)
    assert found["checks"][7]["waived"]["owner"] == "me"


def events():
    done = verify.verify(plan(), "--events")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["result"] * 9 + ["end"], done
    assert {line["result"]["name"]: line["result"]["verdict"] for line in lines[:9]} == VERDICTS
    end = lines[9]["results"]
    assert {check["name"]: check["verdict"] for check in end["checks"]} == VERDICTS
    assert done.returncode == end["exit"] == 1


def junit():
    """The shape that the Ant and the Jenkins schema share."""
    done = verify.verify(plan(), "--format=junit")
    root = ElementTree.fromstring(done.stdout)
    assert root.tag == "testsuites"
    (suite,) = root
    assert set(suite.attrib) == {"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors",
                                 "skipped", "time"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    assert [child.tag for child in suite] == ["properties"] + ["testcase"] * 10 + ["system-out", "system-err"]
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases)
    for kind, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(kind)) == len([case for case in cases if case.find(element) is not None])
    assert all(len(case) <= 1 and set(case.attrib) == {"classname", "name", "time"} for case in cases)
    shape = [case[0].tag if len(case) else "" for case in cases]
    assert shape == ["", "failure", "", "skipped", "", "skipped", "", "", "error", ""], shape
    assert "3" in [entry.get("value") for entry in suite.find("properties")]
    assert "warning: wanted" in suite.find("system-out").text


FORESEEN = "TO" "DO"
TAP_POINT = re.compile(r"(not )?ok (\d+) - ((?:[^#\\]|\\[#\\])*?)(?: # (SKIP|TO{1}DO) (.*))?$")


def read_tap(text):
    lines = text.split("\n")
    assert lines.pop() == "" and lines.pop(0) == "TAP version 14"
    wanted = int(re.fullmatch(r"1\.\.(\d+)", lines.pop(0)).group(1))
    points = []
    while lines:
        match = TAP_POINT.fullmatch(lines.pop(0))
        assert match and int(match.group(2)) == len(points) + 1, match
        block = None
        if lines and lines[0] == "  ---":
            end = lines.index("  ...")
            block = yaml.safe_load("\n".join(lines[1:end]))
            del lines[: end + 1]
        points.append((not match.group(1), match.group(3), match.group(4), block))
    assert len(points) == wanted
    return points


def tap():
    points = read_tap(verify.verify(plan(), "--format=tap").stdout)
    assert [(good, directive) for good, _, directive, _ in points] == [
        (True, None), (False, None), (True, None), (True, "SKIP"), (True, None), (False, FORESEEN), (True, None),
        (True, None), (False, None), (True, None)]
    block = points[1][3]
    assert block["attempts"] == 3 and block["severity"] == "fail"
    assert block["assertions"] == [{"key": "exists", "expected": "true", "observed": "false"}]


PERFDATA = re.compile(r"'([^'=|]+)'=([0-9.]+)(s|)((?:;[0-9.]*){0,4})(?: |$)")


def nagios():
    done = verify.verify(plan(), "--format=nagios")
    first, *rest = done.stdout.splitlines()
    text, data = first.split(" | ")
    assert done.returncode == 2 and text.startswith("WAGGLE CRITICAL - ")
    found = PERFDATA.findall(data)
    assert "".join(match.group(0) for match in PERFDATA.finditer(data)) == data
    values = {label: float(value) for label, value, _, _ in found}
    assert (values["pass"], values["fail"], values["error"]) == (2, 2, 1)
    assert values["time"] > 0 and "time of passes" in values
    assert all("|" not in line for line in rest) and any("member: failed" in line for line in rest)


SAMPLE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (-?[0-9.]+)')


def read_openmetrics(text):
    """Families come once, TYPE before UNIT before HELP, units are the name's end, and # EOF ends it."""
    lines = text.split("\n")
    assert lines.pop() == "" and lines.pop() == "# EOF"
    families, samples, current = {}, [], None
    for line in lines:
        if line.startswith("# "):
            word, name, value = line[2:].split(" ", 2)
            if word == "TYPE":
                assert name not in families and value == "gauge"
                families[name] = current = {"name": name}
            assert name == current["name"] and word not in current
            current[word] = value
            assert word != "UNIT" or name.endswith("_" + value)
            continue
        match = SAMPLE.fullmatch(line)
        assert match and match.group(1) == current["name"], line
        samples.append((match.group(1), match.group(2), float(match.group(3))))
    assert len({sample[:2] for sample in samples}) == len(samples)
    return samples


def openmetrics():
    samples = read_openmetrics(verify.verify(plan(), "--format=openmetrics").stdout)
    by_verdict = {labels.rsplit('"', 2)[1]: value for name, labels, value in samples if name == "waggle_verify_checks"}
    assert by_verdict == {"pass": 2, "warn": 3, "fail": 2, "error": 1, "skip": 1}
    (status,) = [value for name, _, value in samples if name == "waggle_verify_exit_status"]
    assert status == 1
    assert len([1 for name, _, _ in samples if name == "waggle_verify_check_passed"]) == 8


def human():
    done = verify.verify(plan())
    lines = done.stdout.splitlines()
    assert "\x1b" not in done.stdout and done.stderr == "", done
    words = {word for line in lines for word in line.split()}
    assert all(len(line) <= 80 or len(max(line.split(), key=len)) > 60 for line in lines), lines
    assert {"PASS", "FAIL", "WARN", "SKIP", "ERROR"} <= words
    assert "waived until 2999-01-01 by me" in " ".join(done.stdout.split())
    assert lines[-1].lstrip().endswith("(1 waived)") or "(1 waived)" in done.stdout
    assert done.stdout.index("  critical  ") < done.stdout.index("  high      ")


def explain():
    done = verify.verify(plan(), "--explain", HOSTILE)
    assert done.returncode == 1 and "attempt 3: fail" in done.stdout and "exists: false" in done.stdout
    timed = {"checks": [{"name": "t", "file": "/proc/self/exe", "expect": {"exists": True}},
                        {"name": "c", "command": "true", "timeout": 5}]}
    seen = verify.verify(timed, "--explain", "c").stdout
    assert re.search(r"^ +duration: [0-9.]+(us|ms|s)$", seen, re.M), seen  # as a person reads it
    seen = verify.verify(timed, "--explain", "t").stdout
    assert re.search(r"^ +size: [0-9.]+[BKM]$", seen, re.M), seen


if __name__ == "__main__":
    verify.main([json_results, events, junit, tap, nagios, openmetrics, human, explain])
