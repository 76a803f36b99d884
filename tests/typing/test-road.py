"""From `waggle send` to the last key: the courier, the typist and the hand together, with the
receipts that come of it."""

import os
import signal
import subprocess

from harness import Display, XSink, XtermSink, check, equal, run
from suite import Suite


def to(title, **options):
    return {"use": "type", "target": {"title": title}, "idle": 0, **options}


def inbox(suite, name="mail"):
    return {"use": "inbox", "directory": suite.path(name)}


def test_doorbell():
    """a doorbell is typed, submitted and announced, and is not read by that"""
    with Display() as display, Suite(display) as s:
        sink = XSink(display, "agent window")
        s.agent("a", to("agent window"))
        number = s.send("a", "the message itself")
        text = sink.take()
        check("1 message waiting" in text and "waggle receive a" in text, text)
        check("message itself" not in text, "the body was typed")
        receipts = s.wait_receipt(number, "announced")
        check(not any(r.startswith(("leased", "acked")) for r in receipts), receipts)
        check("the message itself" in s.waggle("receive", "a", "--ack"))


def test_body():
    """a body of many scripts arrives in xterm as it was sent, without its control characters"""
    with Display("de") as display, Suite(display) as s:
        sink = XtermSink(display, "term")
        s.agent("a", to("term", body=True))
        s.send("a", "Grüße É 漢字 😀 ж \x1b[201~\x07end")
        equal(sink.take(), "Grüße É 漢字 😀 ж end")


def test_two_agents():
    """two agents at once: no text mixes with the other's"""
    with Display() as display, Suite(display) as s:
        sinks = XSink(display, "one"), XSink(display, "two")
        for name in ("one", "two"):
            s.agent(name, to(name, body=True, submit=True))
        texts = {"one": "aäa " * 30 + "x", "two": "bëb " * 30 + "x"}
        sends = [subprocess.Popen([os.environ["WAGGLE"], "send", n, t], env=s.env,
                                  stdout=subprocess.DEVNULL) for n, t in texts.items()]
        equal([p.wait(20) for p in sends], [0, 0])
        for sink, name in zip(sinks, texts):
            equal(sink.take(), texts[name])


def test_hold():
    """a hold keeps it from typing, says why, and the ladder goes on"""
    with Display() as display, Suite(display) as s:
        XSink(display, "w")
        s.agent("a", to("w", **{"hold-max": "1s"}), inbox(s))
        s.waggle("typist", "hold", "I am writing")
        number = s.send("a", "x")
        held = [r for r in s.wait_receipt(number, "attempt-held") if r.startswith("attempt-held")]
        check("I am writing" in held[0], held)
        receipts = s.wait_receipt(number, "announced")
        check(any(r.startswith("announced: inbox") for r in receipts), receipts)
        equal(len(os.listdir(s.path("mail/new"))), 1)


def test_human():
    """while a human types there it is held; afterwards it arrives"""
    with Display() as display, Suite(display) as s:
        sink = XSink(display, "w")
        s.waggle("typist", "type", "first", "--title=w", "--now")
        equal(sink.take(), "first")
        display.ask("tap 38")
        s.agent("a", to("w", idle="2s"))
        number = s.send("a", "x")
        s.wait_receipt(number, "attempt-held")
        s.wait_receipt(number, "announced", 40)
        check(sink.take().endswith("waggle receive a"))


def test_typist_killed():
    """the typist killed while it types: partial, not again, no key stuck, the map as before"""
    with Display() as display, Suite(display) as s:
        sink = XSink(display, "w")
        before = display.ask("map")
        s.agent("a", to("w", body=True), inbox(s))
        number = s.send("a", "äöü " * 2000)
        s.wait(lambda: display.ask("map") != before, "the map to be changed")
        s.kill("typist")
        s.wait(lambda: display.ask("map") == before, "the map to be put back")
        equal(display.ask("down").strip(), "", "keys that are down")
        receipts = s.wait_receipt(number, "attempt-failed: partial")
        check(not any(r.startswith("announced") for r in receipts), receipts)
        equal(s.waggle("receive", "a", "--ack").count("äöü"), 2000)
        check(sink.window, "the window is still there")


def test_display_gone():
    """without a display nothing is lost and the next back-end is tried"""
    with Display() as display, Suite(display) as s:
        XSink(display, "w")
        s.waggle("typist", "windows")
        s.agent("a", to("w"), inbox(s))
        display.server.send_signal(signal.SIGKILL)
        display.server.wait()
        number = s.send("a", "x")
        receipts = s.wait_receipt(number, "announced")
        check(any(r.startswith("attempt-failed: type") for r in receipts), receipts)
        check(any(r.startswith("announced: inbox") for r in receipts), receipts)


def test_window_gone():
    """a window that is not there: failed, and says what was looked for"""
    with Display() as display, Suite(display) as s:
        s.agent("a", to("nobody"), inbox(s))
        receipts = s.wait_receipt(s.send("a", "x"), "announced: inbox")
        failed = [r for r in receipts if r.startswith("attempt-failed")]
        check("nobody" in failed[0], failed)


run([test_doorbell, test_body, test_two_agents, test_hold, test_human, test_typist_killed,
     test_display_gone, test_window_gone])
