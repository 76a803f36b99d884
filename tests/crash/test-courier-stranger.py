"""A second uid against the courier: it plays with the way to inboxes while mail is written, and
knocks at the courier's socket without end. No file ever appears where it decides."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from courier import COURIER, Rig
from harness import OTHERS, main, need_root
from storm import DELIVERY, Ear, check, equal, wait_for

BOXES = 40
CONNECTIONS = 300

# Swaps what stands at the names for links and directories of its own, as fast as it can. It tells
# its first round, so that the race has begun before mail is sent.
SWAPPER = """
import os, sys
outside, secret, *names = sys.argv[1:]
def attempt(call, *args):
    try:
        call(*args)
    except OSError:
        pass
first = True
while True:
    for target in (outside, secret, None):
        for name in names:
            attempt(os.unlink, name)
            attempt(os.mkdir, name)
            attempt(os.rmdir, name)
            if target:
                attempt(os.symlink, target, name)
    if first:
        print("begun", flush=True)
        first = False
"""


def as_stranger(script, *args):
    process = subprocess.Popen(
        ["setpriv", f"--reuid={OTHERS[0]}", f"--regid={OTHERS[0]}", "--clear-groups",
         "--pdeathsig=KILL", sys.executable, "-c", script, *args],
        stdout=subprocess.PIPE, text=True, cwd="/")
    equal(process.stdout.readline(), "begun\n")
    return process


class Ground(Rig):
    """A directory like /tmp, one of the stranger's, and one of ours that it would like to fill."""

    def __init__(self):
        need_root()
        super().__init__(config=DELIVERY, program=COURIER)
        self.ears = [Ear(self.courier), Ear(self.messaged)]
        self.ground = tempfile.mkdtemp(prefix="waggle-ground-")
        os.chmod(self.ground, 0o755)
        self.shared, self.secret, self.outside = (
            os.path.join(self.ground, name) for name in ("shared", "secret", "outside"))
        for path, mode in ((self.shared, 0o1777), (self.secret, 0o755), (self.outside, 0o777)):
            os.mkdir(path)
            os.chmod(path, mode)
        os.chown(self.outside, OTHERS[0], OTHERS[0])

    def __exit__(self, *why):
        super().__exit__(*why)
        shutil.rmtree(self.ground, ignore_errors=True)

    def inbox(self, name, directory):
        policy = {"backends": [{"use": "inbox", "directory": directory, "retry": "1s"}]}
        self.client.call("RegisterAgent", name, policy=json.dumps(policy))

    def check_outside(self):
        equal(os.listdir(self.secret), [], "files where only a link leads")
        equal(os.listdir(self.outside), [], "files at the stranger's")


def settled(r, number):
    return {"announced", "attempt-failed"} & set(r.client.states(number))


def test_who_is_first_in_a_shared_directory():
    with Ground() as r:
        names = [os.path.join(r.shared, f"box-{i}") for i in range(BOXES)]
        swapper = as_stranger(SWAPPER, r.outside, r.secret, *names)
        try:
            sent = {}
            for i, path in enumerate(names):
                r.inbox(f"a{i}", path)
                sent[path] = [r.client.send(f"a{i}", b"secret") for _ in range(3)]
            for numbers in sent.values():
                for number in numbers:
                    wait_for(lambda n=number: settled(r, n), "word of the mail")
        finally:
            swapper.kill()
            swapper.wait()
            swapper.stdout.close()
        r.check_outside()
        won = 0
        for path, numbers in sent.items():
            announced = [n for n in numbers if "announced" in r.client.states(n)]
            if not announced:
                continue
            won += 1
            equal((os.path.islink(path), os.lstat(path).st_uid), (False, 0), path)
            files = os.listdir(os.path.join(path, "new"))
            for n in announced:
                check(any(f"W{n}." in f for f in files), f"{n} is announced but not in {path}")
        print(f"# {won} of {BOXES} inboxes were ours first")


def test_a_way_through_another_users_directory():
    with Ground() as r:
        os.makedirs(os.path.join(r.outside, "way", "mail"), mode=0o700)  # ours, in theirs
        way = os.path.join(r.outside, "way")
        swapper = as_stranger(
            "import os, sys\nway, secret = sys.argv[1:]\nos.symlink(secret, way + '.link')\n"
            "first = True\nwhile True:\n"
            " os.rename(way, way + '.kept')\n os.rename(way + '.link', way)\n"
            " os.rename(way, way + '.link')\n os.rename(way + '.kept', way)\n"
            " if first:\n  print('begun', flush=True)\n  first = False\n", way, r.secret)
        try:
            for i in range(BOXES):
                r.inbox(f"a{i}", os.path.join(way, "mail"))
                sent = r.client.send(f"a{i}", b"secret")
                wait_for(lambda n=sent: settled(r, n), "word of the mail")
                check("announced" not in r.client.states(sent), "mail is left at the stranger's")
        finally:
            swapper.kill()
            swapper.wait()
            swapper.stdout.close()
        equal(os.listdir(r.secret), [])
        for place, _, files in os.walk(r.outside):
            equal(files, [f for f in files if f.startswith("way")], f"files in {place}")


KNOCKER = f"""
import socket, sys
sockets = []
for i in range({CONNECTIONS}):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    try:
        s.send(b"\\0AUTH EXTERNAL 30\\r\\nNEGOTIATE_UNIX_FD\\r\\nBEGIN\\r\\n" + bytes(range(256)) * i)
    except OSError:
        pass
    sockets.append(s)
    if i == 5:
        print("begun", flush=True)
sys.stdin.read()
"""


def test_knocking_without_end():
    with Ground() as r:
        r.inbox("a", r.path("mail"))
        knocker = as_stranger(KNOCKER, r.courier.path)
        try:
            for _ in range(30):
                r.wait_receipt(r.client.send("a", b"x"), "announced")
                equal(r.courier.ask("Ping"), ())
        finally:
            knocker.kill()
            knocker.wait()
            knocker.stdout.close()
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(r.courier.path)  # an owner that says nothing is no harm either
        equal(r.courier.ask("Ping"), ())
        s.close()


main(globals())
