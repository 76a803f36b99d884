#!/usr/bin/python3
"""stations: many small services at once, each a target of deployments; for power cuts.

    stations.py make < {NAME: {"root": PATH, "new": MORE, "first": MORE}, ...}
    stations.py look NAME...
    stations.py wait SECONDS NAME=STATE...

make writes, for each name, a target, a first release ("old") and a next one ("new"), each with the manifest
/root/NAME/WORD.json, to which MORE is added. look prints as JSON what is there of each, judged by itself: which
release is current and whether its tree is what its tree file says, what lies around, what runs, which unit
file is installed, what was started since the boot. wait returns when the newest deployment of each is in that
state, and fails as soon as one has ended otherwise, with what they are. Never to be run outside a machine of the tests.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path("/srv/cut")
ENDS = ("done", "aborted", "rolled-back", "rollback-failed")
# the release is found by the link, so what runs is what was current when it was started
SERVE = '#!/bin/sh\nread -r word <"$2/current/word"\necho "serving $word"\n'
SERVE += 'echo "$word $$" >/run/cut-$1.new\nmv /run/cut-$1.new /run/cut-$1\nexec sleep infinity\n'
UNIT = "[Unit]\nDescription={word}\n[Service]\nType=exec\nExecStart={root}/current/bin/serve {name} {root}\n"
UNIT += "[Install]\nWantedBy=multi-user.target\n"


def _write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _release(name, root, word, more):
    base = pathlib.Path("/root") / name
    _write(base / word / "bin/serve", SERVE, 0o755)
    _write(base / word / "word", word + "\n")
    _write(base / word / "units" / f"cut-{name}.service", UNIT.format(name=name, root=root, word=word))
    for i in range(20):
        _write(base / word / f"data/{i}", f"{name} {word} {i}\n" * 50)
    unit = f"cut-{name}.service"
    answers = {"file": f"/run/cut-{name}", "name": "it answers", "attempts": 50, "pause": "100ms"}
    manifest = {
        "name": "cut", "version": word, "target": name, "artifacts": [{"source": word}],
        "units": {"install": [f"units/{unit}"], "start": [unit], "enable": [unit]},
        "checks": [answers | {"expect": {"content": {"starts": word + " "}}}],
    }  # fmt: skip
    for key, value in more.items():
        manifest[key] = manifest["checks"] + value if key == "checks" else value
    _write(base / f"{word}.json", json.dumps(manifest))


def make(stations):
    for name, more in stations.items():
        root = more.get("root", f"{ROOT}/{name}")
        _write(pathlib.Path(f"/etc/waggle/targets.d/{name}.conf"), f"[Target]\nRoot={root}\nDomain=cut\n")
        if root != f"{ROOT}/{name}":
            ROOT.mkdir(parents=True, exist_ok=True)
            (ROOT / name).symlink_to(root)
        _release(name, root, "old", more.get("first", {}))
        _release(name, root, "new", more.get("new", {}))


def _is_proven(root, release):
    """Every file is what the tree file says, and there is none besides."""
    tree = root / "releases" / release
    listed = {}
    for line in (root / "releases" / (release + ".tree")).read_text(encoding="utf-8").splitlines():
        if line.startswith("f "):
            fields = line.split(" ", 6)
            listed[fields[6]] = fields[5]
    found = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            found[str(path.relative_to(tree))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return bool(found) and found == listed


def _names(path):
    return sorted(os.listdir(path)) if path.is_dir() else []


def _look(name):
    root = ROOT / name
    unit = f"cut-{name}.service"
    link = os.readlink(root / "current") if (root / "current").is_symlink() else None
    release = link.removeprefix("releases/") if link else None
    shown = subprocess.run(
        ["systemctl", "show", "-p", "ActiveState,MainPID,UnitFileState", unit], capture_output=True, text=True, check=True
    ).stdout
    shown = dict(line.split("=", 1) for line in shown.splitlines())
    journal = subprocess.run(
        ["journalctl", "-b", "-q", "-o", "cat", "-u", unit], capture_output=True, text=True, check=True
    ).stdout
    file = pathlib.Path("/etc/systemd/system") / unit
    runs = pathlib.Path(f"/run/cut-{name}")
    word, pid = runs.read_text(encoding="utf-8").split() if runs.exists() else (None, None)
    return {
        "current": (root / "current/word").read_text(encoding="utf-8").strip() if release else None,
        "proven": bool(release) and _is_proven(root, release),
        "releases": [n for n in _names(root / "releases") if not n.endswith(".tree")],
        "left": {d: _names(root / d) for d in ("staging", "backup")},
        "active": shown["ActiveState"], "enabled": shown["UnitFileState"],
        "serves": word if pid == shown["MainPID"] else f"{word} of {pid}, not {shown['MainPID']}",
        "unit": file.read_text(encoding="utf-8").splitlines()[1].removeprefix("Description="),
        "starts": [x.removeprefix("serving ") for x in journal.splitlines() if x.startswith("serving ")],
    }  # fmt: skip


def _newest(names):
    """name -> the state of its newest deployment."""
    argv = ["waggle", "--json=short", "deploy", "history", "-n", "60"]
    rows = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    return {row["target"]: row["state"] for row in reversed(rows) if row["target"] in names}


def wait(seconds, wanted):
    end = time.monotonic() + seconds
    while True:
        states = _newest(wanted)
        wrong = {name: states.get(name) for name in wanted if states.get(name) != wanted[name]}
        if not wrong:
            return
        if time.monotonic() > end or any(state in ENDS for state in wrong.values()):
            sys.exit(json.dumps(wrong))
        time.sleep(0.5)


if sys.argv[1] == "make":
    make(json.load(sys.stdin))
elif sys.argv[1] == "wait":
    wait(float(sys.argv[2]), dict(argument.split("=") for argument in sys.argv[3:]))
else:
    print(json.dumps({name: _look(name) for name in sys.argv[2:]}))
