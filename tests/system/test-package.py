#!/usr/bin/python3
"""The Debian package: upgrade, removal and purge."""

import pathlib
import shutil
import subprocess
import tempfile

from harness import roots, tap
from harness.host import SERVICE, SOCKET

# what a package of ours could have left behind, besides the user that stays on purpose
LEFT = "( -iname '*waggle*' ) -not -path '/proc/*' -not -path '/sys/*' -not -path '/srv/*' -not -path '/var/log/*'"


def _newer(machine):
    """Our package once more, with a higher version."""
    with tempfile.TemporaryDirectory(dir=roots.cache()) as work:
        tree = pathlib.Path(work) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", roots.deb(), tree], check=True)
        control = tree / "DEBIAN/control"
        text = control.read_text(encoding="utf-8")
        version = next(line.split()[1] for line in text.splitlines() if line.startswith("Version: "))
        control.write_text(text.replace(f"Version: {version}", f"Version: {version}+test1"), encoding="utf-8")
        built = pathlib.Path(work) / "newer.deb"
        subprocess.run(["dpkg-deb", "--build", tree, built], check=True, stdout=subprocess.DEVNULL)
        shutil.copy(built, machine.root / "root/newer.deb")
    return "/root/newer.deb"


def test_lintian(m):
    """lintian has no error and no warning"""
    if not shutil.which("lintian"):
        raise tap.Skip("there is no lintian")
    files = sorted(map(str, roots.package().glob("*.deb")))
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", "--no-tag-display-limit", *files],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_upgrade(m):
    """an upgrade restarts what runs, keeps the mail, and starts nothing else"""
    m.run("systemctl", "start", "waggle.target")
    m.register("keeper", user="alice")
    number = m.send("keeper", "before the upgrade", user="bob")
    pid = m.show(SERVICE, "MainPID")
    m.run("dpkg", "--install", _newer(m), timeout=120)
    assert m.show(SERVICE, "MainPID") not in (pid, "0"), "the old version still runs"
    got = m.receive("keeper", "'detach': <true>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(number, "before the upgrade")], got
    m.call("Ack", f"(uint64 {got[0][1]}, @a{{sv}} {{}})", user="alice")
    assert m.run("systemctl", "is-enabled", "waggle.target", check=False).stdout.strip() == "disabled"


def test_upgrade_while_stopped(m):
    """an upgrade starts nothing that was stopped"""
    m.send("keeper", "waiting", user="bob")
    m.run("systemctl", "stop", "waggle.target", SOCKET, SERVICE)
    m.run("dpkg", "--install", "/root/newer.deb", timeout=120)
    assert m.show(SERVICE, "ActiveState") == "inactive"
    assert m.show(SOCKET, "ActiveState") == "inactive"


def test_remove(m):
    """removal stops it and keeps the mail"""
    m.run("systemctl", "enable", "--now", "waggle.target")
    m.call("Ping")
    m.run("dpkg", "--remove", "waggle", timeout=120)
    assert m.run("pgrep", "-x", "waggle-messaged", check=False).returncode != 0
    assert m.run("test", "-e", "/run/waggle", check=False).returncode != 0
    m.run("test", "-d", "/var/lib/waggle/messaged")


def test_install_again(m):
    """installed again, it has the mail of before"""
    m.run("dpkg", "--install", "/root/newer.deb", timeout=120)
    m.run("systemctl", "start", "waggle.target")
    got = m.receive("keeper", "'detach': <true>", user="alice")
    assert [row[3] for row in got] == ["waiting"], got


def test_purge(m):
    """purging leaves no file behind, and no unit that failed"""
    m.run("dpkg", "--purge", "waggle", timeout=120)
    m.run("rm", "-f", "/root/newer.deb")
    found = m.out("sh", "-c", f"find / {LEFT}".replace("(", "\\(").replace(")", "\\)"))
    assert found == "", found
    assert m.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "waggle*") == ""
    assert m.out("systemctl", "--failed", "--plain", "--no-legend") == ""


def test_machine_is_whole(m):
    """the machine boots without complaint afterwards"""
    m.reboot()


if __name__ == "__main__":
    tap.main(globals())
