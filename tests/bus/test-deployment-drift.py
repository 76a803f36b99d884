"""Somebody edits what serves: waggle-deployd finds it when it is asked to look, says it everywhere it
has to be said, keeps it while it is away, and tells when it is over."""

import os

from deployd import TARGET, Deployd, check, equal, wait_for
from harness import main, refused

OBJECT = "/org/waggle/Deployment1/target/shop"
EDITED, UNPROVEN = "What serves at shop is not what was released", "cannot be told"


def look(c, *targets):
    rows = c.call("CheckDrift", "(asa{sv})", list(targets), {})[0]
    return {row["target"]: row for row in rows}


def known(c, name="Drift"):
    return c.client.get(name, path=OBJECT, interface=TARGET)


def path_of(d, name, target="shop"):
    return os.path.join(d.srv, target, "current", name)


def edit(path, text):
    """In place, with its size kept: only reading it tells."""
    with open(path, "r+", encoding="utf-8") as f:
        f.write(text)


def deployed(d, version="1.0"):
    d.target("shop")
    c = d.caller()
    equal(c.run(d.release(version))[:2], ("done", 0))
    return c


def test_an_edited_file_is_found_and_told():
    with Deployd() as d:
        c = deployed(d)
        equal((known(c), known(c, "DriftChecked")), ("", 0), "before the first look")
        release = os.path.basename(d.current())
        row = look(c)["shop"]
        equal((row["state"], row["n"], row["differences"], row["release"]), ("intact", 0, [], release))
        equal((known(c), known(c, "DriftText")), ("intact", ""), "properties")
        check(known(c, "DriftChecked") == row["checked"] > 0, "when it was looked at")
        edit(path_of(d, "word"), "evil")
        os.chmod(path_of(d, "bin/serve"), 0o777)
        row = look(c, "shop")["shop"]
        equal((row["state"], row["n"]), ("edited", 2))
        check("bin/serve: its mode is 0777" in row["differences"][0], str(row))
        check("word: its content" in row["differences"][1], str(row))
        equal(known(c), "edited")
        check("bin/serve" in known(c, "DriftText") and "1 more" in known(c, "DriftText"), known(c, "DriftText"))
        wait_for(lambda: len(c.client.of("DriftChecked")) == 2, "signals")
        told = c.client.of("DriftChecked")
        equal([t[:3] for t in told], [("shop", release, "intact"), ("shop", release, "edited")], "signals")
        d.wait_log(EDITED)
        listed = c.targets()["shop"]
        equal((listed["drift"], listed["drift-checked"]), ("edited", row["checked"]), "List")
        wait_for(lambda: "edited" in [s[1][1].get("Drift") for s in c.client.signals
                                      if s[0] == "PropertiesChanged" and s[2] == OBJECT], "PropertiesChanged")


def test_what_was_found_outlives_the_daemon():
    with Deployd() as d:
        c = deployed(d)
        edit(path_of(d, "word"), "evil")
        checked = look(c)["shop"]["checked"]
        d.restart()
        c = d.caller()
        wait_for(lambda: known(c) == "edited", "what was found before")
        equal(known(c, "DriftChecked"), checked)
        edit(path_of(d, "word"), "good")
        equal(look(c)["shop"]["state"], "intact", "it was mended")
        equal(known(c), "intact")


def test_the_next_release_is_another_matter():
    with Deployd() as d:
        c = deployed(d)
        edit(path_of(d, "word"), "evil")
        equal(look(c)["shop"]["state"], "edited")
        result, _status, number = c.run(d.release("2.0", word="good, too"))
        equal(result, "aborted", "there would be no way back to what was edited")
        check("waggle deploy drift" in c.show(number)["failure"], c.show(number)["failure"])
        edit(path_of(d, "word"), "good")
        equal(known(c), "edited", "nobody has looked since")
        equal(c.run(os.path.join(d.directory, "from", "2.0"))[:2], ("done", 0))
        wait_for(lambda: known(c) == "", "nothing to be known of the next release")
        check("drift" not in c.targets()["shop"], "List")
        equal(look(c)["shop"]["state"], "intact")


def test_missing_and_strange_files_and_the_proof_itself():
    with Deployd() as d:
        c = deployed(d)
        tree = os.path.join(d.srv, "shop", d.current() + ".tree")
        with open(path_of(d, "more"), "w", encoding="utf-8"):
            pass
        os.unlink(path_of(d, "word"))
        differences = look(c)["shop"]["differences"]
        equal([x.split(":")[0] for x in differences], ["more", "word"], str(differences))
        with open(tree, encoding="utf-8") as f:
            text = f.read()
        with open(tree, "w", encoding="utf-8") as f:  # so that it fits what is there
            f.write("".join(line for line in text.splitlines(True) if not line.endswith(" word\n")))
        row = look(c)["shop"]
        equal((row["state"], row["n"]), ("edited", 1), str(row))
        os.unlink(tree)
        row = look(c)["shop"]
        equal(row["state"], "unproven", str(row))
        check(row["text"], "why")
        d.wait_log(UNPROVEN)
        equal(known(c), "unproven")


def test_which_targets():
    with Deployd() as d:
        c = deployed(d)
        d.target("other")
        os.mkdir(os.path.join(d.srv, "other"))
        c.call("Reload")
        equal(set(look(c)), {"shop"}, "what was never deployed to may be anything")
        equal(look(c, "other")["other"]["state"], "none")
        refused("UnknownTarget", look, c, "nowhere")
        check(not any("other" in line and "cannot be told" in line for line in d.log_lines()), "the log")


def test_what_would_hold_a_reader():
    """A fifo that nobody writes to is an entry that does not belong, and is not read."""
    with Deployd() as d:
        c = deployed(d)
        os.mkfifo(path_of(d, "pipe"))
        row = look(c)["shop"]
        equal((row["state"], row["n"]), ("edited", 1))
        check("pipe" in row["differences"][0], str(row))


main(globals())
