"""packaging/lib/judge: what fails each time has failed, what fails once is told as unsteady, and of
many failures nothing is tried again. Each in a project of its own. Arguments: the judge."""

import os
import re
import subprocess
import sys
import tempfile

ONCE = "[ -e {mark} ] || { touch {mark}; echo 'not ok 1 - once'; exit 1; }; echo 'ok 1 - once'"
DAMAGED = "[ -e {mark} ] || { touch {mark}; echo 'ERROR: AddressSanitizer: x' >&2; exit 1; }; echo 'ok 1'"


def judge(*scripts):
    """A project with these tests; the judge's status, counts and report."""
    with tempfile.TemporaryDirectory() as top:
        lines = ["project('t')", "sh = find_program('sh')"]
        for number, script in enumerate(scripts):
            text = "echo 1..1; " + script.replace("{mark}", os.path.join(top, f"mark-{number}"))
            with open(os.path.join(top, f"{number}.sh"), "w", encoding="utf-8") as f:
                f.write(text + "\n")
            lines.append(f"test('t{number}', sh, args: files('{number}.sh'), protocol: 'tap')")
        with open(os.path.join(top, "meson.build"), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        build = os.path.join(top, "build")
        subprocess.run(["meson", "setup", build, top], check=True, stdout=subprocess.DEVNULL, timeout=120)
        done = subprocess.run([JUDGE, build, "log", "3"], capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout.split(), done.stderr


def test_what_holds():
    assert judge("echo ok 1", "echo ok 1 '# SKIP why'") == (0, ["1", "0", "1"], "")


def test_what_fails_each_time():
    status, counts, report = judge("echo ok 1", "echo not ok 1; exit 1")
    assert (status, counts) == (1, ["1", "1", "0"]) and "UNSTEADY" not in report and "not ok 1" in report, report


def test_what_fails_once():
    status, counts, report = judge("echo ok 1", ONCE)
    assert (status, counts) == (0, ["2", "0", "0"]), (status, counts)
    assert re.search(r"t1: UNSTEADY", report) and "not ok 1 - once" in report, report


def test_many_that_fail_once():
    assert judge(*[ONCE] * 4)[:2] == (1, ["0", "4", "0"])


def test_damage():
    status, counts, report = judge(DAMAGED)
    assert (status, counts) == (1, ["0", "1", "0"]) and "UNSTEADY" not in report, report


def test_no_test():
    assert judge()[:2] == (1, ["0", "1", "0"])


JUDGE = sys.argv[1]
TESTS = [test for name, test in sorted(globals().items()) if name.startswith("test_")]
print(f"1..{len(TESTS)}")
for index, run in enumerate(TESTS, 1):
    run()
    print(f"ok {index} {run.__name__}", flush=True)
