"""checks: runs named checks and reports each in the Test Anything Protocol."""

import sys


def run(checks):
    failed = 0
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks.items(), 1):
        try:
            check()
            print(f"ok {number} {name}")
        except AssertionError as error:
            failed = 1
            print(f"not ok {number} {name}\n# {error}")
    sys.exit(failed)
