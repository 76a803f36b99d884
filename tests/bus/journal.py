"""A journal of the test's own: daemons that are started with it write into a socket that we read.

Where journald listens is fixed, so such a daemon gets a /run of its own, by a mount namespace; that
needs root. Nothing else is in there."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading

from client import wait_for
from harness import Skip, need_root

WRAPPER = """#!/bin/sh
exec unshare --mount --propagation private sh -c 'mount --bind {run} /run && exec "$0" "$@"' {program} "$@"
"""


def parse(data):
    """The fields of one entry, as the native protocol has them."""
    fields = {}
    while data:
        line, data = data.split(b"\n", 1)
        name, found, value = line.partition(b"=")
        if not found:
            size = int.from_bytes(data[:8], "little")
            value, data = data[8:8 + size], data[8 + size + 1:]
        fields[name.decode()] = value.decode(errors="replace")
    return fields


class Journal:
    def __init__(self):
        need_root()
        self.directory = tempfile.mkdtemp(prefix="waggle-journal-")
        os.chmod(self.directory, 0o755)
        self.run = os.path.join(self.directory, "run")
        os.makedirs(os.path.join(self.run, "systemd", "journal"))
        self.entries = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(self.run, "systemd", "journal", "socket"))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while data := self.socket.recv(1 << 20):
            self.entries.append(parse(data))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def wrapper(self, program):
        """A program that is `program` with this journal."""
        path = os.path.join(self.directory, os.path.basename(program))
        with open(path, "w", encoding="utf-8") as f:
            f.write(WRAPPER.format(run=self.run, program=program))
        os.chmod(path, 0o755)
        if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"],
                          capture_output=True, check=False).returncode != 0:
            raise Skip("needs a mount namespace")
        return path

    def find(self, **fields):
        """Entries with these fields; a field of None is one that they do not have."""
        return [e for e in list(self.entries) if all(e.get(k) == v for k, v in fields.items())]

    def wait(self, what, **fields):
        """The first entry with these fields."""
        wait_for(lambda: self.find(**fields), f"{what} in the journal: {fields}")
        return self.find(**fields)[0]


def journalled(base):
    """The class of daemons whose journal is the first argument."""
    class Journalled(base):
        def __init__(self, journal, **given):
            self.program = journal.wrapper(base.program)
            super().__init__(**given)

        def environment(self):
            with open(self.log_path, "a", encoding="utf-8") as f:
                log = os.fstat(f.fileno())
            return {**super().environment(), "G_MESSAGES_DEBUG": "all",
                    "JOURNAL_STREAM": f"{log.st_dev}:{log.st_ino}"}

    return Journalled
