"""The typist and its hand together, into real clients: a doorbell arrives, two agents at once, and
whatever ends in the middle is told as it is and leaves the keyboard as it was."""

import ctypes
import os
import time

from gi.repository import GLib

from daemon import Typist
from harness import LIMIT, Display, GtkSink, XSink, XtermSink, check, equal, run
from texts import ALL, mixed

DOORBELL = "3 waiting, 1 urgent: run `waggle receive agent-1` to see it"
LONG = mixed(6000, 11)


def keyboard(display):
    return display.ask("map"), display.ask("state"), display.ask("down").strip()


def wait_keyboard(display, before):
    until = time.monotonic() + LIMIT
    while keyboard(display) != before and time.monotonic() < until:
        time.sleep(0.01)
    equal(keyboard(display), before, "keyboard")


def in_the_middle(display):
    before = keyboard(display)
    typist, sink = Typist(display), XSink(display)
    typist.wait_for(window=sink.window)
    call = typist.begin(LONG, {"window": sink.window})
    check(sink.process.more(time.monotonic() + LIMIT), "nothing arrives")
    return typist, sink, call, before


def test_doorbell():
    """a doorbell arrives in xterm, and is sent; the body of a message cannot do harm there"""
    with Display() as display:
        typist, sink = Typist(display), XtermSink(display, "agent-1")
        equal(typist.wait_for(title="agent-1")["profile"], "xterm")
        result, details = typist.type(DOORBELL, {"class": "XTerm", "title": "agent-*"})
        equal((result, details["typed"], details["submitted"], details["profile"]),
              ("typed", len(DOORBELL), True, "xterm"), details)
        equal(sink.take(), DOORBELL)
        typist.type("a\x1b[201~b\r\nc\x9b31m\x07 \u202eend", {"title": "agent-1"})
        equal(sink.take(), "ab c end")
        typist.end()


def test_every_script():
    """every script into each client by its profile"""
    with Display("de") as display:
        typist = Typist(display)
        sinks = ((GtkSink(display, "gtk"), "gtk"), (XSink(display, "plain"), "plain"),
                 (XtermSink(display, "t"), "t"))
        for _, title in sinks:
            typist.wait_for(title=title)
        for sink, title in sinks:
            result, details = typist.type(ALL, {"title": title}, terminal=False)
            equal(result, "typed", details)
            equal(sink.take(), ALL, type(sink).__name__)
        typist.end()


def test_two_at_once():
    """two agents at once: each window gets its own text, whole"""
    with Display() as display:
        typist = Typist(display)
        sinks = {title: XSink(display, title) for title in ("agent-1", "agent-2")}
        for title in sinks:
            typist.wait_for(title=title)
        calls = [typist.begin(f"{title} {number} äß漢", {"title": title})
                 for number in range(4) for title in sinks]
        for call in calls:
            equal(call.result()[0], "typed")
        for title, sink in sinks.items():
            equal([sink.take() for _ in range(4)], [f"{title} {n} äß漢" for n in range(4)])
        typist.end()


def test_several_windows():
    """a target that two windows fit is not typed into either"""
    with Display() as display:
        typist = Typist(display)
        first, second = XSink(display, "agent-1"), XSink(display, "agent-2")
        typist.wait_for(title="agent-1"), typist.wait_for(title="agent-2")
        result, details = typist.type("x", {"title": "agent-*"})
        equal((result, details["code"], len(details["candidates"])),
              ("failed", "several-windows", 2), details)
        equal(typist.type("right", {"title": "agent-2"})[0], "typed")
        equal(second.take(), "right")
        equal(first.process.text, b"", "what arrived in the other one")
        typist.end()


def test_hand_killed():
    """SIGKILL of the hand in the middle: partial, no stuck key, map restored, and it goes on"""
    with Display("de") as display:
        typist, sink, call, before = in_the_middle(display)
        os.kill(typist.hand(), 9)
        result, details = call.result()
        equal((result, details["code"]), ("partial", "ended"), details)
        check("typed" not in details, "nobody counted")
        wait_keyboard(display, before)
        sink.process.end()
        other = XSink(display, "other")
        typist.wait_for(title="other")
        equal(typist.type("again: äß漢", {"title": "other"})[0], "typed")
        equal(other.take(), "again: äß漢")
        typist.end()


def test_typist_killed():
    """SIGKILL of the typist in the middle: the hand stops, cleans up and leaves"""
    with Display("fr") as display:
        typist, sink, _, before = in_the_middle(display)
        hand = typist.hand()
        typist.kill()
        wait_keyboard(display, before)
        until = time.monotonic() + LIMIT
        while os.path.exists(f"/proc/{hand}/cmdline") and time.monotonic() < until:
            with open(f"/proc/{hand}/cmdline", "rb") as f:
                if not f.read():  # a zombie: nobody's child any more
                    break
            time.sleep(0.01)
        typist.start()
        sink.process.end()
        other = XSink(display, "other")
        typist.wait_for(title="other")
        equal(typist.type("after it", {"title": "other"})[0], "typed")
        equal(other.take(), "after it")
        typist.end()


def test_both_killed():
    """SIGKILL of both in the middle: the next typist puts everything back"""
    with Display("cz") as display:
        typist, sink, _, before = in_the_middle(display)
        hand = typist.hand()
        os.kill(typist.child.pid, 19)  # so that it starts no other hand
        os.kill(hand, 9)
        typist.kill()
        equal(display.ask("down").strip(), "", "keys that are down")
        typist.start()
        typist.wait_for(window=sink.window)
        equal(keyboard(display), before, "keyboard")
        typist.end()


def test_leaving_in_the_middle():
    """SIGTERM in the middle: the text ends or is told as stopped, and the keyboard is as before"""
    with Display() as display:
        typist, _, call, before = in_the_middle(display)
        typist.child.terminate()
        result, details = call.result()
        check(result == "typed" or (result, details["code"]) == ("partial", "stopped"), details)
        wait_keyboard(display, before)
        equal(typist.child.wait(LIMIT), 0)


def test_focus_lost():
    """a focus that goes in the middle is told, with what had arrived"""
    with Display() as display:
        typist, sink, call, _ = in_the_middle(display)
        display.ask("steal")
        result, details = call.result()
        equal((result, details["code"]), ("partial", "focus-lost"), details)
        equal(display.ask("stolen"), "0", "keys in the other window")
        while len(sink.process.text.decode(errors="replace")) < details["typed"]:
            check(sink.process.more(time.monotonic() + LIMIT), "less arrived than was told")
        equal(sink.process.text.decode(), LONG[:details["typed"]])
        typist.end()


def test_display_gone():
    """the display goes in the middle: partial; the typist lives, and says that there is none"""
    with Display() as display:
        typist, _, call, _ = in_the_middle(display)
        display.server.kill()
        result, details = call.result()
        equal((result, details["code"]), ("partial", "ended"), details)
        try:
            typist.type("x", {"title": "sink"})
            check(False, "it typed without a display")
        except GLib.Error as error:
            check("Error.NoDisplay" in str(error) and "tmux" in str(error), str(error))
        equal(typist.child.poll(), None)
        typist.end()


class AddMaster(ctypes.Structure):
    """XIAddMasterInfo of XInput 2."""

    _fields_ = [("type", ctypes.c_int), ("name", ctypes.c_char_p), ("send_core", ctypes.c_int),
                ("enable", ctypes.c_int)]


def add_device(display, name):
    """A keyboard and a pointer whose names begin so."""
    x11, xi = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXi.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    link = ctypes.c_void_p(x11.XOpenDisplay(display.name.encode()))
    version = ctypes.c_int(2), ctypes.c_int(0)
    xi.XIQueryVersion(link, ctypes.byref(version[0]), ctypes.byref(version[1]))
    xi.XIChangeHierarchy(link, ctypes.byref(AddMaster(1, name.encode(), 0, 1)), 1)
    x11.XSync(link, 0)
    x11.XCloseDisplay(link)


def test_xwayland():
    """a display with the devices of XWayland is refused, whatever the session says"""
    with Display() as display:
        add_device(display, "xwayland-keyboard:12")
        typist, sink = Typist(display), XSink(display)
        try:
            typist.type("x", {"window": sink.window})
            check(False, "it typed through XWayland")
        except GLib.Error as error:
            check("Error.NoDisplay" in str(error) and "XWayland" in str(error), str(error))
            check("tmux" in str(error), str(error))
        typist.end()


def test_doctor():
    """the doctor finds nothing wrong"""
    with Display("us(dvorak)") as display:
        typist = Typist(display)
        report = typist.call("Doctor", "(a{sv})", {}).result()[0]
        check(report["exact"] and len(report["characters"]) > 5, report)
        equal([s["wrong"] for s in report["characters"]], [0] * len(report["characters"]))
        typist.end()


run([test_doorbell, test_every_script, test_two_at_once, test_several_windows, test_hand_killed,
     test_typist_killed, test_both_killed, test_leaving_in_the_middle, test_focus_lost,
     test_display_gone, test_xwayland, test_doctor])
