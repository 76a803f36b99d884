"""tap: runs the test functions of a file and reports each in the Test Anything Protocol.

A test is a function named test_*; its docstring says what it shows. It passes when it returns,
fails when it raises, and is skipped when it raises Skip. After a failure the journal of the machine
is printed, because nothing of the machine is left afterwards.
"""

import os
import sys
import traceback

from harness import roots
from harness.machine import Machine


class Skip(Exception):
    """This machine cannot do the test; the text says why."""


def _diagnose(text):
    for line in text.splitlines():
        print("# " + line)
    sys.stdout.flush()


def _say(test):
    return " ".join((test.__doc__ or test.__name__).split()).rstrip(".").replace("#", "no. ")


def _own_mounts():
    """Everything that is mounted goes away with the last process of the test, however it ends."""
    if os.environ.get("WAGGLE_TEST_MOUNTS") != "own":
        os.environ["WAGGLE_TEST_MOUNTS"] = "own"
        command = ["unshare", "--mount", "--propagation", "private", sys.executable]
        os.execvp(command[0], command + sys.argv)


def main(namespace, machine_class=Machine, **machine_options):
    """Boots one machine and runs all tests of `namespace` on it, in the order of the file."""
    tests = [f for name, f in namespace.items() if name.startswith("test_")]
    if len(sys.argv) > 1:
        tests = [f for f in tests if f.__name__ in sys.argv[1:]]
    _own_mounts()
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    roots.prune()
    with roots.lock_shared(), machine_class(**machine_options) as machine:
        for number, test in enumerate(tests, 1):
            try:
                machine.test_begin()
                test(machine)
                print(f"ok {number} {_say(test)}", flush=True)
            except Skip as reason:
                print(f"ok {number} {_say(test)} # SKIP {reason}", flush=True)
            except Exception:  # whatever it was, the next test still has its say
                failed += 1
                _diagnose(traceback.format_exc())
                _diagnose(machine.test_journal())
                print(f"not ok {number} {_say(test)}", flush=True)
    sys.exit(1 if failed else 0)
