"""The courier's inbox from Send to the file and back: announced when it is there, gone when it is
done with, also what was done with while no courier ran."""

import glob
import json
import os
import signal

from courier import COURIER, Rig
from harness import check, equal, main, wait_for


def rig(**given):
    return Rig(program=COURIER, **given)


def files(r, sub="new", box="mail"):
    return sorted(glob.glob(os.path.join(r.path(box), sub, "*")))


def entry(r, box="mail", **keys):
    return {"use": "inbox", "directory": r.path(box),
            **{key.replace("_", "-"): value for key, value in keys.items()}}


def test_a_message_is_a_file():
    with rig() as r:
        r.agent("a", entry(r))
        sent = r.client.send("a", "gr\u00fc\u00dfe\n".encode(), subject="hello", priority=7,
                             headers={"k": "v"}, tags=["x"])
        r.wait_receipt(sent, "announced")
        path, = files(r)
        check(os.path.basename(path).endswith(f"W{sent}.a"), path)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        check(text.endswith("}\n") and text.count("\n") == 1, "not one line")
        message = json.loads(text)
        expected = {"message": sent, "agent": "a", "subject": "hello", "priority": 7, "to": "a",
                    "headers": {"k": "v"}, "tags": ["x"], "text": "gr\u00fc\u00dfe\n", "bytes": 8}
        equal({key: message[key] for key in expected}, expected)
        equal(message["from"], f"uid:{os.getuid()}")
        states = [s for s, _ in r.receipts(sent)]
        check("leased" not in states and "acked" not in states, f"{states}")


def test_it_goes_when_it_is_acked():
    with rig() as r:
        r.agent("a", entry(r))
        sent = [r.client.send("a", b"x") for _ in range(20)]
        for number in sent:
            r.wait_receipt(number, "announced")
        equal(len(files(r)), 20)
        first = files(r)[0]
        os.rename(first, os.path.join(r.path("mail"), "cur", os.path.basename(first) + ":2,S"))
        r.client.call("Cancel", sent[19])
        for row in r.client.receive("a", max=19):
            r.client.call("Ack", row[1])
        wait_for(lambda: not files(r) and not files(r, "cur"), "the files to go")


def test_what_ended_while_no_courier_ran():
    with rig() as r:
        r.agent("a", entry(r))
        sent = [r.client.send("a", b"x") for _ in range(3)]
        for number in sent:
            r.wait_receipt(number, "announced")
        r.courier.stop(check_status=False, sig=signal.SIGKILL)
        row = r.client.receive("a")[0]
        r.client.call("Ack", row[1])
        r.courier.start()
        wait_for(lambda: len(files(r)) == 2, "the acked one to go")
        check(not any(path.endswith(f"W{row[0]}.a") for path in files(r)), f"{files(r)}")


def test_a_link_is_refused_and_named():
    with rig() as r:
        os.mkdir(r.path("elsewhere"), 0o700)
        os.symlink(r.path("elsewhere"), r.path("mail"))
        r.agent("a", entry(r, name="first"), entry(r, box="second"))
        sent = r.client.send("a", b"x")
        receipts = r.wait_receipt(sent, "announced")
        cause, = [c for s, c in receipts if s == "attempt-failed"]
        check(r.path("mail") in cause and "symbolic link" in cause, cause)
        equal(os.listdir(r.path("elsewhere")), [])
        equal(len(files(r, box="second")), 1)


def test_a_full_inbox_holds():
    with rig() as r:
        r.agent("a", entry(r, max_messages=2))
        sent = [r.client.send("a", b"x") for _ in range(3)]
        held = r.wait_receipt(sent[2], "attempt-held")
        check("max-messages" in held[-1][1], f"{held}")
        row = r.client.receive("a")[0]
        r.client.call("Ack", row[1])
        r.wait_receipt(sent[2], "announced")


def test_as_many_agents_as_there_are():
    with rig() as r:
        names = [f"a{i}" for i in range(70)]  # more than a connection may have watches
        for name in names:
            r.agent(name, entry(r))
        sent = [r.client.send(name, b"x") for name in names]
        for number in sent:
            r.wait_receipt(number, "announced")
        equal(len(files(r)), 70)
        for name in names:
            r.client.call("Ack", r.client.receive(name)[0][1])
        wait_for(lambda: not files(r), "the files to go")


def test_many_at_once():
    with rig() as r:
        r.agent("a", entry(r))
        sent = [r.client.send("a", b"%d" % i) for i in range(300)]
        wait_for(lambda: len(files(r)) == 300, "300 files")
        r.wait_receipt(sent[-1], "announced")
        got = sorted(json.loads(open(path, encoding="utf-8").read())["message"]
                     for path in files(r))
        equal(got, sent)


if __name__ == "__main__":
    main(globals())
