"""Much of everything: the courier's memory stays bounded and its loop turns all the time.

WAGGLE_CRASH_MANY sets another number of messages for the inbox."""

import json
import os
import threading
import time

from client import Client, options
from courier import COURIER, NAME, PATH, PROBE, Rig
from harness import main
from storm import Ear, check, equal, wait_for

AGENTS = 2000
MANY = int(os.environ.get("WAGGLE_CRASH_MANY", "5000"))
BATCH = 2000
PATIENCE = 240
# An answer takes a millisecond or two where nothing else runs; other tests may run here.
SLOWEST_USEC = 10000000
MEMORY = 128 << 20
CONFIG = "[Agents]\nMaxAgentsPerUser=100000\n[Store]\nLowWater=0\n"


class Pinger(threading.Thread):
    """Asks the courier all the time, on a connection of its own."""

    def __init__(self, courier):
        super().__init__(daemon=True)
        self.client = Client(courier.address)
        self.took = []
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.005):
            begin = time.monotonic()
            self.client.raw("Ping", "()", path=PATH, interface=NAME)
            self.took.append((time.monotonic() - begin) * 1e6)

    def stop(self):
        self.over.set()
        self.join()
        self.client.close()
        self.took.sort()
        print(f"# {len(self.took)} pings: half within {self.took[len(self.took) // 2] / 1000:.1f} "
              f"ms, 99 of 100 within {self.took[len(self.took) * 99 // 100] / 1000:.1f} ms, "
              f"slowest {self.took[-1] / 1000:.1f} ms")
        check(self.took[-1] < SLOWEST_USEC, f"the slowest answer took {self.took[-1]:.0f} us")


def memory(daemon, what="VmRSS"):
    with open(f"/proc/{daemon.process.pid}/status", encoding="utf-8") as f:
        return int(next(x for x in f if x.startswith(what)).split()[1]) * 1024


def send_many(client, to):
    """`to`: the agents' names, one a message."""
    sent = []
    for i in range(0, len(to), BATCH):
        batch = [(name, b"body", options()) for name in to[i:i + BATCH]]
        sent += client.call("SendMany", batch)[0]
    return sent


class Crowd(Rig):
    def __init__(self, program):
        super().__init__(config=CONFIG, program=program)
        self.ears = [Ear(self.courier), Ear(self.messaged)]


def test_many_agents_with_a_message_each():
    with Crowd(PROBE) as r:
        entry = r.entry("bell")
        for i in range(AGENTS):
            r.client.call("RegisterAgent", f"a{i}", policy=json.dumps({"backends": [entry]}))
        pinger = Pinger(r.courier)
        begin = time.monotonic()
        send_many(r.client, [f"a{i}" for i in range(AGENTS)])
        wait_for(lambda: len(r.lines("bell")) >= AGENTS, "the bells", PATIENCE)
        print(f"# {AGENTS} agents in {time.monotonic() - begin:.1f} s, "
              f"{memory(r.courier) >> 20} MiB")
        pinger.stop()
        rung = [line["agent"] for line in r.lines("bell")]
        equal(len(set(rung)), AGENTS)
        equal(len(rung), AGENTS, "bells")
        check(memory(r.courier, "VmHWM") < MEMORY, f"{memory(r.courier, 'VmHWM') >> 20} MiB")


def are_gone(names, directory):
    """Looks at one at a time: reading a directory again and again holds up who writes there."""
    while names and not os.path.exists(os.path.join(directory, names[-1])):
        names.pop()
    return not names


def test_much_mail_for_one_inbox():
    with Crowd(COURIER) as r:
        mail = r.path("mail")
        r.client.call("RegisterAgent", "a", policy=json.dumps({"backends": [
            {"use": "inbox", "directory": mail, "max-messages": MANY + 1, "max-bytes": "4G"}]}))
        pinger = Pinger(r.courier)
        begin = time.monotonic()
        sent = send_many(r.client, ["a"] * MANY)
        wait_for(lambda: "announced" in r.client.states(sent[-1]), "the last one", PATIENCE)
        wait_for(lambda: sum("announced" in r.client.states(n) for n in sent[::97])
                 == len(sent[::97]), "all of them", PATIENCE)
        spent = time.monotonic() - begin
        print(f"# {MANY} messages in {spent:.1f} s, {MANY / spent:.0f}/s; "
              f"{memory(r.courier, 'VmHWM') >> 20} MiB at most")
        names = os.listdir(os.path.join(mail, "new"))
        equal(len(names), MANY, "files")
        pinger.stop()
        check(memory(r.courier, "VmHWM") < MEMORY + 500 * MANY,
              f"{memory(r.courier, 'VmHWM') >> 20} MiB")
        # all of it is acked at once: the files go away
        begin = time.monotonic()
        tokens = []
        while len(tokens) < MANY:
            tokens += [m[1] for m in r.client.receive("a", max=256, no_body=True)]
        for i in range(0, MANY, 4096):
            r.client.call("AckMany", tokens[i:i + 4096])
        wait_for(lambda: are_gone(names, os.path.join(mail, "new")), "the files to go", PATIENCE)
        print(f"# received, acked and gone in {time.monotonic() - begin:.1f} s")


main(globals())
