#!/usr/bin/python3
"""How fast the installed service stages and rolls back under a real systemd, against what a person would type.

Ratios of one run on one machine: staging a directory against `cp -a` and sha256sum of every file, staging a
tar.zst against unpacking it and sha256sum, each with the reference's files on the disk as ours are. What is
printed is what counts; the bounds here are far below the aims, since the machine is shared.
"""

import json
import time

from harness import tap
from harness.shop import UNIT, Shop

MIB, FILES = 256, 2500
AIM, BOUND = 0.7, 0.25
# half of each file can be packed, as programs can
MAKE = f"""
import os, pathlib
size = {MIB} * 1024 * 1024 // {FILES} // 2
for i in range({FILES}):
    path = pathlib.Path(f"/root/big/tree/d{{i % 50:02}}/file-{{i:05}}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size) + b"waggle " * (size // 7))
"""
REFERENCES = {
    "tree": "cp -a /root/big/tree /srv/reference",
    "tree.tar.zst": "mkdir /srv/reference && tar -C /srv/reference --zstd -xf /root/big/tree.tar.zst",
}


def _stage(m, word, source):
    """Seconds in the state staging: unpacked, hashed, on the disk."""
    manifest = {
        "name": "big", "version": word, "target": "big", "artifacts": [{"source": f"/root/big/{source}"}],
        "configuration": [{"file": "word", "content": word}], "checks": [{"file": "/srv/big/current/word"}],
    }  # fmt: skip
    m.run("tee", "/root/big/big.json", stdin=json.dumps(manifest))
    shop = Shop(m)
    status, text = shop.deploy("/root/big/big.json", timeout=300)
    assert status == 0, text
    shown = json.loads(m.out("waggle", "--json=short", "deploy", "show", shop.newest()["id"]))
    times = {t["to"]: t["time"] for t in shown["transitions"]}
    return (times["staged"] - times["staging"]) / 1e6


def _reference(m, source):
    m.run("rm", "-rf", "/srv/reference")
    begin = time.monotonic()
    m.run("sh", "-c", REFERENCES[source] + " && find /srv/reference -type f -exec sha256sum {} + >/dev/null"
          " && sync -f /srv/reference", timeout=300)  # fmt: skip
    return time.monotonic() - begin


def test_staging(m):
    """staging a directory and a tar.zst takes about as long as copying or unpacking and hashing it by hand"""
    m.run("systemctl", "start", "waggle.target")
    Shop(m).target("big", "[Target]\nRoot=/srv/big\n")
    m.run("python3", "-c", MAKE, timeout=120)
    m.run("tar", "-C", "/root/big/tree", "--zstd", "-cf", "/root/big/tree.tar.zst", ".", timeout=120)
    for source in REFERENCES:
        ours, theirs = [], []
        for i in range(2):  # ours and theirs in turn, so that what else runs here meets both
            ours.append(_stage(m, f"{source}-{i}", source))
            theirs.append(_reference(m, source))
        ratio = min(theirs) / min(ours)
        print(f"# {source}, {MIB} MiB in {FILES} files: {min(ours):.2f} s, by hand {min(theirs):.2f} s: "
              f"ratio {ratio:.2f}, {AIM} is wanted; a GiB would take {min(ours) * 1024 / MIB:.1f} s")  # fmt: skip
        assert ratio > BOUND, (source, ours, theirs)


def test_rollback(m):
    """from the decision to roll back until the old release serves again it takes less than three seconds"""
    shop = Shop(m)
    shop.target()
    status, text = shop.deploy(shop.release("good-1"))
    assert status == 0, text
    took = []
    for i in range(3):
        status, text = shop.deploy(shop.release(f"bad-{i}"))
        assert status == 5, text
        shop.serves("good-1")
        shown = json.loads(m.out("waggle", "--json=short", "deploy", "show", shop.newest()["id"]))
        decided = next(t["time"] for t in shown["transitions"] if t["to"] == "rolling-back")
        # Type=notify: active is when it has said that it serves
        begun = m.out("systemctl", "show", "--value", "--timestamp=us+utc", "-p", "ActiveEnterTimestamp", UNIT)
        active = float(m.out("date", "-d", begun, "+%s.%6N"))
        took.append(active - decided / 1e6)
    print("# rolled back to serving in " + ", ".join(f"{t:.2f} s" for t in took))
    assert all(0 < t for t in took) and min(took) < 3, took


if __name__ == "__main__":
    tap.main(globals())
