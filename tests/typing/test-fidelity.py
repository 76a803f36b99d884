"""Exact text: every script on every layout into every kind of client, without one wrong character,
whatever caps lock, num lock and the keyboard's group say; and the keyboard is as before."""

import time

from harness import LIMIT, Display, Hand, GtkSink, XSink, XtermSink, check, equal, run
from texts import ALL, SAMPLES, mixed

LAYOUTS = ("us", "de", "fr", "cz", "us,ru", "us(dvorak)")
LOCK, NUM = 2, 16


def sinks(display, hand):
    made = [XSink(display, "plain"), XtermSink(display, "term"), GtkSink(display, "gtk")]
    for title, sink in zip(("plain", "term", "gtk"), made):
        sink.window = hand.wait_for(title=title)["window"]
    return made


def exact(hand, sink, text, **args):
    reply = hand.type(text, window=sink.window, submit=sink.submit, **args)
    equal((reply["result"], reply["typed"], reply["submitted"]), ("typed", len(text), True), reply)
    equal(sink.take(), text, type(sink).__name__)
    return reply


def test_matrix():
    """every script on us, de, fr, cz, ru and dvorak into Xlib, xterm and GTK"""
    with Display() as display:
        hand = Hand(display)
        clients = sinks(display, hand)
        for layout in LAYOUTS:
            display.layout(layout)
            display.ask("group 1" if "," in layout else "group 0")
            before = display.ask("map"), display.ask("state")
            for sink in clients:
                display.ask("sync")  # openbox works long on each change of the map
                exact(hand, sink, ALL)
            hand.call("restore")
            equal((display.ask("map"), display.ask("state")), before, f"keyboard of {layout}")
            equal(display.ask("down").strip(), "", "keys that are down")
        equal(hand.end(), 0, "exit status")


def test_locks():
    """caps lock, num lock and a second group change nothing and stay as they were"""
    with Display("us,ru") as display:
        hand = Hand(display)
        clients = sinks(display, hand)
        for mods, group in ((LOCK, 0), (LOCK | NUM, 1), (NUM, 1)):
            display.ask(f"lock {mods}")
            display.ask(f"group {group}")
            before = display.ask("state")
            for sink in clients:
                for name in ("ascii", "latin", "cyrillic"):
                    display.ask("sync")
                    exact(hand, sink, SAMPLES[name])
            equal(display.ask("state"), before, "modifiers and group")
        hand.end()


def test_accessible_keyboard():
    """slow, bounce and sticky keys swallow nothing, and are on again, after a kill too"""
    with Display() as display:
        on = display.ask("controls 14")
        plain = display.ask("controls 0")
        check(on != plain, "the server has no such keys")
        hand = Hand(display)
        sink = XSink(display)
        hand.wait_for(window=sink.window)
        display.ask("controls 14")
        exact(hand, sink, "Hello, aabbccdd ÄÄ漢漢 THE END")
        equal(display.ask("controls"), on, "controls")
        hand.call("restore")
        hand.send("type", text=mixed(1000), window=sink.window, idle=0)
        until = time.monotonic() + LIMIT
        while len(sink.process.text) < 200:
            check(sink.process.more(until), "nothing arrives")
        hand.kill()
        equal(display.ask("controls"), plain, "controls after the kill")
        Hand(display, place=hand.directory).end()
        equal(display.ask("controls"), on, "controls after all")


def test_multiline():
    """newlines and tabs inside a text are keys of their own"""
    with Display() as display:
        hand = Hand(display)
        view = GtkSink(display, "view", kind="view")
        hand.wait_for(window=view.window)
        text = "first line\n\tsecond: äß漢\n\nlast"
        reply = hand.type(text, window=view.window, submit="ctrl+Return")
        equal(reply["result"], "typed", reply)
        got = "\n".join(view.take() for _ in text.split("\n"))
        equal(got, text)
        hand.end()


def test_long():
    """1,000 characters of all scripts into each client, exact and in time"""
    with Display() as display:
        hand = Hand(display)
        for seed, sink in enumerate(sinks(display, hand)):
            text = mixed(1000, seed)
            reply = exact(hand, sink, text)
            print(f"# {type(sink).__name__}: {reply['took'] / 1e6:.2f} s")
        hand.end()


def test_doorbell():
    """a line of 60 characters is quick"""
    with Display() as display:
        hand = Hand(display)
        text = "3 waiting, 1 urgent: run `waggle receive agent-1` right now."
        equal(len(text), 60)
        for sink in sinks(display, hand):
            took = sorted(exact(hand, sink, text)["took"] for _ in range(5))
            print(f"# {type(sink).__name__}: {took[2] / 1000:.0f} ms")
        hand.end()


def test_no_spare_codes():
    """a map without spare key codes lends some that no keyboard has, and gets them back"""
    with Display("us,de") as display:
        display.ask("fill")
        before = display.ask("map"), display.ask("state")
        hand = Hand(display)
        sink = XSink(display)
        hand.wait_for(window=sink.window)
        exact(hand, sink, ALL)
        hand.call("restore")
        equal((display.ask("map"), display.ask("state")), before, "keyboard")
        exact(hand, sink, ALL)
        hand.kill()
        Hand(display, place=hand.directory).end()
        equal((display.ask("map"), display.ask("state")), before, "keyboard after a kill")


def test_slow_client():
    """a client that is late to read its keys still reads what was meant"""
    with Display() as display:
        hand = Hand(display)
        sink = XSink(display)
        hand.wait_for(window=sink.window)
        sink.process.tell("sleep 600")
        exact(hand, sink, "späte 漢字 é É")
        hand.end()


def test_doctor():
    """the doctor finds every sample exact"""
    with Display("fr") as display:
        hand = Hand(display)
        reply = hand.call("doctor")
        check(reply["exact"], reply)
        check(len(reply["characters"]) >= 9 and reply["spare-keycodes"] >= 4, reply)
        check(all(row["wrong"] == 0 and row["sent"] > 0 for row in reply["characters"]), reply)
        begin = time.monotonic()
        while hand.call("windows", **{"class": "Waggle-doctor"})["windows"]:
            check(time.monotonic() - begin < LIMIT, "the doctor's window stays")
        hand.end()


run([test_matrix, test_locks, test_accessible_keyboard, test_multiline, test_long, test_doorbell, test_no_spare_codes,
     test_slow_client, test_doctor])
