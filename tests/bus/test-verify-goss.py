"""waggle-verify --goss: goss files as people write them, their templates, and what is wrong with some."""

import base64
import json
import os
import subprocess
import tempfile

from harness import check, equal, main
from servers import Web
from verify import LIMIT, PROGRAM

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goss")


def goss(file, *args, text=None, **env):
    done = subprocess.run(
        [PROGRAM, "--goss", "--format=json", *args, file],
        input=text and text.encode(), capture_output=True, timeout=LIMIT, env=dict(os.environ, **env),
    )
    results = json.loads(done.stdout) if done.stdout else None
    return done.returncode, results, done.stderr.decode()


def test_a_whole_host():
    code, results, text = goss(f"{HERE}/base.yaml", f"--vars={HERE}/vars.yaml", GOSS_TEST="with", HOME="/root")
    wrong = [(c["name"], c.get("text")) for c in results["checks"] if c["verdict"] != "pass"]
    equal((code, wrong), (0, []), text)
    names = [c["name"] for c in results["checks"]]
    for name in ("file /etc/group", "group root", "package no-such-package-42", "matching user-bob", "command json"):
        check(name in names, f"{name} is missing: {names}")
    check("command skipped" not in names, "a skipped one was run")


def test_what_does_not_hold_fails():
    code, results, _ = goss(f"{HERE}/base.yaml", f"--vars={HERE}/vars.yaml", GOSS_TEST="without")
    wrong = [c["name"] for c in results["checks"] if c["verdict"] != "pass"]
    equal((code, wrong), (1, ["package this-would-fail"]), "the other branch")


def test_a_web_service():
    answer = (200, {"Content-Type": "application/json"}, '{"status": "healthy"}')
    with Web({"/health": answer}) as web, tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        with open("/proc/self/comm", encoding="utf-8") as comm:
            json.dump({"port": web.port, "process": comm.read().strip()}, f)
        f.flush()
        code, results, text = goss(f"{HERE}/service.yaml", f"--vars={f.name}")
        wrong = [(c["name"], c.get("text")) for c in results["checks"] if c["verdict"] != "pass"]
        equal((code, wrong), (0, []), text)
        health = next(h for method, path, h, body in web.requests if path == "/health")
        equal(health["X-Test"], "yes", "header")
        equal(health["Authorization"], "Basic " + base64.b64encode(b"me:secret").decode(), "credentials")


def refused(text, word, *args):
    code, _, said = goss("-", *args, text=text)
    equal(code, 78, f"{text}: {said}")
    check(word in said, f"{text}: {said}")


def test_what_cannot_be_said_is_refused():
    refused("file: {/x: {exist: true}}", "no such attribute")
    refused("files: {/x: {exists: true}}", "no such resource")
    refused("http: {'http://x/': {status: 200, proxy: 'http://p/'}}", "has no equal here")
    refused("matching: {a: {content: 1, matches: {be-nice: 1}}}", "there is no matcher")
    refused("matching: {a: {content: {b: 1}, matches: {gjson: {'b.#': 1}}}}", "only plain paths")
    refused("gossfile: {nowhere.yaml: {}}", "nowhere.yaml")
    refused("- a list", "is a map of resources")


def test_templates_that_are_wrong_name_their_line():
    for text, word in (
        ("a: 1\n{{ if }}x{{ end }}", "stdin:2: expected a value or a function"),
        ("{{ nosuch 1 }}", "stdin:1: there is no function"),
        ("{{ if true }}x", "the text ends before {{end}}"),
        ("x{{ end }}", "{{end}} without a block"),
        ('\n\n{{ "open }}', "stdin:3: expected the quotation mark"),
        ("{{ $x }}", "there is no variable $x"),
        ("{{ .Vars.a.b }}", "there is no .b"),
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ('{{ range until 1000 }}{{ "x" | repeat 40000 }}{{ end }}', "bytes of output"),
        ('{{ readFile "/no/such/file" }}', "readFile"),
        ("{{ div 1 0 }}", "division by 0"),
        ("{{ " + "(" * 100 + "1" + ")" * 100 + " }}", "more than"),
        ('{{ template "x" }}', "named templates"),
        ("{{/* no end", "comment does not end"),
    ):
        refused(text, word)


def rendered(template, *args):
    """What a template prints, told by a value that is compared with itself."""
    code, results, text = goss("-", *args, text="matching: {a: {content: " + template + ", matches: {equal: impossible}}}")
    check(results, text)
    return results["checks"][0]["assertions"][0]["observed"]


def test_functions():
    for template, wanted in (
        ("{{ add 1 2 3 }}", "6"),
        ("{{ len (list 1 2 3) }}", "3"),
        ('{{ index (dict "a" 7) "a" }}', "7"),
        ('{{ join "-" (list "a" "b") | quote }}', '"a-b"'),
        ('{{ printf "%05d" 42 | quote }}', '"00042"'),
        ('{{ ternary 1 2 false }}', "2"),
        ('{{ splitList "," "c,a,b" | sortAlpha | first }}', '"a"'),
        ('{{ with $x := 5 }}{{ $x }}{{ end }}', "5"),
        ("{{ $n := 0 }}{{ range until 4 }}{{ $n = add $n . }}{{ end }}{{ $n }}", "6"),
        ("{{ range $i, $e := list 7 8 }}{{ if eq $i 1 }}{{ $e }}{{ end }}{{ end }}", "8"),
        ("{{ range list 1 2 3 }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "1"),
        ('{{ if and (gt 2 1) (not false) }}1{{ else }}0{{ end }}', "1"),
        ('{{ if eq "a" "b" }}1{{ else if eq "a" "a" }}2{{ else }}3{{ end }}', "2"),
        ('{{ range list }}x{{ else }}9{{ end }}', "9"),
        ('{{ (fromJson "{\\"k\\": [4]}").k | first }}', "4"),
        ('{{ "aBc" | toUpper | trimPrefix "A" | quote }}', '"BC"'),
        ('{{ getEnv "NO_SUCH_VARIABLE" "fallback" }}', '"fallback"'),
        ('{{ if "centos" | regexMatch "[Cc]ent(OS|os)" }}1{{ end }}', "1"),
        ('{{/* nothing */}}{{ 1.5 }}', "1.5"),
    ):
        equal(rendered(template), wanted, template)


main(globals())
