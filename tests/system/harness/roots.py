"""roots: the file systems that the machines of the system tests boot from.

Three layers, each made once and kept outside the checkout: a Debian of the host's own release, made
by mmdebstrap from the host's own package sources; on it our package, built from this checkout; on
that a directory of each machine's own. The first two are named by a digest of all they are made
from, so that a stale one is never used.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[3]
PACKAGES = [
    "systemd", "systemd-sysv", "dbus", "dbus-user-session", "polkitd", "libpam-systemd",
    "init-system-helpers", "login", "passwd", "util-linux", "python3-minimal", "python3-gi",
    "libglib2.0-0", "libjson-glib-1.0-0", "libsqlite3-0", "libxxhash0",
    # for the courier: a terminal that it rings a bell in
    "tmux",
    # for the typist: a display, a window manager, a program to type into, and what it is linked with
    "xvfb", "openbox", "xterm", "x11-utils", "x11-xkb-utils",
    "libxdo3", "libx11-6", "libxi6", "libxtst6", "libxss1", "libxres1",
    # for deployments: what they are linked with, and a web client's trust; they serve with python
    "libarchive13", "libyaml-0-2", "libsoup-3.0-0", "libpq5", "libmariadb3", "libhiredis0.14", "libssl3",
    "glib-networking", "ca-certificates", "zstd",
    # for monitoring: who counts beside it, what its probes run, a sendmail that needs no rights
    "prometheus-node-exporter", "monitoring-plugins-basic", "msmtp-mta",
    # for the virtual machine, which boots the same root
    "linux-image-cloud-amd64", "initramfs-tools",
]  # fmt: skip
# What a deployment is verified against, in a root of its own: the other machines need not carry it.
SERVICES = ["nginx-light", "redis-server", "postgresql", "mariadb-server", "openssl"]
# Who the tests act as: two who have nothing to do with each other, and an administrator's
# helper, who is put into the package's group once that exists.
USERS = {"alice": 2001, "bob": 2002, "carol": 2003}


def cache():
    path = os.environ.get("WAGGLE_TEST_CACHE")
    if not path:
        base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        path = pathlib.Path(base) / "waggle-tests"
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def _locked(name, mode):
    with open(cache() / name, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, mode)
        yield


def lock_shared():
    """While it is held, no layer is thrown away."""
    return _locked("use.lock", fcntl.LOCK_SH)


def _digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part if isinstance(part, bytes) else str(part).encode())
        whole.update(b"\0")
    return whole.hexdigest()[:16]


def _run(argv, log, **options):
    """Runs a step whose output matters only when it fails."""
    with open(log, "w", encoding="utf-8") as out:
        done = subprocess.run(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=False, **options)
    if done.returncode != 0:
        tail = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")[-4000:]
        raise RuntimeError(f"{argv[0]} failed with {done.returncode}:\n{tail}")


def codename():
    for line in pathlib.Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip('"')
    raise RuntimeError("/etc/os-release names no release")


def _mirrors():
    """The host's package sources of Debian itself, as mmdebstrap wants them."""
    form = "$(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rows = [line.split() for line in listed.splitlines()]
    found = {f"deb {row[2]} {row[3]} main" for row in rows if row[:2] == ["Debian", "main"]}
    if not found:
        raise RuntimeError("the package sources of this machine have no Debian release; run apt-get update")
    return sorted(found)


def _base(extra):
    """How the Debian layer is made: (its path, the package sources, hooks)."""
    mirrors = _mirrors()
    users = [f"chroot \"$1\" useradd -m -u {uid} -s /bin/sh {name}" for name, uid in USERS.items()]
    # kept over a reboot of the machine, so that a test can look back
    hooks = ['mkdir -p "$1/var/log/journal"'] + users
    # a test starts what it needs
    hooks.append('chroot "$1" systemctl disable prometheus-node-exporter')
    if extra:
        hooks.append('chroot "$1" systemctl disable nginx redis-server postgresql mariadb')
    return cache() / ("base-" + _digest(codename(), *mirrors, *PACKAGES, *extra, *hooks)), mirrors, hooks


def base(extra=()):
    """The Debian layer, with packages of its own."""
    path, mirrors, hooks = _base(extra)
    with _locked("make.lock", fcntl.LOCK_EX):
        if not path.exists():
            work = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=cache()))
            argv = ["mmdebstrap", "--variant=apt", "--include=" + ",".join([*PACKAGES, *extra])]
            argv += ["--customize-hook=" + hook for hook in hooks]
            _run(argv + [codename(), str(work / "root"), *mirrors], cache() / "base.log")
            (work / "root").rename(path)
            shutil.rmtree(work)
    return path


def _sources():
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={TOP}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = sorted(os.fsdecode(n) for n in listed.stdout.split(b"\0") if n)
        return [TOP / n for n in names if (TOP / n).is_file()]
    return sorted(p for p in TOP.rglob("*") if p.is_file() and "build" not in p.relative_to(TOP).parts[0])


def package():
    """The directory with our package; $WAGGLE_TEST_DEB names one that was built elsewhere."""
    given = os.environ.get("WAGGLE_TEST_DEB")
    if given:
        return pathlib.Path(given).resolve().parent
    # the tests themselves are no part of the package
    parts = []
    for path in _sources():
        name = path.relative_to(TOP)
        if name.parts[0] != "tests":
            parts += [str(name), path.read_bytes()]
    path = cache() / ("deb-" + _digest(*parts))
    with _locked("make.lock", fcntl.LOCK_EX):
        if not path.exists():
            work = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=cache()))
            # the tests of the build are rungs of their own
            environment = dict(os.environ, DEB_BUILD_OPTIONS="nocheck noautodbgsym")
            _run([TOP / "packaging/lib/build-deb.sh", work], cache() / "deb.log", env=environment)
            work.chmod(0o755)
            work.rename(path)
    return path


def deb(name="waggle"):
    return next(p for p in package().glob(f"{name}_*.deb"))


def debs():
    """All that is built from this checkout."""
    return [deb(), deb("waggle-deploy"), deb("waggle-monitor"), deb("waggle-typist")]


def overlay(lower, upper, target):
    """Mounts `upper` over the layers `lower`, topmost first."""
    work = upper.with_name(upper.name + ".work")
    for path in (upper, work, target):
        path.mkdir(exist_ok=True)
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, target], check=True)


def _with(below):
    return cache() / ("with-" + _digest(below.name, *[p.read_bytes() for p in debs()]))


def layers(extra=()):
    """What a machine with our package boots from, topmost first."""
    below = base(extra)
    built = debs()
    path = _with(below)
    with _locked("make.lock", fcntl.LOCK_EX):
        if not path.exists():
            work = pathlib.Path(tempfile.mkdtemp(prefix="making-", dir=cache()))
            root = work / "root"
            overlay([below], work / "layer", root)
            _run(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
                 *[f"--bind-ro={p}:/run/{p.name}" for p in built],
                 "-D", root, "dpkg", "--install", *[f"/run/{p.name}" for p in built]],
                cache() / "install.log",
            )  # fmt: skip
            subprocess.run(["umount", root], check=True)
            (work / "layer").rename(path)
            shutil.rmtree(work)
    return [path, below]


def prune():
    """Throws away layers and packages that no present file leads to; nobody may be using them."""
    rich = _base(SERVICES)[0]  # kept, not made: most files have no use for it
    keep = {base().name, package().name, layers()[0].name, rich.name, _with(rich).name}
    with open(cache() / "use.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for path in cache().iterdir():
            if path.is_dir() and path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)
