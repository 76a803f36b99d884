"""waggle-verify as a program: a plan in, results out."""

import json
import os
import subprocess

from harness import Failure

PROGRAM = os.environ.get("WAGGLE_VERIFY", "waggle-verify")
LIMIT = 60


def verify(checks, *args, expect_exit=None, env=None, **plan):
    """Runs the checks; the results as JSON. `expect_exit` None: it does not matter."""
    text = json.dumps(dict(plan, name=plan.get("name", "test"), checks=checks))
    done = subprocess.run(
        [PROGRAM, "--format=json", *args, "-"],
        input=text.encode(), capture_output=True, timeout=LIMIT, env=dict(os.environ, **(env or {})),
    )
    if not done.stdout:
        raise Failure(f"no results, status {done.returncode}: {done.stderr.decode()}")
    results = json.loads(done.stdout)
    if results["exit"] != done.returncode:
        raise Failure(f"exit {done.returncode}, but the results say {results['exit']}")
    if expect_exit is not None and done.returncode != expect_exit:
        raise Failure(f"exit {done.returncode}, wanted {expect_exit}: {done.stdout.decode()}")
    return results


def one(check, *args, **kwargs):
    """The result of one check."""
    return verify([check], *args, **kwargs)["checks"][0]


def seen(result):
    """What was observed of what was asserted."""
    return {a["key"]: a.get("observed") for a in result["assertions"]}


def refused(checks, **plan):
    """The problems of a plan that cannot be loaded."""
    done = subprocess.run(
        [PROGRAM, "--check", "-"], input=json.dumps(dict(plan, name="test", checks=checks)).encode(),
        capture_output=True, timeout=LIMIT,
    )
    if done.returncode != 78:
        raise Failure(f"status {done.returncode}, wanted 78: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stderr.decode() + done.stdout.decode()
