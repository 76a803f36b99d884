#!/usr/bin/python3
"""The power goes in each state of a deployment; afterwards the right-hand column of waggle-deployd(8) holds.

Many targets are deployed to at once, each held in one state by an event (a hook or a check that does not
return in the boot in which it began, or a file system that is frozen), and then the emulator is killed:
one cut proves all states. The tries of a roll-back take a cut each, at one target.
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
HOLDS = "#!/bin/sh\nif grep -qs {boot} /proc/sys/kernel/random/boot_id; then touch /run/held-$1; exec sleep 600; fi\n"
FROZEN = ("backing-up", "staging-half", "cleaning")  # on a file system of their own, see _prepare()


def _hold(name, timeout="5min"):
    return {"command": [HOLD, name], "timeout": timeout}


def _freeze(name):
    return {"command": ["/usr/sbin/fsfreeze", "--freeze", f"/srv/frozen/{name}"]}


def _look(name):
    """A check that does not end."""
    return [{"command": f"{HOLD} {name}", "name": "holds", "timeout": "5min"}]


def _state(name, schema, **more):
    return {"directory": f"/srv/data-{name}", "schema": schema, "reads": f"1..{schema}", **more}


UP = "date >/srv/data-migrating/since; " + HOLD + " migrating"
BASELINE = [{"command": HOLD + " staged", "name": "now", "timeout": "70s", "expect": {"exit-status": {"not-higher": True}}}]
NOBODY = [{"file": "/run/nobody-makes-this", "name": "never"}]
# station -> (the state it is held in, what it ends as, the release that serves then, more of its manifest)
STATIONS = {
    "validated": ("validated", "aborted", "old", {"hooks": {"pre-flight": [_hold("validated")]}}),
    "backing-up": ("backing-up", "aborted", "old", {
        "hooks": {"pre-flight": [_freeze("backing-up")]}, "backup": ["/etc/hostname"]}),
    "staging": ("staging", "aborted", "old", {"hooks": {"post-stage": [_hold("staging")]}}),
    "staging-half": ("staging", "aborted", "old", {"hooks": {"pre-stage": [_freeze("staging-half")]}}),
    "migrating": ("migrating", "rolled-back", "old", {
        "state": _state("migrating", 2, snapshot=True, migrate={
            "up": {"command": ["/bin/sh", "-c", UP], "timeout": "5min"}})}),
    "switching": ("switching", "rolled-back", "old", {"hooks": {"pre-switch": [_hold("switching")]}}),
    "switched": ("switching", "rolled-back", "old", {"hooks": {"post-switch": [_hold("switched")]}}),
    "starting": ("starting", "rolled-back", "old", {"hooks": {"post-start": [_hold("starting")]}}),
    "verifying": ("verifying", "rolled-back", "old", {"checks": _look("verifying")}),
    "verified": ("verified", "done", "new", {"strategy": {"confirm": "1h"}}),
    "committed": ("committed", "done", "new", {"hooks": {"post-commit": [_hold("committed")]}}),
    "cleaning": ("cleaning", "done", "new", {"hooks": {"post-commit": [_freeze("cleaning")]}}),
    # these have little time, so they come last
    "unconfirmed": ("verified", "rolled-back", "old", {"strategy": {"confirm": "60s"}}),
    "staged": ("staged", "done", "new", {"checks": BASELINE}),
    "rolling-back": ("rolling-back", "rolled-back", "old", {
        "checks": NOBODY, "hooks": {"pre-rollback": [_hold("rolling-back")]}}),
}  # fmt: skip
# its way back is begun three times, and each time the power goes
TRIES = {"checks": NOBODY, "hooks": {"pre-rollback": [
    {"command": ["/bin/sh", "-c", "touch /run/held-tries; exec sleep 600"], "timeout": "5min"}]}}  # fmt: skip


def _prepare(root):
    """File systems of their own for what is frozen: nothing that is written there ends until the power goes."""
    with open(root / "etc/fstab", "a", encoding="ascii") as fstab:
        for name in FROZEN:
            (root / f"srv/frozen/{name}").mkdir(parents=True)
            image = root / f"srv/{name}.img"
            subprocess.run(["mke2fs", "-q", "-t", "ext4", "-m", "0", image, "16M"], check=True, capture_output=True)
            fstab.write(f"/srv/{name}.img /srv/frozen/{name} ext4 loop 0 0\n")


def _history(m):
    return json.loads(m.out("waggle", "--json=short", "deploy", "history", "-n", "60"))


def _newest(m):
    """target -> its newest deployment."""
    rows = {}
    for row in _history(m):
        rows.setdefault(row["target"], row)
    return rows


def _inside(m, *names):
    return json.loads(m.out(f"{INSIDE}/stations.py", "look", *names, timeout=120))


def _run(m, name, word="new", *options):
    m.run("waggle", "deploy", "run", f"/root/{name}/{word}.json", "--no-wait", *options)


def _held(m, name):
    m.wait(f"{name} held", lambda: m.run("test", "-e", f"/run/held-{name}", check=False).returncode == 0, 120)


def _wait_states(m, wanted, timeout=120):
    """Until each target's newest deployment is in this state."""
    seen = {}

    def there():
        rows = _newest(m)
        seen.clear()
        seen.update({name: rows[name]["state"] for name in wanted})
        ended = {n: s for n, s in seen.items() if s != wanted[n] and s in ENDS}
        assert not ended, f"ended otherwise: {ended}"
        return seen == wanted

    try:
        m.wait("the states", there, timeout)
    except AssertionError as error:
        wrong = {n: (s, wanted[n]) for n, s in seen.items() if s != wanted[n]}
        raise AssertionError(f"{error}: is and should be: {wrong}") from error


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
            _wait_states(m, {name: state}, 120)
        else:
            _held(m, name)
    _wait_states(m, {name: station[0] for name, station in STATIONS.items()}, 10)
    m.power_cut()


def test_boot(m):
    """the boot has put files back before a unit started: no unit ran a release that nobody had verified"""
    assert m.show("waggle-deployd-recover.service", "Result") == "success"
    _wait_states(m, {n: s[1] for n, s in STATIONS.items() if n != "verified"}, 150)
    for name, is_now in _inside(m, *STATIONS).items():
        _state_, end, word, _more = STATIONS[name]
        _whole(name, is_now, word, ended=name != "verified")
        starts = is_now["starts"]
        if name == "staged":  # it went on
            assert starts[0] == "old" and starts[-1] == "new", (name, starts)
        elif name == "unconfirmed":  # it may have served for the rest of its time, and no longer
            assert starts[-1] == "old", (name, starts)
        else:
            assert set(starts) == {word}, (name, starts)
        # what was cut off after the tree had its name, and before the name was stored, is left for retention: it is
        # nowhere known as a release, and neither current nor good
        at_most = 2 if word == "new" or name == "staging" else 1
        assert len(is_now["releases"]) <= at_most, (name, is_now)
    assert m.out("cat", "/srv/data-migrating/since") == "one"
    m.run("waggle", "audit", "verify")


def test_deadline_over_the_boot(m):
    """the time to confirm went on while there was no power: neither anew nor for ever"""
    row = _newest(m)["unconfirmed"]
    shown = json.loads(m.out("waggle", "--json=short", "deploy", "show", row["id"]))
    times = {t["to"]: t["time"] for t in shown["transitions"]}
    over, back = times["verified"] + 60_000_000, times["rolling-back"]
    boot = json.loads(m.out("journalctl", "-b", "-q", "-o", "json", "-n", "1", "-u", "waggle-deployd-recover.service"))
    print(f"# rolled back {(back - times['verified']) / 1e6:.1f} s after it was verified, the power was back at "
          f"{(int(boot['__REALTIME_TIMESTAMP']) - times['verified']) / 1e6:.1f} s")  # fmt: skip
    # anew it would be a minute after the boot at the earliest
    assert over <= back < max(over, int(boot["__REALTIME_TIMESTAMP"])) + 50_000_000, (over, back, boot)


def test_confirmed_after_the_cut(m):
    """what was verified and waits can be confirmed in another boot"""
    row = _newest(m)["verified"]
    assert row["state"] == "verified", row
    m.run("waggle", "deploy", "confirm", row["id"])
    _wait_states(m, {"verified": "done"})
    _whole("verified", _inside(m, "verified")["verified"], "new")


def test_again(m):
    """each target takes its next deployment; what was poisoned is refused, nothing else"""
    names = ["backing-up", "staging", "switched", "verifying"]
    for name in names:
        content = json.loads(m.out("cat", f"/root/{name}/new.json"))
        content.pop("hooks", None)
        content["checks"] = content["checks"][:1]
        m.run("tee", f"/root/{name}/again.json", stdin=json.dumps(content))
        _run(m, name, "again")
    _wait_states(m, dict.fromkeys(names, "done"))
    for name, is_now in _inside(m, *names).items():
        _whole(name, is_now, "new")


def _cut_rolling_back(m, n):
    """The way back has begun for the n-th time, and the power goes."""
    _held(m, "tries")
    _wait_states(m, {"tries": "rolling-back"}, 5)
    shown = json.loads(m.out("waggle", "--json=short", "deploy", "show", _newest(m)["tries"]["id"]))
    assert shown["tries"] == n, shown["tries"]
    m.power_cut()


def test_tries(m):
    """a roll-back that the power ends is begun again, and each time the old release alone is started"""
    _run(m, "tries")
    _cut_rolling_back(m, 1)
    for n in (2, 3):
        _held(m, "tries")
        is_now = _inside(m, "tries")["tries"]
        _whole("tries", is_now, "old", ended=False)
        assert set(is_now["starts"]) == {"old"}, is_now
        _cut_rolling_back(m, n)


def test_no_fourth_try(m):
    """after the third try it has failed, is told, and nothing more is changed at this target before a person says so"""
    _wait_states(m, {"tries": "rollback-failed"})
    ids = dict(re.findall(
        r"#define (WG_MSG_\w+) \"([0-9a-f]{32})\"",
        (roots.TOP / "src/common/message-ids.h").read_text(encoding="utf-8"),
    ))  # fmt: skip
    assert m.journal("MESSAGE_ID=" + ids["WG_MSG_ROLLBACK_FAILED"], f"_SYSTEMD_UNIT={DEPLOYD}", since="@0")
    is_now = _inside(m, "tries")["tries"]
    _whole("tries", is_now, "old", ended=False)
    assert set(is_now["starts"]) == {"old"}, is_now
    done = m.run("waggle", "deploy", "run", "/root/tries/old.json", check=False)
    assert done.returncode == 1 and "roll-back" in done.stdout + done.stderr, done
    content = json.loads(m.out("cat", "/root/tries/new.json"))
    del content["hooks"]
    content["checks"] = content["checks"][:1]
    m.run("tee", "/root/tries/again.json", stdin=json.dumps(content))
    done = m.run("waggle", "deploy", "run", "/root/tries/again.json", "--force", check=False, timeout=120)
    assert done.returncode == 0, done
    # what the failed one kept to go back with stays for the person who looks
    _whole("tries", _inside(m, "tries")["tries"], "new", ended=False)
    m.run("waggle", "audit", "verify")


if __name__ == "__main__":
    tap.main(globals(), Vm, prepare=_prepare)
