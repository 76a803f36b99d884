"""waggle-deployd is killed at its durable calls, one after the other, in good and bad deployments;
in a part of them everything dies with it, as in a power cut, and the recovery of the boot comes
first. Each time the daemon is started again and has to end by the table of states.

WAGGLE_CRASH_FULL=1 takes every call of each deployment, else at most WAGGLE_CRASH_SAMPLES, spread."""

import os

from deploy_world import World, check, equal, states
from harness import main

FULL = os.environ.get("WAGGLE_CRASH_FULL") == "1"
SAMPLES = 100000 if FULL else int(os.environ.get("WAGGLE_CRASH_SAMPLES", "24"))
TABLE = states()
HIT = set()

EXPECTED = {
    "discard": {"aborted"},
    "continue": {"done", "aborted"},
    "finish-or-undo": {"rolled-back"},
    "roll-back": {"rolled-back"},
    "wait": {"done", "rolled-back"},  # it is confirmed; a good release only gets there
    "redo": {"done"},
}


def expected(state, good):
    if state.name == "rolling-back":
        return {"rolled-back"}
    if state.is_end:
        return {state.name}
    ends = EXPECTED[state.crash]
    return ends if good or ends != {"done", "aborted"} else {"rolled-back", "aborted"}


class Killing:
    def __init__(self, world, good):
        self.w, self.good = world, good
        self.found = {}  # call -> the state that its kill met

    def span(self):
        """How many durable calls there are: (before the deployment, with it)."""
        path, _version = self.w.release(self.good, confirm="1min")
        check(self.w.start_faulty("kill", 0), "the daemon does not start")
        before = self.w.count()
        check(self.w.deploy(path) is not None, "a deployment was refused")
        self.w.settle()
        after = self.w.count()
        self.w.stop()
        self.w.forget()
        self.w.check_whole("without a kill")
        return before, after

    def once(self, n, power):
        with self.w.limited(f"the kill at call {n}"):
            self._once(n, power)

    def _once(self, n, power):
        """Killed at the n-th call: what was found, and what came of it."""
        w = self.w
        before, number = w.current(), (w.newest() or (0, ""))[0]
        running, log = w.runs(), w.log()
        path, version = w.release(self.good, confirm="1min")
        if w.start_faulty("kill", n):
            if w.deploy(path) is not None:
                try:
                    w.settle()
                except Exception:
                    pass
            if not w.dead() and not w.killed_by_leaving():  # there were fewer calls this time
                w.forget()
                return
        w.wait_dead()
        w.forget()
        found = w.newest()
        what = f"call {n}, {'power cut' if power else 'kill'} in {found}, {version}"
        if power:
            self.check_boot(w.reboot(), found, before, what)
        if found and found[0] != number:
            self.found[n] = found[1]
        w.start()
        w.settle()
        self.check(found, number, before, running if not power else None, log, version, what)
        w.stop()
        w.forget()

    def check_boot(self, link, found, before, what):
        """Before any unit starts an unverified release is not current any more."""
        state = TABLE[found[1]] if found else None
        if state and not state.is_end and state.crash in ("finish-or-undo", "roll-back"):
            equal(link, before, what + ": current at boot")

    def check(self, found, number, before, running, log, version, what):
        w = self.w
        release = w.check_whole(what)
        number_now, end = w.newest()
        if found is None or found[0] == number:  # nothing of it had reached the disk
            equal(number_now, number, what + ": the newest transaction")
            equal(release, before, what + ": current")
            return
        state = TABLE.get(found[1])
        check(state is not None, f"{what}: the table does not know this state")
        HIT.add(state.name)
        check(end in expected(state, self.good), f"{what}: it ended as {end}")
        if end == "done":
            equal(w.version_of(release), version, what + ": the version")
            return
        equal(release, before, what + ": current")
        check(version not in w.log(), f"{what}: the data are not as before: {w.log()} {log}")
        if end == "aborted":
            check(version not in w.versions(), f"{what}: what was staged is still there")
        if end == "aborted" and running is not None:
            equal(w.runs(), running, what + ": the old process was touched")

    def missing(self, wanted, before, after):
        """The calls among which a state must be that no kill has met yet."""
        order = list(TABLE)
        first = [n for n, state in self.found.items() if order.index(state) < order.index(wanted)]
        last = [n for n, state in self.found.items() if order.index(state) > order.index(wanted)]
        return range(max(first, default=before) + 1, min(last, default=after + 1))


def sample(first, last, n):
    """At most `n` of first..last, spread, the ends among them."""
    count = last - first + 1
    if count <= n:
        return list(range(first, last + 1))
    return sorted({first + i * (count - 1) // (n - 1) for i in range(n)})


def walk(good):
    with World() as w:
        w.start()
        path, _version = w.release()
        check(w.deploy(path) is not None, "the first deployment was refused")
        w.settle()
        w.stop()
        w.forget()
        killing = Killing(w, good)
        before, after = killing.span()
        points = sample(1, before, max(2, SAMPLES // 10)) + sample(before + 1, after, SAMPLES)
        print(f"# {after} durable calls, {len(points)} of them taken", flush=True)
        for i, n in enumerate(points):
            killing.once(n, power=i % 4 == 3)
        # a state is not missed because it is short; ends are no states in which anything is done
        for name in [s.name for s in TABLE.values() if not s.is_end and s.name not in HIT]:
            for n in killing.missing(name, before, after):
                if name not in HIT and (name == "rolling-back") != good:
                    killing.once(n, power=False)


def test_killed_in_a_good_deployment():
    walk(good=True)


def test_killed_in_a_bad_deployment():
    walk(good=False)


def test_every_state_was_hit():
    missing = {s.name for s in TABLE.values() if not s.is_end} - HIT
    equal(missing, set(), "states in which nothing was killed")


if __name__ == "__main__":
    main(globals())
