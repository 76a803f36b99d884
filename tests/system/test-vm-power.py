#!/usr/bin/python3
"""The power goes in each state of a deployment; afterwards the right-hand column of waggle-deployd(8) holds.

Many targets are deployed to at once, each held in one state by an event (a hook or a check that does not
return in the boot in which it began, or a file system that is frozen), and then the emulator is killed:
one cut proves all states, and all that follows happens in the boot after it.
"""

import json
import re
import subprocess

from harness import roots, tap
from harness.host import INSIDE
from harness.shop import DEPLOYD, ENDS
from harness.vm import Vm

HOLD = "/usr/local/sbin/hold"
# touches what tells that it is there, and does not return in the boot in which it was written
HOLDS = "#!/bin/sh\nif grep -qs {boot} /proc/sys/kernel/random/boot_id; then touch /run/held-$1; exec sleep 1800; fi\n"
CONFIRM = 120  # seconds
FROZEN = ("backing-up", "staging-half", "cleaning")  # on a file system of their own, see _prepare()


def _hold(name, timeout="5min"):
    return {"command": [HOLD, name], "timeout": timeout}


def _freeze(name):
    return {"command": ["/usr/sbin/fsfreeze", "--freeze", f"/srv/frozen/{name}"]}


def _look(name):
    """A check that does not end."""
    return [{"command": f"{HOLD} {name}", "name": "holds", "timeout": "9min"}]


def _state(name, schema, **more):
    return {"directory": f"/srv/data-{name}", "schema": schema, "reads": f"1..{schema}", **more}


UP = "date >/srv/data-migrating/since; " + HOLD + " migrating"
BASELINE = [{"command": HOLD + " staged", "name": "now", "timeout": "2min", "expect": {"exit-status": {"not-higher": True}}}]
NOBODY = [{"file": "/run/nobody-makes-this", "name": "never"}]
# station -> (the state it is held in, what it ends as, the release that serves then, more of its manifest)
STATIONS = {
    # nothing presses these
    "verified": ("verified", "done", "new", {"strategy": {"confirm": "1h"}}),
    "committed": ("committed", "done", "new", {"hooks": {"post-commit": [_hold("committed", "9min")]}}),
    "cleaning": ("cleaning", "done", "new", {"hooks": {"post-commit": [_freeze("cleaning")]}}),
    "verifying": ("verifying", "rolled-back", "old", {"checks": _look("verifying")}),
    # these have their 5 minutes
    "starting": ("starting", "rolled-back", "old", {"hooks": {"post-start": [_hold("starting")]}}),
    "switched": ("switching", "rolled-back", "old", {"hooks": {"post-switch": [_hold("switched")]}}),
    "switching": ("switching", "rolled-back", "old", {"hooks": {"pre-switch": [_hold("switching")]}}),
    "migrating": ("migrating", "rolled-back", "old", {
        "state": _state("migrating", 2, snapshot=True, migrate={
            "up": {"command": ["/bin/sh", "-c", UP], "timeout": "5min"}})}),
    "staging-half": ("staging", "aborted", "old", {"hooks": {"pre-stage": [_freeze("staging-half")]}}),
    "staging": ("staging", "aborted", "old", {"hooks": {"post-stage": [_hold("staging")]}}),
    "backing-up": ("backing-up", "aborted", "old", {
        "hooks": {"pre-flight": [_freeze("backing-up")]}, "backup": ["/etc/hostname"]}),
    "validated": ("validated", "aborted", "old", {"hooks": {"pre-flight": [_hold("validated")]}}),
    # these have little time, so they come last: what is said here, 2 minutes, and a third of those for a roll-back
    "unconfirmed": ("verified", "rolled-back", "old", {"strategy": {"confirm": f"{CONFIRM}s"}}),
    "staged": ("staged", "done", "new", {"checks": BASELINE}),
    "rolling-back": ("rolling-back", "rolled-back", "old", {
        "checks": NOBODY, "hooks": {"pre-rollback": [_hold("rolling-back")]}}),
}  # fmt: skip
ENDED = [name for name in STATIONS if name not in ("verified", "unconfirmed")]  # by itself, after the cut
# its way back is begun three times
TRIES = {"checks": NOBODY, "hooks": {"pre-rollback": [{"command": ["/usr/bin/sleep", "600"], "timeout": "5min"}]}}


def _prepare(root):
    """File systems of their own for what is frozen: nothing that is written there ends until the power goes."""
    # each deployment has systemd read its units again, and under emulation the generators are most of that
    (root / "etc/systemd/system-generators").mkdir(exist_ok=True)
    for generator in (root / "usr/lib/systemd/system-generators").iterdir():
        if generator.name != "systemd-fstab-generator":
            (root / "etc/systemd/system-generators" / generator.name).symlink_to("/dev/null")
    with open(root / "etc/fstab", "a", encoding="ascii") as fstab:
        for name in FROZEN:
            (root / f"srv/frozen/{name}").mkdir(parents=True)
            image = root / f"srv/{name}.img"
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", image, "16M"], check=True, capture_output=True)
            fstab.write(f"/srv/{name}.img /srv/frozen/{name} ext4 loop 0 0\n")


def _newest(m, name):
    return json.loads(m.out("waggle", "--json=short", "deploy", "history", "-n", "1", f"--target={name}"))[0]


def _show(m, name):
    return json.loads(m.out("waggle", "--json=short", "deploy", "show", _newest(m, name)["id"]))


def _inside(m, *names):
    return json.loads(m.out(f"{INSIDE}/stations.py", "look", *names, timeout=120))


def _run(m, name, word="new", *options):
    m.run("waggle", "deploy", "run", f"/root/{name}/{word}.json", "--no-wait", *options)


def _held(m, name):
    """Until its hook, check or command has begun that does not return."""
    m.run("sh", "-c", "until test -e /run/held-$1; do sleep 0.2; done", "sh", name, timeout=90)


def _wait_states(m, wanted, timeout=150):
    """Until each target's newest deployment is in this state; it waits within, so that it costs the machine little."""
    done = m.run(f"{INSIDE}/stations.py", "wait", timeout, *[f"{n}={s}" for n, s in wanted.items()],
                 check=False, timeout=timeout)  # fmt: skip
    assert done.returncode == 0, f"not in these states: {done.stdout}{done.stderr}"


def _whole(name, is_now, word, ended=True):
    """One release is current and proven, its unit file is installed, and it is what runs."""
    what = f"{name}: {is_now}"
    assert is_now["current"] == word and is_now["proven"], what
    assert is_now["unit"] == word and is_now["enabled"] == "enabled", what
    assert is_now["active"] == "active" and is_now["serves"] == word, what
    if ended:
        assert not is_now["left"]["staging"] and not is_now["left"]["backup"], what


def test_every_state_is_cut(m):
    """there is a cut for each state of the program's table that is no end"""
    text = (roots.TOP / "src/deployment/states.c").read_text(encoding="utf-8")
    names = set(re.findall(r"\[DPL_STATE_\w+\] = \{\"([a-z-]+)\"", text))
    assert len(names) > 10 and names - set(ENDS) == {s[0] for s in STATIONS.values()}, names


def test_first(m):
    """each target has a first release that serves"""
    stations = {name: {"new": more} for name, (_s, _e, _w, more) in STATIONS.items()} | {"tries": {"new": TRIES}}
    for name in FROZEN:
        stations[name]["root"] = f"/srv/frozen/{name}/root"
    stations["migrating"]["first"] = {"state": _state("migrating", 1)}
    m.run("sh", "-c", "mkdir /srv/data-migrating; echo one >/srv/data-migrating/since")
    m.run(f"{INSIDE}/stations.py", "make", stdin=json.dumps(stations))
    m.run("tee", HOLD, stdin=HOLDS.format(boot=m.out("cat", "/proc/sys/kernel/random/boot_id")))
    m.run("chmod", "755", HOLD)
    m.run("systemctl", "start", "waggle-deployd.socket")
    for name in stations:  # one by one: each has systemd read all its units again, and nothing else is to wait for that
        done = m.run("waggle", "deploy", "run", f"/root/{name}/old.json", check=False, timeout=120)
        assert done.returncode == 0, done
    for name, is_now in _inside(m, *stations).items():
        _whole(name, is_now, "old")


def test_cut(m):
    """the power goes while there is a deployment in each state"""
    for name, (state, _end, _word, _more) in STATIONS.items():
        _run(m, name)
        if name in FROZEN or state == "verified":
            _wait_states(m, {name: state})
        else:
            _held(m, name)
    _wait_states(m, {name: station[0] for name, station in STATIONS.items()}, 10)
    m.power_cut()


def test_boot(m):
    """the boot has put files back before a unit started: no unit ran a release that nobody had verified"""
    assert m.show("waggle-deployd-recover.service", "Result") == "success"
    _wait_states(m, {name: STATIONS[name][1] for name in ENDED})
    for name, is_now in _inside(m, *ENDED).items():
        _state_, _end, word, _more = STATIONS[name]
        _whole(name, is_now, word)
        starts = is_now["starts"]
        if name == "staged":  # it went on
            assert starts[0] == "old" and starts[-1] == "new", (name, starts)
        else:
            assert set(starts) == {word}, (name, starts)
        # what was staged, if only its name was missing in the record, is gone
        assert len(is_now["releases"]) == (2 if word == "new" else 1), (name, is_now)
    assert m.out("cat", "/srv/data-migrating/since") == "one"
    assert _show(m, "rolling-back")["tries"] == 2


def test_tries(m):
    """a roll-back whose service is killed is begun again; after the third try it has failed, is told, and nothing more
    is changed at this target before a person says so"""
    _run(m, "tries")
    _wait_states(m, {"tries": "rolling-back"})
    begun = []
    while True:
        shown = _show(m, "tries")
        state = (shown["state"], shown["tries"])
        if begun[-1:] == [state]:
            continue  # it is not under way again
        begun.append(state)
        if state[0] != "rolling-back":
            break
        m.run("systemctl", "kill", "-s", "KILL", "--kill-whom=main", DEPLOYD)
    assert begun == [*(("rolling-back", n) for n in (1, 2, 3)), ("rollback-failed", 3)], begun
    ids = dict(re.findall(
        r"#define (WG_MSG_\w+) \"([0-9a-f]{32})\"",
        (roots.TOP / "src/common/message-ids.h").read_text(encoding="utf-8"),
    ))  # fmt: skip
    assert m.journal("MESSAGE_ID=" + ids["WG_MSG_ROLLBACK_FAILED"], f"_SYSTEMD_UNIT={DEPLOYD}", since="@0")
    done = m.run("waggle", "deploy", "run", "/root/tries/old.json", check=False)
    assert done.returncode == 1 and "roll-back" in done.stdout + done.stderr, done


def test_deadline_over_the_boot(m):
    """the time to confirm went on while there was no power: neither anew nor for ever"""
    _wait_states(m, {"unconfirmed": "rolled-back"}, CONFIRM + 60)
    times = {t["to"]: t["time"] for t in _show(m, "unconfirmed")["transitions"]}
    over, back = times["verified"] + CONFIRM * 1_000_000, times["rolling-back"]
    boot = json.loads(m.out("journalctl", "-b", "-q", "-o", "json", "-n", "1", "-u", "waggle-deployd-recover.service"))
    boot = int(boot["__REALTIME_TIMESTAMP"])
    print(f"# rolled back {(back - times['verified']) / 1e6:.1f} s after it was verified, the power was back at "
          f"{(boot - times['verified']) / 1e6:.1f} s")  # fmt: skip
    # anew it would be CONFIRM after the boot at the earliest
    assert over <= back < max(over + 40_000_000, boot + (CONFIRM - 5) * 1_000_000), (over, back, boot)
    is_now = _inside(m, "unconfirmed")["unconfirmed"]
    _whole("unconfirmed", is_now, "old")
    assert is_now["starts"][-1] == "old", is_now  # the new one may have served for the rest of its time, and no longer


def test_confirmed_after_the_cut(m):
    """what was verified and waits can be confirmed in another boot"""
    row = _newest(m, "verified")
    assert row["state"] == "verified", row
    m.run("waggle", "deploy", "confirm", row["id"])
    _wait_states(m, {"verified": "done"})
    _whole("verified", _inside(m, "verified")["verified"], "new")


def test_again(m):
    """each target takes its next deployment, also with what was staged before the cut; one whose roll-back failed when
    it is told to"""
    names = {"backing-up": [], "staging": [], "switched": [], "verifying": [], "tries": ["--force"]}
    for name, options in names.items():
        content = json.loads(m.out("cat", f"/root/{name}/new.json"))
        content.pop("hooks", None)
        content["checks"] = content["checks"][:1]
        m.run("tee", f"/root/{name}/again.json", stdin=json.dumps(content))
        _run(m, name, "again", *options)
    _wait_states(m, dict.fromkeys(names, "done"))
    for name, is_now in _inside(m, *names).items():
        # what the failed roll-back kept to go back with stays for the person who looks
        _whole(name, is_now, "new", ended=name != "tries")
    m.run("waggle", "audit", "verify")


if __name__ == "__main__":
    tap.main(globals(), Vm, prepare=_prepare)
