"""What stops a text: a focus that goes, a window that closes, a human, a lock. At once, with every
key up and an honest count; nothing is typed anywhere else; focus and pointer are put back."""

import time

from harness import LIMIT, Display, GtkSink, Hand, XSink, XtermSink, check, equal, run
from texts import mixed

LONG = mixed(6000, 7)


def rig(display, title="sink"):
    hand, sink = Hand(display), XSink(display, title)
    hand.wait_for(window=sink.window)
    return hand, sink


def drained(sink, reply):
    """What arrived: exactly the characters that are said to be typed."""
    until = time.monotonic() + LIMIT
    while len(sink.process.text.decode(errors="replace")) < reply["typed"]:
        check(sink.process.more(until), f"{reply['typed']} typed, {len(sink.process.text)} bytes came")
    return sink.process.text.decode()


def begun(sink):
    """Until the first characters arrive."""
    check(sink.process.more(time.monotonic() + LIMIT), "nothing arrives")


def stopped(display, hand, sink, serial, code):
    kind, reply = hand.answer(serial)
    equal((kind, reply["result"], reply["code"]), ("reply", "partial", code), reply)
    check(0 < reply["typed"] < len(LONG), reply)
    check(not reply["submitted"] and reply["cause"], reply)
    got = drained(sink, reply)
    equal(got, LONG[:reply["typed"]], "text that arrived")
    equal(display.ask("down").strip(), "", "keys that are down")
    return reply


def test_focus_stolen():
    """another client takes the focus in the middle: partial, and nothing lands there"""
    with Display() as display:
        hand, sink = rig(display)
        before = display.ask("map")
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        thief = display.ask("steal")
        stopped(display, hand, sink, serial, "focus-lost")
        equal(display.ask("stolen"), "0", "keys in the other window")
        equal(display.ask("focused"), thief, "the other window keeps the focus")
        hand.call("restore")
        equal(display.ask("map"), before, "keyboard map")
        hand.end()


def test_closed():
    """the window is closed in the middle: partial"""
    with Display() as display:
        hand, sink = rig(display)
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        sink.process.tell("destroy")
        kind, reply = hand.answer(serial)
        equal((reply["result"], reply["code"]), ("partial", "window-closed"), reply)
        check(0 < reply["typed"] < len(LONG), reply)
        equal(display.ask("down").strip(), "", "keys that are down")
        equal(hand.type("x", window=sink.window)["code"], "no-window")
        hand.end()


def test_client_dies():
    """the client dies in the middle: partial, and the hand goes on"""
    with Display() as display:
        hand, sink = rig(display)
        other = XSink(display, "other")
        hand.wait_for(title="other")
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        sink.process.child.kill()
        kind, reply = hand.answer(serial)
        equal(reply["result"], "partial", reply)
        check(reply["code"] in ("window-closed", "focus-lost"), reply)
        equal(hand.type("still here é", window=other.window, submit="Return")["result"], "typed")
        equal(other.take(), "still here é")
        hand.end()


def test_human_in_the_middle():
    """a human's key in the middle stops the text"""
    with Display() as display:
        hand, sink = rig(display)
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        display.ask("tap F5")
        stopped(display, hand, sink, serial, "human")
        hand.end()


def test_human_before():
    """a human who typed in the window lately, or types elsewhere, is waited for"""
    with Display() as display:
        hand, sink = rig(display)
        other = XSink(display, "other")
        hand.wait_for(title="other")
        hand.type("x", window=sink.window, restore=False)
        display.ask("tap a")
        reply = hand.type("hello", window=sink.window, idle=300_000_000)
        equal((reply["result"], reply["code"], reply["typed"]), ("held", "human", 0), reply)
        check(240_000_000 < reply["retry"] <= 300_000_000, reply)
        check(hand.call("query")["human"] < 60_000_000, "the human was not seen")
        reply = hand.type("hello", window=other.window, idle=300_000_000, quiet=200_000_000)
        equal((reply["result"], reply["code"]), ("held", "human"), reply)
        check("another window" in reply["cause"], reply)
        # our own keys are no human's: the other window was typed into, and may be again
        for _ in range(2):
            reply = hand.type("é", window=other.window, idle=300_000_000, quiet=0)
            equal(reply["result"], "typed", reply)
        equal(hand.type("hello", window=sink.window, idle=1)["result"], "typed")
        hand.end()


def test_human_before_start():
    """input before the hand began counts for the window that has the focus"""
    with Display() as display:
        hand, sink = rig(display)
        other = XSink(display, "other")
        hand.wait_for(title="other")
        hand.type("x", window=sink.window, restore=False)
        hand.end()
        display.ask("tap a")
        hand = Hand(display)
        reply = hand.type("hello", window=sink.window, idle=300_000_000)
        equal((reply["result"], reply["code"]), ("held", "human"), reply)
        reply = hand.type("hello", window=other.window, idle=300_000_000)
        equal(reply["result"], "typed", reply)
        hand.end()


def test_keyboard_changed():
    """a layout, a group or a lock that another program changes in the middle stops the text"""
    for change in (lambda d: d.layout("fr"), lambda d: d.ask("group 1"), lambda d: d.ask("lock 2")):
        with Display("us,ru") as display:
            hand, sink = rig(display)
            serial = hand.send("type", text=LONG, window=sink.window, idle=0)
            begun(sink)
            change(display)
            stopped(display, hand, sink, serial, "keyboard")
            hand.end()
    with Display("us") as display:
        hand, sink = rig(display)
        display.layout("fr")
        wanted = display.ask("map")
        display.layout("us")
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        display.layout("fr")
        stopped(display, hand, sink, serial, "keyboard")
        hand.call("restore")
        equal(display.ask("map"), wanted, "the new layout")
        hand.end()


def test_modifier_held():
    """a modifier that is held down: held, not one character typed"""
    with Display() as display:
        hand, sink = rig(display)
        display.ask("press Control_L")
        reply = hand.type("hello", window=sink.window)
        equal((reply["result"], reply["code"], reply["typed"]), ("held", "modifier", 0), reply)
        display.ask("release Control_L")
        equal(hand.type("Hello", window=sink.window, submit="Return")["result"], "typed")
        equal(sink.take(), "Hello")
        hand.end()


def test_grab_and_lock():
    """a menu or lock screen that has the keyboard, and the screen saver, are waited for"""
    with Display() as display:
        hand, sink = rig(display)
        equal(display.ask("grab"), "0", "the probe's grab")
        reply = hand.type("hello", window=sink.window)
        equal((reply["result"], reply["code"]), ("held", "grabbed"), reply)
        display.ask("ungrab")
        display.ask("saver 1")
        reply = hand.type("hello", window=sink.window)
        equal((reply["result"], reply["code"]), ("held", "locked"), reply)
        display.ask("saver 0")
        equal(hand.type("hello", window=sink.window)["result"], "typed")
        hand.end()


def test_put_back():
    """focus and pointer are where they were, after a point was clicked too"""
    with Display() as display:
        hand, sink = rig(display)
        other = GtkSink(display, "other")
        hand.wait_for(title="other")

        def place():
            focused = [w["title"] for w in hand.call("windows")["windows"] if w["focused"]]
            return focused, display.ask("pointer")

        hand.type("", window=other.window, restore=False)
        before = place()
        equal(before[0], ["other"], "focused windows")
        equal(hand.type("one", window=sink.window, submit="Return")["result"], "typed")
        display.ask("sync")
        equal(place(), before, "focus and pointer")
        x, y = (int(word) for word in display.ask(f"place {sink.window}").split())
        reply = hand.type("two", x=x, y=y, submit="Return")
        equal((reply["result"], reply["window"]), ("typed", sink.window), reply)
        equal([sink.take(), sink.take()], ["one", "two"])
        display.ask("sync")
        equal(place(), before, "focus and pointer")
        hand.end()


def test_targets():
    """windows are found by class, title, pid, unit and number, never guessed"""
    with Display() as display:
        hand = Hand(display)
        one, two = XSink(display, "agent-1: bash"), XSink(display, "agent-2 – ünï")
        term = XtermSink(display, "term")
        for title in ("agent-1*", "agent-2*", "term"):
            hand.wait_for(title=title)

        def found(**target):
            return sorted(w["title"] for w in hand.call("windows", **target)["windows"])

        equal(found(**{"class": "waggleSINK"}), ["agent-1: bash", "agent-2 – ünï"])
        equal(found(title="agent-?: *"), ["agent-1: bash"])
        equal(found(**{"title-regex": "– .nï$"}), ["agent-2 – ünï"])
        equal(found(pid=two.process.child.pid), ["agent-2 – ünï"])
        shell = open(f"/proc/{term.process.child.pid}/task/{term.process.child.pid}/children").read()
        equal(found(pid=int(shell.split()[0])), ["term"])
        equal(found(window=one.window), ["agent-1: bash"])
        equal(found(pid=one.process.child.pid, title="agent-2*"), [])
        equal(found(unit="no-such.service"), [])
        reply = hand.type("x", **{"class": "WaggleSink"})
        equal((reply["result"], reply["code"], reply["typed"]), ("failed", "several-windows", 0))
        equal(len(reply["candidates"]), 2, reply)
        equal(hand.type("x", title="nobody")["code"], "no-window")
        for bad in ({}, {"x": 3}, {"title-regex": "("}, {"window": 1, "nonsense": "y"},
                    {"window": 1, "text": "\x1b[201~"}, {"window": 1, "submit": "bogus+Return"},
                    {"window": 1, "draft": "maybe"}):
            kind, reply = hand.answer(hand.send("type", **bad))
            equal(kind, "error", bad)
            check(reply["text"] and reply["code"].startswith("org.waggle.Error."), reply)
        hand.end()


def test_no_manager():
    """without a window manager the focus is set directly"""
    with Display(manager=False) as display:
        hand, sink = rig(display)
        text = "Größe 漢字"
        reply = hand.type(text, title="sink", submit="Return")
        equal(reply["result"], "typed", reply)
        equal(sink.take(), text)
        hand.end()


def test_stop_and_order():
    """requests are worked on one after the other; "stop" overtakes; time limits hold"""
    with Display() as display:
        hand, sink = rig(display)
        serials = [hand.send("type", text=f"é{n}", submit="Return", window=sink.window, idle=0)
                   for n in range(3)]
        equal([hand.answer(serial)[1]["result"] for serial in serials], ["typed"] * 3)
        equal([sink.take() for _ in range(3)], ["é0", "é1", "é2"])
        serial = hand.send("type", text=LONG, window=sink.window, idle=0)
        begun(sink)
        check(hand.call("stop")["stopped"], "nothing was stopped")
        stopped(display, hand, sink, serial, "stopped")
        for timeout in (200_000, 1_000_000, 5_000_000):  # the time also has to do for the beginning
            reply = hand.type(LONG, window=sink.window, timeout=timeout)
            if reply["typed"]:
                break
        equal((reply["result"], reply["code"]), ("partial", "timeout"), reply)
        # before the first character: it may be tried again
        serial = hand.send("type", text="\u0416", window=sink.window, idle=0, settle=10_000_000)
        while not hand.call("stop")["stopped"]:
            pass
        reply = hand.answer(serial)[1]
        equal((reply["result"], reply["code"], reply["typed"]), ("held", "stopped", 0), reply)
        hand.end()


run([test_focus_stolen, test_closed, test_client_dies, test_human_in_the_middle, test_human_before,
     test_human_before_start, test_keyboard_changed, test_modifier_held, test_grab_and_lock, test_put_back, test_targets, test_no_manager,
     test_stop_and_order])
