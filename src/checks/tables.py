#!/usr/bin/python3
"""What is written from the tables of types: verify.schema.json and the lists of waggle-checks(7).

    waggle-verify --types | src/checks/tables.py schema > src/checks/verify.schema.json
    waggle-verify --types | src/checks/tables.py manual PAGE   # PAGE with its lists written anew

A test compares both with what is committed, so they cannot grow apart. Never part of a build."""

import json
import re
import sys

TIME = {"type": ["string", "number"]}
KINDS = {
    "truth": {"type": ["boolean", "string"]},
    "integer": {"type": ["integer", "string"]},
    "number": {"type": ["number", "string"]},
    "text": {"type": ["string", "number"]},
    "texts": {"type": ["string", "number", "array"], "items": {"type": ["string", "number"]}},
    "time": TIME,
    "size": {"type": ["string", "number"]},
    "mode": {"type": ["string", "integer"]},
    "any": {},
}
TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
COUNT = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000}, {"type": "string", "pattern": r"\$\{"}]}
LEVEL = {"enum": ["required", "wanted"]}
SHARED = {
    "level": LEVEL,
    "priority": {"enum": ["critical", "high", "normal"]},
    "attempts": COUNT,
    "successes": COUNT,
    "pause": TIME,
    "timeout": TIME,
    "initial-delay": TIME,
    "back-off": {"type": ["number", "string"], "minimum": 1, "maximum": 100},
}
COMMON = {
    **SHARED,
    "name": {"type": "string", "minLength": 1, "pattern": "^[^@]"},
    "requires": TEXTS,
    "tags": TEXTS,
    "hint": {"type": "string"},
    "secret": {"type": "boolean"},
    "unit": {"type": "string"},
}

# Of subjects that a pattern can tell; the loader judges all of them, after variables are replaced.
PATH = "^/"
SUBJECTS = {
    "dbus": "^:|[.]",
    "directory": PATH,
    "file": PATH,
    "greenboot": PATH,
    "grpc": "^unix:/|:[0-9]+$",
    "http": "^[Hh][Tt][Tt][Pp][Ss]?://[^/]",
    "listening": "^(tcp|udp|all)$",
    "mount": PATH,
    "mysql": "^(mysql://|unix:/)",
    "port": "^((tcp|udp)[46]?:|unix:)",
    "redis": "^(redis://|unix:/)",
    "release": "^(previous$|/)",
    "sqlite": PATH,
    "tcp": ":[0-9]+$",
    "udp": ":[0-9]+$",
    "unix-socket": PATH,
}


def closed(properties, required=(), **more):
    return {
        "type": "object",
        "properties": properties,
        "patternProperties": {"^x-": True},
        "additionalProperties": False,
        "required": list(required),
        **more,
    }


def kind(key):
    return {**KINDS[key["kind"]], "description": key["help"]}


def expectations(values):
    names = {key["name"]: {"$ref": "#/$defs/matcher", "description": key["help"]} for key in values}
    rest = names.pop("*", False)
    return {"type": "object", "minProperties": 1, "properties": names, "additionalProperties": rest}


def subject(entry):
    pattern = SUBJECTS.get(entry["name"])
    told = {"pattern": pattern + r"|\$\{"} if pattern else {"minLength": 1}
    return {"type": ["string", "integer"], **told, "description": entry["subject"]}


def check(entry):
    expect = expectations(entry["values"])
    # an option may be named like a common one ("user" of a database); the type's own word counts
    properties = {
        **COMMON,
        "expect": expect,
        "warn": expect,
        **{key["name"]: kind(key) for key in entry["options"]},
        entry["name"]: subject(entry),
    }
    return closed(properties, [entry["name"]])


def preset(entry):
    options = {key["name"]: kind(key) for key in entry["options"]}
    shared = {name: COMMON[name] for name in COMMON if name != "unit"}
    return closed({**shared, **options, "preset": {"const": entry["name"]}}, ["preset"],
                  description=entry["help"])


def matcher(operators):
    return {
        "anyOf": [
            {"type": ["string", "number", "boolean", "array"]},
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"anyOf": [{"enum": operators}, {"pattern": "^/"}]},
            },
        ]
    }


def schema(tables):
    presets = [preset(entry) for entry in tables["presets"]]
    checks = [check(entry) for entry in tables["types"]]
    settle = next((entry for entry in tables["types"] if entry["name"] == "settle"), None)
    own = {key["name"]: kind(key) for key in settle["options"]} if settle else {}
    values = expectations(settle["values"]) if settle else {}
    root = closed({
        "name": {"type": "string"},
        "deadline": TIME,
        "parallel": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 256},
                               {"type": "string", "pattern": r"\$\{"}]},
        "defaults": closed(SHARED),
        "vars": {"type": "object"},
        "checks": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/check"}, {"$ref": "#/$defs/preset"}]}},
        "presets": {"type": "array", "items": {"anyOf": [
            {"enum": [entry["name"] for entry in tables["presets"]]}, {"$ref": "#/$defs/preset"}]}},
        "groups": {"type": "array", "items": closed({
            "name": {"type": "string"}, "checks": TEXTS, "hint": {"type": "string"}, "level": LEVEL,
            "at-least": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"%$|\$\{"}]},
        }, ["name", "checks", "at-least"])},
        "waivers": {"type": "array", "items": closed({
            "check": {"type": "string"}, "reason": {"type": "string"}, "owner": {"type": "string"},
            "expires": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$|\$\{"},
        }, ["check", "reason", "owner", "expires"])},
        "settle": closed({**COMMON, **own, "for": TIME, "units": TEXTS, "expect": values, "warn": values},
                         ["units"]),
    })
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:waggle:verify-1",
        "title": "A verify file of Waggle, waggle-verify-file(5)",
        **root,
        "$defs": {
            "matcher": matcher(tables["matchers"]),
            "check": {"anyOf": checks},
            "preset": {"anyOf": presets},
        },
    }


def roff(text):
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"))


def rows(keys):
    for key in keys:
        name = "any other name" if key["name"] == "*" else key["name"]
        yield f".TP\n\\fB{roff(name)}\\fR ({key['kind']})\n{roff(key['help'])}\n"


def type_section(entry):
    yield f".SS {roff(entry['name'])}\nSubject: {roff(entry['subject'])}.\n"
    if "default" in entry:
        yield f"By itself it asserts \\fB{roff(entry['default'])}\\fR.\n"
        if "default-warn" in entry:
            yield f"It warns unless \\fB{roff(entry['default-warn'])}\\fR.\n"
    else:
        yield "It needs \\fBexpect\\fR.\n"
    if entry["options"]:
        yield ".PP\nOptions:\n"
        yield from rows(entry["options"])
    yield ".PP\nValues:\n"
    yield from rows(entry["values"])


def preset_section(entry):
    yield f".SS {roff(entry['name'])}\n{roff(entry['help'][0].upper() + entry['help'][1:])}.\n"
    yield from rows(entry["options"])


def manual(tables, page):
    for word, entries, section in (("types", tables["types"], type_section),
                                   ("presets", tables["presets"], preset_section)):
        text = "".join(part for entry in entries for part in section(entry))
        begin, end = f'.\\" {word}: written by tables.py\n', f'.\\" end of {word}\n'
        head, rest = page.split(begin)
        page = head + begin + text + end + rest.split(end, 1)[1]
    return page


def main():
    tables = json.load(sys.stdin)
    if sys.argv[1] == "schema":
        json.dump(schema(tables), sys.stdout, indent=1)
        print()
    else:
        with open(sys.argv[2], encoding="utf-8") as file:
            sys.stdout.write(manual(tables, file.read()))


if __name__ == "__main__":
    main()
