"""Mail through messaged and the courier while both are killed, and the books of what was promised.

Every message has an id of ours, so one whose answer was lost is sent again and must not be stored
twice. Kinds of agents: "inbox" (files), "exec" (courier-hand.c with its ledger), "take" (leases,
in the courier's own process) and "bell" (announces). Nothing here decides anything by waiting.
"""

import collections
import json
import os
import random
import signal
import threading
import time

from client import Error, GLib, wait_for
from courier import PROBE, Rig
from harness import check, equal

HAND = os.environ.get("WAGGLE_COURIER_HAND", "courier-hand")
# A connection that ends counts as a failed delivery, so a message that is under way at many kills
# would become a dead letter; there are fewer kills than that.
DELIVERY = """[Delivery]
BackoffFirstSec=10ms
BackoffMaxSec=50ms
AttemptBackoffFirstSec=20ms
AttemptBackoffMaxSec=200ms
MaxDeliveries=25
WakeCouriers=no
"""
COURIER = "[Courier]\nReconnectMaxSec=100ms\n"
FINAL = {"acked", "dead", "expired", "canceled"}
Line = collections.namedtuple("Line", "what number time status")


class Message:
    def __init__(self, index, agent):
        self.id = f"storm-{index}"
        self.agent = agent
        self.body = (f"message {index} " + "x" * (index * 37 % 900)).encode()
        self.number = None  # not known yet
        self.pending = None
        self.acked = False  # by us


class Storm:
    def __init__(self, seed=None):
        self.seed = seed if seed is not None else random.SystemRandom().randrange(1 << 30)
        self.dice = random.Random(self.seed)
        print(f"# seed {self.seed}", flush=True)
        self.rig = Rig(config=DELIVERY, courier_config=COURIER, program=PROBE)
        self.ears = [Ear(self.rig.messaged), Ear(self.rig.courier)]
        self.messages = []
        self.kills = []  # (realtime us, what)
        self.agents = {}  # name -> kind

    def __enter__(self):
        self.rig.__enter__()
        r = self.rig
        for name in ("inbox-1", "inbox-2"):
            self.add(name, "inbox", {"use": "inbox", "directory": r.path(name)})
        for name, parallel in (("exec-1", 1), ("exec-4", 4)):
            self.add(name, "exec", {"use": "exec", "command": [HAND, r.path(name)],
                                    "parallel": parallel, "retry": "1s"})
        self.add("take", "take", r.entry("take", "acked", name="take"))
        self.add("bell", "bell", r.entry("bell", "announced", name="bell"))
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            print(f"# failed with seed {self.seed}", flush=True)
        self.rig.__exit__(kind, value, trace)

    def add(self, name, kind, entry):
        self.agents[name] = kind
        self.rig.agent(name, entry)

    # ---- sending ----
    def burst(self, n):
        for _ in range(n):
            message = Message(len(self.messages), self.dice.choice(sorted(self.agents)))
            self.messages.append(message)
            self.send(message)

    def send(self, message):
        message.pending = self.rig.client.later("Send", message.agent, message.body, id=message.id)

    def collect(self):
        """Takes the answers that came; a lost one is sent again."""
        for message in self.messages:
            if message.pending is None or not message.pending.done():
                continue
            pending, message.pending = message.pending, None
            try:
                message.number = pending.result()[0]
            except Error as why:
                check(why.name in ("local.Closed", "org.freedesktop.DBus.Error.NoReply"),
                      f"Send was refused: {why}")

    def send_again(self):
        self.collect()
        for message in self.messages:
            if message.number is None and message.pending is None:
                self.send(message)

    def all_sent(self):
        self.send_again()
        return all(m.number is not None for m in self.messages)

    # ---- killing ----
    def turn(self, seconds):
        """The loop goes round for a random moment."""
        context = GLib.MainContext.default()
        end = time.monotonic() + seconds
        tick = GLib.timeout_add(1, lambda: True)
        while time.monotonic() < end:
            context.iteration(True)
        GLib.source_remove(tick)

    def kill(self, what):
        r = self.rig
        daemons = {"courier": [r.courier], "messaged": [r.messaged],
                   "both": self.dice.sample([r.courier, r.messaged], 2)}[what]
        self.kills.append((int(time.time() * 1e6), what))
        for daemon in daemons:
            check_alive(daemon)
            daemon.process.send_signal(signal.SIGKILL)
        for daemon in daemons:
            daemon.process.wait()
            daemon.process = None
        if r.messaged in daemons:
            hang_up(r.client)
        for daemon in self.dice.sample(daemons, len(daemons)):
            daemon.start(wait=False)
        if r.messaged in daemons:
            r.client = r.messaged.client()
        self.send_again()

    def start_again(self):
        """As systemd does with what ended: a command that was just begun holds the state's lock of
        a courier that was killed for some microseconds, until it is a program of its own."""
        for daemon in (self.rig.courier, self.rig.messaged):
            if daemon.process.poll() is not None:
                check_alive(daemon)
                daemon.process = None
                daemon.start(wait=False)

    # ---- what the books say ----
    def of_kind(self, *kinds):
        return [m for m in self.messages if self.agents[m.agent] in kinds]

    def receipts(self, message):
        """(state, time, cause)"""
        return [r[1:4] for r in self.rig.client.call("GetReceipts", message.number)[0]]

    def ledger(self, agent):
        if not os.path.exists(self.rig.path(agent)):
            return []
        with open(self.rig.path(agent), encoding="utf-8") as f:
            return [Line(what, int(number), int(when), int(status))
                    for what, number, when, status in (line.split() for line in f)]

    def files(self, agent):
        """number -> content of what lies there; anything else there is an error."""
        found = {}
        for place in ("new", "cur"):
            directory = os.path.join(self.rig.path(agent), place)
            for name in os.listdir(directory) if os.path.isdir(directory) else ():
                try:
                    with open(os.path.join(directory, name), "rb") as f:
                        text = f.read()
                except FileNotFoundError:  # acked: removed since
                    continue
                content = json.loads(text)  # a torn one fails here
                check(text.endswith(b"\n"), f"torn: {name}")
                equal(content["agent"], agent)
                check(f"W{content['message']}." in name, f"{name} has {content['message']}")
                check(content["message"] not in found, f"two files for {content['message']}")
                found[content["message"]] = content
        return found

    def idle(self, agent):
        info = self.rig.client.call("GetAgent", agent)[0]
        return info["queued"] + info["scheduled"] + info["in-flight"] == 0

    def ack_some(self):
        """A reader of the inboxes takes care of a few messages, some of them without an ack."""
        for agent in ("inbox-1", "inbox-2"):
            by_number = {m.number: m for m in self.messages if m.agent == agent}
            for number, token, *_ in self.rig.client.receive(agent, max=4):
                message = by_number.get(number)
                if message is None or self.dice.random() < 0.5:
                    self.rig.client.call("Nack", token, mode="silent")
                else:
                    self.rig.client.call("Ack", token)
                    message.acked = True

    def everything_done(self):
        self.start_again()
        return all(self.idle(a) for a, kind in self.agents.items() if kind in ("exec", "take"))


def hang_up(client):
    """Its other end is gone, which GDBus sees at any moment."""
    try:
        client.close()
    except GLib.Error:
        check(client.connection.is_closed(), "it is not closed")


class Ear(threading.Thread):
    """Reads what a daemon tells systemd: when nobody does, a STATUS= holds it up."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.socket = daemon.notify
        self.start()

    def run(self):
        try:
            while True:
                try:
                    self.socket.recv(65536)
                except TimeoutError:
                    continue
        except OSError:  # closed: the test is over
            pass


def check_alive(daemon):
    status = daemon.process.poll()
    last = daemon.log_lines()[-1:] or [""]
    check(status is None or "is in use by process" in last[0],
          f"it ended by itself with status {status}: {last}")


__all__ = ["Storm", "Ear", "FINAL", "check", "equal", "wait_for"]
