"""The courier, messaged, or both are killed at random moments while mail flows to files, commands
and bells; afterwards the receipts are compared with what is on the disk and in the ledgers.

WAGGLE_CRASH_SEED repeats the dice (not the machine's own chance), WAGGLE_CRASH_KILLS sets another
number."""

import os
import time

from harness import main
from storm import FINAL, Storm, check, equal, wait_for

KILLS = int(os.environ.get("WAGGLE_CRASH_KILLS", "60"))
SEED = int(os.environ["WAGGLE_CRASH_SEED"]) if "WAGGLE_CRASH_SEED" in os.environ else None
# Commands that one kill can cut off: one of exec-1, four of exec-4.
UNDER_WAY = 5
PATIENCE = 120


def check_announced_files(s, since):
    """Said to be in the inbox, not acked: then it is there, whole."""
    files = {agent: s.files(agent) for agent in ("inbox-1", "inbox-2")}
    for m in s.of_kind("inbox")[since:]:
        if m.number is None or m.acked or m.number in files[m.agent]:
            continue
        states = [r[0] for r in s.receipts(m)]
        if "announced" in states and not FINAL & set(states):
            # it may have come between our look and the question
            check(m.number in s.files(m.agent), f"{m.number} is announced but not there: {states}")


def run(s, kills, what):
    looked = 0
    for i in range(kills):
        s.burst(s.dice.randint(5, 25))
        s.turn(s.dice.random() ** 2 * 0.3)
        s.kill(s.dice.choice(what))
        if i % 5 == 4:
            s.ack_some()
            check_announced_files(s, looked)
            looked = len(s.of_kind("inbox"))


def calm(s):
    wait_for(s.all_sent, "all answers", PATIENCE)
    try:
        wait_for(s.everything_done, "the mail that handles itself", PATIENCE)
    except AssertionError as why:
        left = [(m.agent, m.number, s.receipts(m)) for m in s.of_kind("exec", "take")
                if s.receipts(m)[-1][0] not in FINAL]
        raise AssertionError(f"{why}; left: {left[:5]}") from None
    last = {m: None for m in s.of_kind("inbox", "bell")}

    def announced():
        for m in list(last):
            states = {r[0] for r in s.receipts(m)}
            if "announced" in states or FINAL & states:
                del last[m]
        return not last

    try:
        wait_for(announced, "all to be announced", PATIENCE)
    except AssertionError as why:
        left = [(m.agent, m.number, s.receipts(m)) for m in last]
        raise AssertionError(f"{why}; left: {left[:5]}") from None


def check_order(receipts, number):
    states = [r[0] for r in receipts]
    equal(states[0], "stored", f"first receipt of {number}, {states}")
    equal([r[1] for r in receipts], sorted(r[1] for r in receipts), f"times of {number}")
    ends = [i for i, state in enumerate(states) if state in FINAL]
    check(len(ends) <= 1 and (not ends or ends[0] == len(states) - 1),
          f"{number} goes on after its end: {states}")
    for i, state in enumerate(states):
        if state == "acked":
            equal(states[i - 1], "leased", f"before acked of {number}: {states}")
        if state == "leased":
            check(states[i - 1] != "leased", f"{number} leased while leased: {states}")


def check_commands(s, agent):
    """Returns the runs that came after one that had ended well."""
    lines = s.ledger(agent)
    doubled = 0
    for m in (m for m in s.messages if m.agent == agent):
        receipts = s.receipts(m)
        end, _, cause = receipts[-1]
        begun = [x for x in lines if x.number == m.number and x.what == "B"]
        ended = [x for x in lines if x.number == m.number and x.what == "E"]
        good = [x for x in ended if x.status == 0]
        if end == "acked":
            check(good, f"{m.number} is acked, but its command never ended well: {ended}")
        else:
            equal(end, "dead", f"the end of {m.number}, {receipts}")
            check(cause and m.number % 17 == 0, f"{m.number} is dead: {receipts}")
            check(not good, f"{m.number} is dead, but its command ended well")
        for x in begun:
            before = [g for g in good if g.time < x.time]
            if not before:
                continue
            doubled += 1
            check(any(before[-1].time - 1e5 <= k <= x.time for k, _ in s.kills),
                  f"{m.number} ran again without a kill between")
    return doubled


def check_inbox(s, agent):
    mine = [m for m in s.messages if m.agent == agent]
    ends = {m: {r[0] for r in s.receipts(m)} & FINAL for m in mine}
    unacked = {m.number: m for m in mine if not ends[m]}
    wait_for(lambda: set(s.files(agent)) == set(unacked), f"{agent} to have what is not acked")
    for number, content in s.files(agent).items():
        equal(content["text"].encode(), unacked[number].body)
    for m in mine:
        equal(bool(ends[m]), m.acked, f"{m.number} acked by us")


def check_books(s):
    numbers = [m.number for m in s.messages]
    equal(len(set(numbers)), len(numbers), "numbers of so many messages")
    for m in s.messages:
        check_order(s.receipts(m), m.number)
    for agent in s.agents:
        info = s.rig.client.call("GetAgent", agent)[0]
        equal(info["in-flight"], 0, f"leases of {agent} that nobody has")
    ran = {n for line in s.rig.lines("take") for n in line["messages"]}
    for m in s.of_kind("take"):
        equal(s.receipts(m)[-1][0], "acked")
        check(m.number in ran, f"{m.number} is acked, but no job had it")
    rung = {n for line in s.rig.lines("bell") for n in line["messages"]}
    for m in s.of_kind("bell"):
        check(m.number in rung, f"{m.number} is announced, but no bell rang for it")
    for agent in ("inbox-1", "inbox-2"):
        check_inbox(s, agent)
    problems = s.rig.client.call("Check")
    equal(problems[0], [], "findings of Check")
    print(f"# {len(s.messages)} messages, {len(s.kills)} kills; {problems[1]}")


def storm(kills, what):
    begin = time.monotonic()
    with Storm(SEED) as s:
        run(s, kills, what)
        calm(s)
        check_books(s)
        doubled = sum(check_commands(s, a) for a, kind in s.agents.items() if kind == "exec")
        print(f"# {doubled} commands ran again after they had ended well; "
              f"{time.monotonic() - begin:.1f} s")
    return doubled


def test_messaged_is_killed():
    # The courier remembers what it could not tell: nothing is done twice.
    equal(storm(KILLS // 3, ["messaged"]), 0, "commands that ran twice")


def test_the_courier_is_killed():
    doubled = storm(KILLS // 3, ["courier"])
    check(doubled <= KILLS // 3 * UNDER_WAY, f"{doubled} doubled runs")


def test_either_or_both_are_killed():
    doubled = storm(KILLS - 2 * (KILLS // 3), ["courier", "messaged", "both"])
    check(doubled <= KILLS * UNDER_WAY, f"{doubled} doubled runs")


main(globals())
