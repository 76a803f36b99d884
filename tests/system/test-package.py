#!/usr/bin/python3
"""The Debian packages: upgrade, also from when there was one only, removal and purge."""

import pathlib
import shutil
import subprocess
import tempfile

from harness import roots, tap
from harness.host import SERVICE, SOCKET
from harness.shop import DEPLOYD, UNIT, Shop

# what a package of ours could have left behind, besides the user that stays on purpose
LEFT = "( -iname '*waggle*' ) -not -path '/proc/*' -not -path '/sys/*' -not -path '/srv/*' -not -path '/var/log/*'"


COURIER = "waggle-courier@2001.service"
INBOX = '{"backends": [{"use": "inbox", "directory": "~/mail"}]}'
# what the package had no part in when it was the only one
LATER = ("*courier*", "*Delivery1*", "*typist*", "*Typing1*", "*waggle-policy*", "*waggle-profiles*")


FILES = ["/root/waggle+test1.deb", "/root/waggle-deploy+test1.deb", "/root/waggle-typist+test1.deb"]


def _repacked(machine, name, version, without=()):
    """Our package `name` once more, with another version and without some files; its path in the machine."""
    with tempfile.TemporaryDirectory(dir=roots.cache()) as work:
        tree = pathlib.Path(work) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", roots.deb(name), tree], check=True)
        control = tree / "DEBIAN/control"
        text = control.read_text(encoding="utf-8")
        present = next(line.split()[1] for line in text.splitlines() if line.startswith("Version: "))
        text = text.replace(f"Version: {present}", f"Version: {present}{version}")
        control.write_text(text.replace(f"(= {present})", f"(= {present}{version})"), encoding="utf-8")
        (tree / "DEBIAN/md5sums").unlink()
        for pattern in without:
            for path in tree.rglob(pattern):
                path.unlink()
        file = f"{name}{version}.deb"
        subprocess.run(["dpkg-deb", "--build", tree, pathlib.Path(work) / file], check=True, stdout=subprocess.DEVNULL)
        shutil.copy(pathlib.Path(work) / file, machine.root / "root" / file)
    return "/root/" + file


def _install(m, *files):
    m.run("dpkg", "--install", *files, timeout=120)


def _there(m, path):
    return m.run("test", "-e", path, check=False).returncode == 0


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


def test_one_becomes_two(m):
    """from the one package that there was, an upgrade brings the courier and no X11; mail is kept"""
    m.run("dpkg", "--purge", "waggle-typist", "waggle-deploy", "waggle-monitor", timeout=120)
    m.run("dpkg", "--force-downgrade", "--install", _repacked(m, "waggle", "~one", LATER), timeout=120)
    assert not _there(m, "/usr/libexec/waggle/waggle-courier"), "that is not how it was"
    m.run("systemctl", "start", "waggle.target")
    m.register("keeper", user="alice")
    number = m.send("keeper", "before the courier", user="bob")
    pid = m.show(SERVICE, "MainPID")
    _install(m, _repacked(m, "waggle", ""))
    assert m.show(SERVICE, "MainPID") not in (pid, "0"), "the old version still runs"
    got = m.receive("keeper", "'detach': <true>", user="alice")
    assert [row[0] for row in got] == [number], got
    m.ack(got[0][1], user="alice")
    m.call("RegisterAgent", f"('boxed', {{'policy': <'{INBOX}'>}})", user="alice")
    m.wait_receipt(m.send("boxed", "by the courier", user="bob"), "announced")
    shared = m.out("sh", "-c", "ldd /usr/libexec/waggle/waggle-messaged /usr/libexec/waggle/waggle-courier /usr/bin/waggle")
    assert "libX11" not in shared and "libxdo" not in shared, shared


def test_typist_added(m):
    """the typist's package comes later, starts nothing, and is wanted by each user's target"""
    _install(m, _repacked(m, "waggle-typist", ""))
    m.run("loginctl", "enable-linger", "bob")
    m.wait_state("user@2002.service", "active")
    assert "waggle-typist.socket" in m.show("waggle.target", "Wants", user="bob")
    for unit in ("waggle.target", "waggle-typist.socket", "waggle-typist.service"):
        assert m.show(unit, "ActiveState", user="bob") == "inactive", unit
    m.run("loginctl", "disable-linger", "bob")
    m.run("systemctl", "stop", "user@2002.service")


def test_deploy_added(m):
    """so does the one of deployments; before it comes, the client says what is missing"""
    m.run("systemctl", "restart", "waggle.target")
    done = m.run("waggle", "deploy", "list", check=False)
    assert done.returncode != 0 and "waggle-deploy" in done.stderr, done
    done = m.run("waggle", "verify", "--types", check=False)
    assert done.returncode != 0 and "waggle-deploy" in done.stderr, done
    _install(m, _repacked(m, "waggle-deploy", ""))
    assert "waggle-deployd.socket" in m.show("waggle.target", "Wants")
    for unit in ("waggle-deployd.socket", DEPLOYD):
        assert m.show(unit, "ActiveState") == "inactive", unit
    m.run("systemctl", "start", "waggle.target")
    shop = Shop(m)
    shop.target()
    status, text = shop.deploy(shop.release("good-1"), "--confirm=1h", "--no-wait")
    assert status == 0, text
    shop.wait_newest("verified")


def test_upgrade(m):
    """an upgrade restarts what runs, keeps the mail, and starts nothing else"""
    number = m.send("keeper", "before the upgrade", user="bob")
    pid, carrier, deployd = (m.show(unit, "MainPID") for unit in (SERVICE, COURIER, DEPLOYD))
    assert carrier != "0" and deployd != "0", (carrier, deployd)
    _install(m, *[_repacked(m, name, "+test1") for name in ("waggle", "waggle-deploy", "waggle-typist")])
    assert m.show(DEPLOYD, "MainPID") not in (deployd, "0"), "the old deployment service still runs"
    shop = Shop(m)
    m.run("waggle", "deploy", "confirm", shop.newest()["id"])
    shop.wait_newest("done")
    shop.serves("good-1")
    assert m.show(SERVICE, "MainPID") not in (pid, "0"), "the old version still runs"
    assert m.show(COURIER, "MainPID") != carrier, "the old courier still runs"
    got = m.receive("keeper", "'detach': <true>", user="alice")
    assert [(row[0], row[3]) for row in got] == [(number, "before the upgrade")], got
    m.ack(got[0][1], user="alice")
    m.wait_receipt(m.send("boxed", "by the new courier", user="bob"), "announced")
    assert m.run("systemctl", "is-enabled", "waggle.target", check=False).stdout.strip() == "disabled"


def test_upgrade_while_stopped(m):
    """an upgrade starts nothing that was stopped"""
    m.send("keeper", "waiting", user="bob")
    m.run("systemctl", "stop", "waggle.target", SOCKET, SERVICE, COURIER, "waggle-deployd.socket", DEPLOYD)
    _install(m, *FILES)
    for unit in (SERVICE, SOCKET, COURIER, "waggle-deployd.socket", DEPLOYD):
        assert m.show(unit, "ActiveState") == "inactive", unit


def test_typist_removed(m):
    """without the typist's package all else is as it was"""
    assert m.run("dpkg", "--remove", "waggle", check=False, timeout=120).returncode != 0, "the typist needs it"
    m.run("dpkg", "--remove", "waggle-typist", timeout=120)
    assert not _there(m, "/usr/lib/systemd/user/waggle.target.wants/waggle-typist.socket")
    assert _there(m, "/usr/lib/systemd/user/waggle-courier.service")
    m.run("dpkg", "--purge", "waggle-typist", timeout=120)


def test_deploy_removed(m):
    """without the package of deployments the release goes on serving, and the history is kept until a purge"""
    shop = Shop(m)
    m.run("systemctl", "start", "waggle-deployd.socket")
    assert [row["state"] for row in shop.history()] == ["done"]
    m.run("dpkg", "--remove", "waggle-deploy", timeout=120)
    assert m.run("pgrep", "-x", "waggle-deployd", check=False).returncode != 0
    assert not _there(m, "/run/waggle/deployment")
    assert _there(m, "/var/lib/waggle/deployd")
    shop.serves("good-1")
    _install(m, "/root/waggle-deploy+test1.deb")
    m.run("systemctl", "start", "waggle-deployd.socket")
    assert [row["state"] for row in shop.history()] == ["done"]
    m.run("dpkg", "--purge", "waggle-deploy", timeout=120)
    assert not _there(m, "/var/lib/waggle/deployd") and _there(m, "/var/lib/waggle/messaged")
    shop.serves("good-1")
    m.run("systemctl", "disable", "--now", UNIT)
    m.run("rm", "-r", "/srv/shop", "/root/releases", f"/etc/systemd/system/{UNIT}", f"/etc/systemd/system/{UNIT}.d", "/etc/waggle")
    m.run("systemctl", "daemon-reload")


def test_remove(m):
    """removal stops it and keeps the mail"""
    m.run("systemctl", "enable", "--now", "waggle.target")
    m.call("Ping")
    m.wait_receipt(m.send("boxed", "so that a courier runs", user="bob"), "announced")
    m.run("dpkg", "--remove", "waggle", timeout=120)
    for program in ("waggle-messaged", "waggle-courier"):
        assert m.run("pgrep", "-x", program, check=False).returncode != 0, program
    assert not _there(m, "/run/waggle")
    assert _there(m, "/var/lib/waggle/messaged")


def test_install_again(m):
    """installed again, it has the mail of before"""
    _install(m, *FILES)
    m.run("systemctl", "start", "waggle.target")
    got = m.receive("keeper", "'detach': <true>", user="alice")
    assert [row[3] for row in got] == ["waiting"], got


def test_purge(m):
    """purging leaves no file behind, and no unit that failed"""
    m.run("dpkg", "--purge", "waggle", "waggle-deploy", "waggle-typist", timeout=120)
    m.run("sh", "-c", "rm -f /root/waggle*.deb; rm -rf /home/*/.config/waggle /home/*/.config/systemd")
    found = m.out("sh", "-c", f"find / {LEFT}".replace("(", "\\(").replace(")", "\\)"))
    assert found == "", found
    # systemd lets go of a unit that is gone when it has nothing else to do
    ours = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "waggle*"]
    m.wait("no unit of ours is known", lambda: m.out(*ours) == "")
    assert m.out("systemctl", "--failed", "--plain", "--no-legend") == ""


def test_machine_is_whole(m):
    """the machine boots without complaint afterwards"""
    m.reboot()


if __name__ == "__main__":
    tap.main(globals())
