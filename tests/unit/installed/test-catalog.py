#!/usr/bin/python3
"""Every MESSAGE_ID has an entry in the journal's catalog, and every entry a MESSAGE_ID."""

import pathlib
import re
import sys

import checks

TOP = pathlib.Path(sys.argv[1])
IDS = dict(
    re.findall(
        r'^#define (WG_MSG_\w+) "([0-9a-f]{32})"',
        (TOP / "src/common/message-ids.h").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
ENTRIES = re.split(r"^-- ", (TOP / "units/waggle.catalog.in").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
# no sentence of an entry may be shorter than a thought
SHORTEST = 60


def same_ids():
    catalog = [entry.split()[0] for entry in ENTRIES]
    assert IDS, "no MESSAGE_ID was found"
    assert len(catalog) == len(set(catalog)), "an ID has two entries"
    assert set(catalog) == set(IDS.values()), set(catalog) ^ set(IDS.values())


def unique_ids():
    assert len(set(IDS.values())) == len(IDS), "an ID was used twice"


def used():
    code = "".join(f.read_text(encoding="utf-8") for f in (TOP / "src").rglob("*.c"))
    unused = [name for name in IDS if not re.search(rf"\b{name}\b", code)]
    assert not unused, f"no line is ever logged with {unused}"


def all_have_one():
    """Only what is for those who look for a defect goes without."""
    for path in (TOP / "src").rglob("*.c"):
        code = path.read_text(encoding="utf-8")
        bare = re.findall(r"wg_log(?:_\w+)?\(\s*(?!LOG_DEBUG)(LOG_\w+)\s*,\s*NULL\b", code)
        assert not bare, f"{path.name}: a line of {bare[0]} without a MESSAGE_ID"


def helpful():
    for entry in ENTRIES:
        head, _, text = entry.partition("\n\n")
        for field in ("Subject: ", "Defined-By: Waggle", "Documentation: man:"):
            assert f"\n{field}" in head, f"no {field!r} in {entry}"
        text = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE).strip()
        assert len(text) >= SHORTEST, f"too short to help: {text!r}"


checks.run(
    {
        "MESSAGE_IDs and catalog agree": same_ids,
        "no MESSAGE_ID stands twice": unique_ids,
        "each MESSAGE_ID is logged": used,
        "each line that an administrator sees has one": all_have_one,
        "each entry says what to do": helpful,
    }
)
