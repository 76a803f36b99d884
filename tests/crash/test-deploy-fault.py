"""Durable calls of waggle-deployd fail: once with EIO or ENOSPC, or with ENOSPC from one on until
there is room again. The daemon lives; the deployment ends by itself, and whatever its end is, the
target is what the end says.

WAGGLE_CRASH_FULL=1 takes every call; else so many are taken that a run stays short, and each run takes other
ones: WAGGLE_CRASH_OFFSET repeats those of a run that printed it."""

import os

from deploy_world import Error, World, check, equal
from harness import main, wait_for

FULL = os.environ.get("WAGGLE_CRASH_FULL") == "1"
SAMPLES = 100000 if FULL else int(os.environ.get("WAGGLE_CRASH_SAMPLES", "12"))
OFFSET = int(os.environ.get("WAGGLE_CRASH_OFFSET", os.getpid()))


def prepared():
    w = World()
    w.start()
    path, _version = w.release()
    check(w.deploy(path) is not None, "the first deployment was refused")
    w.settle()
    w.stop()
    w.forget()
    return w


def span(w, good):
    path, _version = w.release(good)
    check(w.start_faulty("eio", 0), "the daemon does not start")
    before = w.count()
    check(w.deploy(path) is not None, "a deployment was refused")
    w.settle()
    after = w.count()
    w.stop()
    w.forget()
    return before, after


def is_over(w, client):
    try:
        return not w.live(client)
    except Error:  # a question in the batch whose sync failed
        return False


def once(w, how, n, good):
    before, number = w.current(), w.newest()[0]
    path, version = w.release(good)
    what = f"{how} at call {n}, {version}"
    if not w.start_faulty(how, n):  # it may refuse to start; it may not break anything
        w.process = None
        w.forget()
        w.start()
    job = w.deploy(path)
    if how == "full":
        client = w.client()
        wait_for(lambda: w.count() > n + 8 or job is None or is_over(w, client), what + ": calls that fail",
                 limit=90)
        with open(w.lifted, "w", encoding="utf-8"):
            pass
    w.settle()
    release = w.check_whole(what)
    number_now, end = w.newest()
    if number_now != number:
        check(end in ("done", "aborted", "rolled-back"), f"{what}: it ended as {end}")
        check(good or end != "done", f"{what}: a bad release is done")
        wanted = version if end == "done" else w.version_of(before)
        equal(w.version_of(release), wanted, what + f": the version after {end}")
        if end != "done":
            check(version not in w.log(), f"{what}: the data are not as before")
    w.stop()
    w.forget()


def walk(how, good):
    with prepared() as w:
        before, after = span(w, good)
        samples = SAMPLES if how != "full" else max(2, SAMPLES // 3)  # which take seconds each
        step = max(1, (after - before + samples - 1) // samples)
        points = range(before + 1 + OFFSET % step, after + 1, step)
        print(f"# {after - before} durable calls, {len(points)} of them taken, offset {OFFSET}", flush=True)
        for n in points:
            with w.limited(f"{how} at call {n}"):
                once(w, how, n, good)


def test_one_call_fails_in_a_good_deployment():
    walk("eio", good=True)


def test_one_call_fails_in_a_bad_deployment():
    walk("eio", good=False)


def test_no_space_once():
    walk("enospc", good=True)


def test_no_space_for_a_while():
    walk("full", good=True)


def test_no_space_for_a_while_in_a_bad_deployment():
    walk("full", good=False)


if __name__ == "__main__":
    main(globals())
