"""The workflows of packaging/ci are valid, keep their results whatever the verdict is, and what they run
works: each command line is run with the built program. Arguments: packaging/ci, waggle-verify."""

import os
import shlex
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

import yaml


def load(name):
    with open(os.path.join(CI, name), encoding="utf-8") as f:
        return yaml.safe_load(f)


def run_line(line):
    """Runs "waggle verify ... > FILE" beside verify.yaml; the JUnit document it left."""
    words = shlex.split(line)
    assert words[:2] == ["waggle", "verify"] and words[-2] == ">", line
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, words[-1])
        with open(path, "wb") as f:
            subprocess.run([VERIFY, *words[2:-2]], cwd=CI, stdout=f, check=True, timeout=60)
        return words[-1], ET.parse(path).getroot()


def works(line, kept):
    name, document = run_line(line)
    assert name == kept, f"{name} is written, {kept} is kept"
    assert document.tag in ("testsuite", "testsuites"), document.tag
    assert len(list(document.iter("testcase"))) == len(load("verify.yaml")["checks"])


def test_github():
    workflow = load("github.yml")
    assert workflow["on"] == ["push"], "'on' is no text"
    steps = workflow["jobs"]["verify"]["steps"]
    keep = next(s for s in steps if "upload-artifact" in s.get("uses", ""))
    assert keep["if"] == "always()", "a failure loses the results"
    works(next(s["run"] for s in steps if "verify" in s.get("run", "") and ">" in s["run"]),
          keep["with"]["path"])


def test_gitlab():
    job = load("gitlab.yml")["verify"]
    assert job["artifacts"]["when"] == "always", "a failure loses the results"
    works(job["script"][0], job["artifacts"]["reports"]["junit"])


def main():
    tests = [test_github, test_gitlab]
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__[5:]}")
        except (AssertionError, OSError, LookupError, yaml.YAMLError, ET.ParseError,
                subprocess.SubprocessError) as why:
            failed += 1
            print(f"not ok {number} - {test.__name__[5:]}\n# {type(why).__name__}: {why}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    CI, VERIFY = sys.argv[1:]
    main()
