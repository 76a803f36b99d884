"""verify: runs waggle-verify for tests, and reports in the Test Anything Protocol."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

PROGRAM = sys.argv[1]
SOURCE = pathlib.Path(sys.argv[2])
DIRECTORY = pathlib.Path(tempfile.mkdtemp(prefix="waggle-verify-"))
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(DIRECTORY),
               **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}


def write(name, content):
    """A file below the test's directory; objects become JSON."""
    path = DIRECTORY / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def run(*args, stdin=None, **more):
    return subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True, text=True,
                          timeout=60, env={**ENVIRONMENT, **more}, check=False)


def verify(plan, *args, **more):
    """Runs a plan given as an object."""
    return run(*args, "-", stdin=json.dumps(plan), **more)


def results(plan, *args):
    done = verify(plan, "--format=json", *args)
    return json.loads(done.stdout)


def main(tests):
    failed = 0
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} {test.__name__}")
        except Exception:  # a test that breaks is a test that failed
            failed = 1
            print(f"not ok {number} {test.__name__}")
            print("# " + traceback.format_exc().replace("\n", "\n# "))
    subprocess.run(["rm", "-rf", DIRECTORY], check=False)
    sys.exit(failed)
