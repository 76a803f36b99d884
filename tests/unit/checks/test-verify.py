#!/usr/bin/python3
"""waggle-verify as a program: its exit contract, what it reads, baselines, signals, and that what is
published of it (schema, manual pages) is what it does."""

import json
import os
import signal
import subprocess
import sys

import verify

GOOD = str(verify.write("good", "text\n"))
MISSING = str(verify.DIRECTORY / "missing")
HANGS = {"command": "sleep 100", "name": "hangs", "expect": {"exit-status": 0}, "timeout": "1min"}


def passes(**more):
    return {"file": GOOD, "name": "passes", **more}


def fails(**more):
    return {"file": MISSING, "name": "fails", **more}


def status(plan, *args):
    return verify.verify(plan, *args).returncode


def exit_contract():
    cannot = {"file": GOOD, "name": "cannot", "expect": {"size": {"not-higher": True}}}
    assert status({"checks": [passes()]}) == 0
    assert status({"checks": [passes(), fails()]}) == 1
    assert status({"checks": [passes(), fails(level="wanted")]}) == 0
    assert status({"checks": [passes(), fails(level="wanted")]}, "--strict") == 2
    assert status({"checks": [passes(), HANGS]}, "--deadline=1s") == 3
    assert status({"checks": [fails(), HANGS]}, "--deadline=1s") == 1
    assert status({"checks": [passes(), cannot]}) == 4
    assert status({"checks": [passes(), cannot, fails()]}) == 1
    assert status({"checks": [passes()], "chekcs": []}) == 78
    assert verify.run("--no-such-option", "-", stdin="{}").returncode == 64
    assert verify.run().returncode == 64
    assert verify.run("a", "b").returncode == 64
    assert verify.run(MISSING).returncode == 78
    assert status({"checks": [passes()]}, "--format=xml") == 64
    assert status({"checks": [passes()]}, "--only=nobody") == 64
    assert status({"checks": [passes()]}, "--deadline=2h") == 64
    assert status({"checks": [passes()]}, "--system", "--user") == 64
    assert status({"checks": [passes()]}, "--var=x") == 64
    assert status({"checks": [passes(), fails()]}, "--only=passes") == 0
    assert status({"checks": [passes(), fails(tags="bad")]}, "--skip=@bad") == 0
    for level, code in ((passes(), 0), (fails(level="wanted"), 1), (fails(), 2), (cannot, 3)):
        assert status({"checks": [level]}, "--format=nagios") == code


def problems_with_places():
    path = verify.write("wrong.yaml", "checks:\n- filx: /x\n- file: /x\n  expect: {sizx: 5}\n  timeoutt: 5s\n")
    done = verify.run("--check", path)
    assert done.returncode == 78 and done.stdout == ""
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == ["2", "4", "5"], done.stderr
    assert "did you mean file?" in done.stderr and "did you mean timeout?" in done.stderr, done.stderr


def check_only():
    path = verify.write("right.yaml", f"checks:\n- file: {MISSING}\n")
    done = verify.run("--check", path)
    assert (done.returncode, done.stdout) == (0, f"{path}: 1 check\n"), done


def lists():
    plan = {"checks": [passes(tags=["a", "b"]), fails(level="wanted")]}
    assert verify.verify(plan, "--list").stdout == "passes\tfile\trequired\t@a @b\nfails\tfile\twanted\t\n"


def variables():
    path = verify.write("vars.yaml", f"size: 5\nfile: {GOOD}\nname: n\n")
    plan = {"vars": {"name": "own", "file": MISSING},
            "checks": [{"file": "${file}", "name": "${name}", "expect": {"size": "${size}"}}]}
    found = verify.results(plan, "--vars", path, "--var=name=\u00e4=b")
    assert (found["checks"][0]["name"], found["exit"]) == ("\u00e4=b", 0), found
    assert verify.results(plan, "--vars", path, "--var=size=6")["exit"] == 1


def root():
    verify.write("top/etc/file", "x")
    assert status({"checks": [{"file": "/etc/file", "expect": {"size": 1}}]}, "--root", verify.DIRECTORY / "top") == 0


def baselines():
    path, base = verify.write("grows", "12345"), verify.DIRECTORY / "base.json"
    grown = {"file": str(path), "name": "grown", "expect": {"size": {"at-most-baseline": 1.5}}}
    gone = {"directory": str(verify.DIRECTORY / "later"), "name": "later", "expect": {"entries": {"no-new": True}}}
    plan = {"checks": [grown, gone]}
    done = verify.verify(plan, "--record", base)
    assert done.returncode == 0 and done.stdout == "", done
    kept = json.loads(base.read_text(encoding="utf-8"))
    assert kept["schema"] == "waggle-baseline-1" and kept["checks"]["grown"]["values"]["size"] == 5
    path.write_text("1234567", encoding="utf-8")
    found = verify.results(plan, "--baseline", base)
    assert [check["verdict"] for check in found["checks"]] == ["pass", "fail"], found
    (verify.DIRECTORY / "later").mkdir()
    path.write_text("12345678", encoding="utf-8")
    found = verify.results(plan, "--baseline", base)
    assert [check["verdict"] for check in found["checks"]] == ["fail", "skip"], found
    assert "baseline is 5B" in found["checks"][0]["assertions"][0]["conversion"]
    text = {"checks": [{"file": str(path), "expect": {"content": {"keeps": True}}}]}
    assert status(text, "--record", base) == 0 and status(text, "--baseline", base) == 0
    assert status({"checks": [{**text["checks"][0], "expect": {"sha256": {"keeps": True}}}]}, "--baseline", base) == 4
    assert status(plan) == 4
    assert status(plan, "--baseline", GOOD) == 78
    assert status(plan, "--baseline", base, "--record", base) == 64


def a_process_that_may_gain_more():
    """One without NoNewPrivileges where one with it was; the kernel tells, nobody of ours."""
    code = "import ctypes, sys; assert sys.argv[1] == '0' or ctypes.CDLL(None).prctl(38, 1, 0, 0, 0) == 0;" \
           "print(flush=True); sys.stdin.read()"
    unchanged = {"or": [{"absent": True}, {"no-new": True}]}
    base = verify.DIRECTORY / "rights.json"
    plan = {"checks": [{"process": "rights-of-a-test", "by": "cmdline", "name": "rights",
                        "expect": {"capabilities": unchanged, "may-gain": unchanged}}]}

    def looked_at(no_new, *args):
        with subprocess.Popen([sys.executable, "-c", code, no_new, "rights-of-a-test"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            return verify.results(plan, *args) if "--baseline" in args else verify.verify(plan, *args)

    assert looked_at("1", "--record", base).returncode == 0
    kept = json.loads(base.read_text(encoding="utf-8"))["checks"]["rights"]["values"]
    assert kept["may-gain"] == [], kept
    assert looked_at("1", "--baseline", base)["checks"][0]["verdict"] == "pass"
    found = looked_at("0", "--baseline", base)
    assert found["checks"][0]["verdict"] == "fail" and "new-privileges" in json.dumps(found), found
    assert looked_at("0", "--record", base).returncode == 0
    assert looked_at("1", "--baseline", base)["checks"][0]["verdict"] == "pass"
    assert status(plan, "--baseline", base) == 0, "of what does not run there is nothing to say"


def signals_end_it():
    """With what is known by then, at once."""
    plan = verify.write("hangs.json", {"checks": [passes(), HANGS]})
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen([verify.PROGRAM, "--events", plan], stdout=subprocess.PIPE, text=True,
                              env=verify.ENVIRONMENT) as process:
            first = json.loads(process.stdout.readline())
            assert first["result"]["name"] == "passes"
            process.send_signal(number)
            rest = [json.loads(line) for line in process.stdout]
            assert process.wait(10) == 4
        assert rest[0]["result"]["verdict"] == "error" and "interrupted" in rest[0]["result"]["text"]
        assert rest[-1]["event"] == "end"


def full_output():
    """Results that cannot be written are no success."""
    if not os.path.exists("/dev/full"):
        return
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([verify.PROGRAM, "-"], input=json.dumps({"checks": [passes()]}), text=True,
                              stdout=full, stderr=subprocess.PIPE, env=verify.ENVIRONMENT, check=False)
    assert done.returncode == 4 and "cannot be written" in done.stderr, done


def rollback_capability():
    plan = {"checks": [{"preset": "rollback-capability", "space": 1, "inodes": 1}]}
    found = verify.results(plan)["checks"][0]
    assert found["verdict"] == "error" and "only within a deployment" in found["text"], found
    first = verify.write("first.json", {"release": "/r", "units": {}})
    found = verify.results(plan, "--context", first)
    assert found["checks"][0]["verdict"] == "skip", found
    context = previous_release()
    assert verify.results(plan, "--context", context)["exit"] == 0, verify.results(plan, "--context", context)
    (verify.DIRECTORY / "rel/bin/shop").write_text("shoq", encoding="utf-8")
    (verify.DIRECTORY / "rel/more").write_text("", encoding="utf-8")
    found = verify.results({"checks": [{"release": "previous", "expect": {"differences": {"only": []}}}]},
                           "--context", context)["checks"][0]
    assert found["verdict"] == "fail", found
    for text in ("bin/shop: its content is another one", "more: it is no part of the release"):
        assert text in found["text"], found


def drift():
    """Of what serves: the link is enough."""
    import hashlib
    import shutil
    shutil.rmtree(verify.DIRECTORY / "rel", ignore_errors=True)
    previous_release()
    digest = hashlib.sha256((verify.DIRECTORY / "rel.tree").read_bytes()).hexdigest()
    name, top = f"{digest[:16]}-20261122T000000Z", verify.DIRECTORY
    (top / "rel").rename(top / name)
    (top / "rel.tree").rename(top / f"{name}.tree")
    os.symlink(name, top / "current")
    plan = {"checks": [{"release": str(top / "current")},
                       {"release": str(top / "current"), "name": "d", "expect": {"digest-holds": True}}]}
    found = verify.results(plan)["checks"]
    assert [each["verdict"] for each in found] == ["pass", "pass"], found
    (top / name / "bin/shop").write_text("shoq", encoding="utf-8")
    assert "bin/shop: its content is another one" in verify.verify(plan, "--explain", found[0]["name"]).stdout
    tree = (top / f"{name}.tree").read_text().replace(hashlib.sha256(b"shop").hexdigest(),
                                                      hashlib.sha256(b"shoq").hexdigest())
    (top / f"{name}.tree").write_text(tree)  # whoever edits both is found by the name
    found = verify.results(plan)["checks"][0]
    assert found["verdict"] == "fail" and "tree file is not the one" in str(found), found
    os.unlink(top / "current")
    os.symlink("gone", top / "current")
    assert verify.results(plan)["checks"][0]["verdict"] == "fail"


def previous_release():
    import hashlib
    content = verify.write("rel/bin/shop", "shop")
    os.chmod(content, 0o755)
    for directory in ("rel", "rel/bin"):
        os.chmod(verify.DIRECTORY / directory, 0o755)
    os.symlink("shop", verify.DIRECTORY / "rel/bin/a b")
    digest = hashlib.sha256(b"shop").hexdigest()
    tree = ("waggle-tree 1\nd 0755 - - .\nd 0755 - - bin\nl - - bin/a\\x20b shop\n"
            f"f 0755 - - 4 {digest} bin/shop\n")
    verify.write("rel.tree", tree)
    return verify.write("context.json", {"units": {}, "previous": {
        "release": str(verify.DIRECTORY / "rel"), "tree": str(verify.DIRECTORY / "rel.tree"),
        "digest": hashlib.sha256(tree.encode()).hexdigest()}})


def secrets_stay():
    """In no output, also where it is wrong, converted, or matched by a pattern."""
    path = verify.write("key", "hunter2-4711\n")
    expected = ("hunter2-4712", {"matches": "^hunter3"}, {"less": 5}, ["hunter2-4711x"], {"json": {"/hunter2": 1}})
    plan = {"checks": [{"file": str(path), "name": f"s{i}", "secret": True, "expect": {"content": value}}
                       for i, value in enumerate(expected)]}
    for option in ([f"--format={name}"] for name in ("human", "json", "junit", "tap", "nagios", "openmetrics")):
        done = verify.verify(plan, *option)
        assert done.returncode in (1, 2) and "hunter" not in done.stdout + done.stderr, done
    for i in range(len(expected)):
        done = verify.verify(plan, "--explain", f"s{i}")
        assert done.returncode == 1 and "hunter" not in done.stdout + done.stderr, done
    base = verify.DIRECTORY / "secret.json"
    assert status({"checks": [{**plan["checks"][0], "expect": {"content": {"keeps": True}}}]}, "--record", base) == 0
    assert "hunter" not in base.read_text(encoding="utf-8")


def bad_context():
    for text in ("{", "[]", '{"since": "now"}', '{"units": {"a": 5}}', '{"previous": []}'):
        assert status({"checks": [passes()]}, "--context", verify.write("bad.json", text)) == 78, text


if __name__ == "__main__":
    verify.main([exit_contract, problems_with_places, check_only, lists, variables, root, baselines,
                 a_process_that_may_gain_more, signals_end_it,
                 full_output, rollback_capability, drift, secrets_stay, bad_context])
