"""Ends of every kind in the middle of a text: the next hand, or this one on its way out, leaves the
keyboard exactly as it was: map, locks, keys."""

import os
import signal
import time

from harness import LIMIT, Display, Failure, Hand, XSink, check, equal, run
from texts import mixed

LONG = mixed(6000, 5)
CAPS = 2


def keyboard(display):
    return display.ask("map"), display.ask("state"), display.ask("down").strip()


def in_the_middle(display, caps=True, text=LONG):
    """A hand that is typing, by default what needs a changed map, and the keyboard before it."""
    if caps:
        display.ask(f"lock {CAPS}")
    before = keyboard(display)
    hand, sink = Hand(display), XSink(display, f"sink {time.monotonic()}")
    hand.wait_for(pid=sink.process.child.pid)  # numbers of windows come again
    serial = hand.send("type", text=text, window=sink.window, idle=0)
    until = time.monotonic() + LIMIT
    while len(sink.process.text) < 100:
        if not sink.process.more(until):
            raise Failure(f"nothing arrives: {hand.answer(serial)}")
    check(os.path.exists(hand.restore_file), "no restore file while the map is changed")
    check(keyboard(display) != before, "the keyboard is not changed")
    return hand, sink, serial, before


def wait_until_gone(hand, sink):
    """The manager has taken note of its end: the next window may have the same number."""
    until = time.monotonic() + LIMIT
    while hand.call("windows", pid=sink.process.child.pid)["windows"]:
        check(time.monotonic() < until, "the window of a client that has ended stays")
        time.sleep(0.01)


def test_killed():
    """SIGKILL in the middle: the next hand puts map and locks back, no key is down"""
    with Display("de") as display:
        for _ in range(3):
            hand, sink, serial, before = in_the_middle(display)
            hand.kill()
            equal(display.ask("down").strip(), "", "keys that are down after the kill")
            check(keyboard(display) != before, "the kill came too late to test anything")
            again = Hand(display, place=hand.directory)
            equal(again.ready[0], "ready")
            equal(keyboard(display), before, "keyboard")
            check(not os.path.exists(again.restore_file), "the restore file stays")
            equal(again.call("restore")["restored"], False)
            sink.process.end()
            wait_until_gone(again, sink)
            again.end()


def test_killed_with_plain_text():
    """SIGKILL where no key got a new meaning: caps lock and group come back all the same"""
    for layouts, text in (("us", "plain text " * 300), ("us,ru", "привет, " * 400)):
        with Display(layouts) as display:
            hand, sink, serial, before = in_the_middle(display, text=text)
            hand.kill()
            check(keyboard(display) != before, "the kill came too late to test anything")
            again = Hand(display, place=hand.directory)
            equal(again.ready[0], "ready")
            equal(keyboard(display), before, "keyboard")
            check(not os.path.exists(again.restore_file), "the restore file stays")
            again.type("x", window=sink.window, idle=0)
            check(not os.path.exists(again.restore_file), "the restore file of a text stays")
            equal(keyboard(display), before, "keyboard after a text")
            again.end()
            sink.process.end()


def test_parent_gone():
    """the end of the typist: the hand stops, puts everything back and leaves"""
    with Display("fr") as display:
        hand, sink, serial, before = in_the_middle(display)
        equal(hand.end(), 0, "exit status")
        equal(keyboard(display), before, "keyboard")
        check(not os.path.exists(hand.restore_file), "the restore file stays")


def test_terminated():
    """SIGTERM: partial is reported, everything is put back"""
    with Display() as display:
        hand, sink, serial, before = in_the_middle(display)
        hand.child.send_signal(signal.SIGTERM)
        kind, reply = hand.answer(serial)
        equal((reply["result"], reply["code"]), ("partial", "stopped"), reply)
        equal(hand.child.wait(LIMIT), 0, "exit status")
        equal(keyboard(display), before, "keyboard")


def test_display_gone():
    """the display goes: the hand says so and leaves with a status of its own"""
    with Display() as display:
        hand, sink, serial, before = in_the_middle(display)
        display.server.kill()
        serial, kind, args = hand.receive()
        equal((serial, kind, args["code"]), (0, "leaving", "display-lost"))
        equal(hand.child.wait(LIMIT), 4, "exit status")
    # the file is of no use to another server, and does no harm there
    with Display("cz") as display:
        before = keyboard(display)
        again = Hand(display, place=hand.directory)
        equal(again.ready[0], "ready")
        equal(keyboard(display), before, "keyboard of the new server")
        again.end()


def test_no_display():
    """no display: the event says which, and the status is its own"""
    with Display(manager=False) as display:
        hand = Hand(display, env={**display.env, "DISPLAY": ":987"})
        equal(hand.ready[0], "leaving")
        equal(hand.ready[1]["code"], "no-display")
        check(":987" in hand.ready[1]["text"], hand.ready)
        equal(hand.child.wait(LIMIT), 3, "exit status")


def test_bad_restore_files():
    """a restore file that is damaged changes nothing"""
    with Display() as display:
        hand, sink, serial, before = in_the_middle(display, caps=False)
        good = open(hand.restore_file).read()
        hand.kill()
        sink.process.end()
        changed = keyboard(display)
        for bad in ("", "[restore]\n", "\0\xff" * 50, good.replace("codes=", "codes=999;"),
                    good.replace("per=", "per=9"), good[: len(good) // 2],
                    good.replace("token=", "token=x"), good.replace("keysyms=", "keysyms=-1;")):
            with open(hand.restore_file, "w") as file:
                file.write(bad)
            again = Hand(display, place=hand.directory)
            equal(again.ready[0], "ready")
            again.end()
            equal(keyboard(display), changed, f"keyboard after {bad[:20]!r}")
        with open(hand.restore_file, "w") as file:
            file.write(good)
        Hand(display, place=hand.directory).end()
        equal(keyboard(display), before, "keyboard")


def test_two_hands():
    """two hands on one display type one after the other"""
    with Display() as display:
        one, two = Hand(display), Hand(display)
        sinks = [XSink(display, "one"), XSink(display, "two")]
        for sink, title in zip(sinks, ("one", "two")):
            one.wait_for(title=title)
        text = mixed(120, 2)
        pairs = [(hand, sink, hand.send("type", text=text, window=sink.window, idle=0,
                                        submit="Return"))
                 for hand, sink in zip((one, two), sinks)]
        for hand, sink, serial in pairs:
            reply = hand.answer(serial)[1]  # the other one is no human either
            equal(reply["result"], "typed", reply)
            equal(sink.take(), text)
        one.end()
        two.end()


def test_same_restore_file():
    """a second hand with the same restore file waits, then gives up"""
    with Display() as display:
        one = Hand(display)
        two = Hand(display, place=one.directory)
        equal((two.ready[0], two.ready[1].get("code")), ("leaving", "locked"))
        equal(two.child.wait(LIMIT), 5, "exit status")
        one.end()


run([test_killed, test_killed_with_plain_text, test_parent_gone, test_terminated, test_display_gone, test_no_display,
     test_bad_restore_files, test_two_hands, test_same_restore_file])
