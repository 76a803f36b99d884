#!/usr/bin/python3
"""The interface files in dbus/ are what the daemon's own tables say.

When this fails because the tables changed on purpose:
    waggle-messaged --introspect=INTERFACE >dbus/INTERFACE.xml
or another daemon's name; which one serves an interface, the daemons know.
"""

import difflib
import pathlib
import subprocess
import sys

import checks

TOP = pathlib.Path(sys.argv[1])
DAEMONS = sys.argv[2:]


def dump(interface):
    complaints = ""
    for daemon in DAEMONS:
        dumped = subprocess.run([daemon, f"--introspect={interface}"], capture_output=True, text=True, check=False)
        if dumped.returncode == 0:
            return dumped
        complaints += dumped.stderr
    raise AssertionError(complaints)


def same(path):
    def check():
        dumped = dump(path.stem)
        written = path.read_text(encoding="utf-8").splitlines()
        difference = list(difflib.unified_diff(written, dumped.stdout.splitlines(), lineterm=""))
        assert not difference, "\n# ".join(difference[:40])

    return check


FILES = sorted((TOP / "dbus").glob("org.waggle.*.xml"))
# these are optional: when one was not built, nobody here can tell what its files should be
for program, name in (("waggle-typist", ".Typing1"), ("waggle-deployd", ".Deployment1"),
                      ("waggle-monitord", ".Monitoring1")):
    if not any(daemon.endswith("/" + program) for daemon in DAEMONS):
        FILES = [path for path in FILES if name not in path.name]
assert FILES
checks.run({f"{path.name} is up to date": same(path) for path in FILES})
