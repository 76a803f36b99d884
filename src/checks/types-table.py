#!/usr/bin/python3
"""types-table.py: the table of types as C source, for programs that read checks and never look.

    types-table.py WAGGLE-VERIFY OUTPUT

What a type looks with (sync, start) stays away, and with it every library of a protocol; such a
program knows names, options, values and defaults, and judges subjects (subjects.h). Part of the
build; written from the program's own table, so the two cannot differ."""

import json
import subprocess
import sys

KINDS = {
    "truth": "CHK_BOOL",
    "integer": "CHK_INT",
    "number": "CHK_NUMBER",
    "text": "CHK_TEXT",
    "texts": "CHK_TEXTS",
    "time": "CHK_USEC",
    "size": "CHK_BYTES",
    "mode": "CHK_MODE",
    "any": "CHK_JSON",
}


def text(value):
    return "NULL" if value is None else json.dumps(value, ensure_ascii=False)


def validator(row):
    return "chk_subject_" + row["name"].replace("-", "_") if row["judged"] else "NULL"


def keys(name, rows):
    lines = [f"static const ChkKey {name}[] = {{"]
    lines += [f"    {{{text(row['name'])}, {KINDS[row['kind']]}, {text(row['help'])}}}," for row in rows]
    return lines + ["    {NULL}};", ""]


def table(types):
    lines = ["/* Written by types-table.py; see there. */",
             '#include "checks/subjects.h"', '#include "checks/types.h"', ""]
    for i, row in enumerate(types):
        lines += keys(f"options_{i}", row["options"]) + keys(f"values_{i}", row["values"])
        lines += [
            f"static const ChkType type_{i} = {{.name = {text(row['name'])},",
            f"    .subject_help = {text(row['subject'])}, .options = options_{i}, .values = values_{i},",
            f"    .validate = {validator(row)},",
            f"    .default_value = {text(row.get('default'))}, .default_warn = {text(row.get('default-warn'))}}};",
            "",
        ]
    lines.append("const ChkType *const chk_types[] = {")
    lines += [f"    &type_{i}," for i in range(len(types))]
    return "\n".join(lines + ["    NULL};", ""])


def main():
    program, output = sys.argv[1:]
    told = subprocess.run([program, "--types"], stdout=subprocess.PIPE, check=True).stdout
    with open(output, "w", encoding="utf-8") as file:
        file.write(table(json.loads(told)["types"]))


main()
