"""What is written down about the typist is what it does: interface file, manual pages, profiles."""

import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

from harness import HERE, check, equal, main
from typist import NAME, TYPIST, Caller, Typist

TOP = os.path.dirname(os.path.dirname(HERE))
PROFILES = os.path.join(TOP, "src", "typing", "profiles.d")


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def manual(name):
    """A page without its escapes."""
    return re.sub(r"\\f.", "", read("docs", name).replace("\\-", "-"))


def introspect():
    return subprocess.run([TYPIST, "--introspect=" + NAME], capture_output=True, text=True,
                          check=True).stdout


def members(tag):
    return {m.get("name") for m in ElementTree.fromstring(introspect()).iter(tag)}


def test_interface_file_is_the_table():
    equal(read("dbus", NAME + ".xml"), introspect(), "the interface file")


def test_manual_has_every_member():
    page = manual("org.waggle.Typing1.5")
    equal(set(re.findall(r"^([A-Z]\w+)\(", page, re.M)), members("method"), "methods described")
    properties = page[page.index(".SS Properties"):page.index(".SH ERRORS")]
    equal(set(re.findall(r"^([A-Z]\w+) [a-z]+$", properties, re.M)), members("property"),
          "properties described")


def test_manual_has_every_option():
    page = manual("org.waggle.Typing1.5")
    options = set(re.findall(r'\{"([a-z-]+)", "([a-z{}]+)"\}',
                             read("src", "typing", "bus-options.c")))
    check(len(options) >= 15, f"only {len(options)} options found in the tables")
    for key, kind in options:
        check(f'"{key} {kind}"' in page, f"option {key} of type {kind} is not in the manual")


def test_manual_has_every_detail_and_code():
    page = manual("org.waggle.Typing1.5")
    source = "".join(read("src", "typing", name) for name in ("job-result.c", "job-run.c"))
    details = set(re.findall(r'_insert\(\w*&?\w+, "([a-z-]+)", "([a-z]+)"',
                             read("src", "typing", "job-result.c")))
    details |= set(re.findall(r'\{"([a-z-]+)", "([a-z]+)"\}', source))
    check(len(details) >= 12, f"only {details} found")
    for key, kind in details:
        check(f'"{key} {kind}"' in page, f"detail {key} {kind} is not in the manual")
    codes = set(re.findall(r'#define HAND_CAUSE_\w+ "([a-z-]+)"',
                           read("src", "typing", "hand-protocol.h"))) | {"hold", "ended"}
    check(len(codes) > 10, "no codes were found")
    for code in codes:
        check(f'"{code}"' in page, f'code "{code}" is not in the manual')


def test_manual_has_every_error():
    page = manual("org.waggle.Typing1.5")
    errors = page[page.index(".SH ERRORS"):]
    folder = os.path.join(TOP, "src", "typing")
    source = "".join(read("src", "typing", name) for name in os.listdir(folder)
                     if name.endswith(".c") and not name.startswith(("hand", "packet")))
    names = {"".join(word.capitalize() for word in code.lower().split("_"))
             for code in re.findall(r"WG_ERROR_([A-Z_]+)", source)}
    names |= {"UnknownOption", "NotAuthorized"}  # common's: what comes before a handler
    equal(set(re.findall(r"^\.TP\n([A-Z]\w+)$", errors, re.M)), names, "errors described")


def keys_of(page):
    return set(re.findall(r"^([A-Z]\w+)=$", page, re.M))


def test_manual_has_every_key_of_the_configuration():
    source = read("src", "typing", "settings.c") + read("src", "common", "service.h")
    keys = set(re.findall(r'[{"A-Z]+,\s*\\?\s*"([A-Z]\w+)",\s*\\?\s*WG_CONFIG', source))
    check(len(keys) > 15, f"only {len(keys)} keys found in the tables")
    equal(keys_of(manual("typist.conf.5")), keys, "keys in the manual")


def test_manual_has_every_default():
    for page, source in (("typist.conf.5", "settings.c"), ("waggle-profiles.5", "profile-keys.c")):
        text = manual(page)
        rows = re.findall(r'\{[A-Z]+, "(\w+)", WG_CONFIG_\w+, "([^"]*)"', read("src", "typing", source))
        check(len(rows) > 8, f"only {len(rows)} rows found")
        for key, default in rows:
            section = text[text.index(f"\n{key}=\n") + 1:].split("\n.TP")[0].split("\n.SH")[0]
            if default and default != "50" or key == "Priority":
                check(f"Default: {default}." in section, f"{page}: {key}= has the default {default}")


def test_manual_has_every_key_of_a_profile():
    keys = set(re.findall(r'\{[A-Z]+, "(\w+)", WG_CONFIG', read("src", "typing", "profile-keys.c")))
    equal(keys_of(manual("waggle-profiles.5")), keys, "keys in the manual")


def test_shipped_profiles_are_described_and_load():
    names = {name[:-len(".conf")] for name in os.listdir(PROFILES)}
    page = manual("waggle-profiles.5")
    for name in names:
        check(re.search(rf"\b{name}\b", page), f"profile {name} is not in the manual")
        check(f"profiles.d/{name}.conf" in read("src", "typing", "meson.build"),
              f"profile {name} is not installed")
    with Typist() as typist:
        equal(set(Caller(typist).get("Profiles")), names)


def test_example_of_the_manual_loads():
    page = manual("waggle-profiles.5")
    example = page[page.index(".SH EXAMPLE"):].split(".nf\n")[1].split(".fi")[0]
    conf = manual("typist.conf.5")
    conf = conf[conf.index(".SH EXAMPLE"):].split(".nf\n")[1].split(".fi")[0]
    with Typist(start=False, config=conf) as typist:
        typist.profile("notes", example)
        typist.start()
        check("notes" in Caller(typist).get("Profiles"))


main(globals())
