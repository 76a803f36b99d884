#!/usr/bin/python3
"""agent: runs the commands of the tests in a virtual machine, one after the other.

A line of JSON from the channel is a command (argv, env, stdin, timeout), a line back says what came of
it; status null: it did not end in time and was killed.
"""

import json
import subprocess
import time

CHANNEL = "/dev/virtio-ports/waggle"


def run(request):
    try:
        done = subprocess.run(
            request["argv"], env=request.get("env"), input=request.get("stdin") or "", text=True, errors="replace",
            capture_output=True, check=False, timeout=request.get("timeout"),
        )  # fmt: skip
        return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}
    except subprocess.TimeoutExpired:
        return {"status": None, "stdout": "", "stderr": ""}
    except OSError as error:
        return {"status": 127, "stdout": "", "stderr": str(error)}


def main():
    with open(CHANNEL, "r+b", buffering=0) as channel:
        rest = b""
        while True:
            data = channel.read(65536)
            if not data:
                time.sleep(0.05)  # nobody holds the other end yet, and a port cannot be waited for then
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                answer = memoryview(json.dumps(dict(run(request), id=request["id"])).encode() + b"\n")
                while answer:
                    answer = answer[channel.write(answer) :]


main()
