"""waggle-verify --goss: goss files as people write them, their templates, and what is wrong with some."""

import base64
import json
import os
import subprocess
import tempfile

from harness import check, equal, main
from servers import Web, certificate
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


def test_a_client_certificate():
    with tempfile.TemporaryDirectory() as d:
        server, client = certificate(d), certificate(d, name="client")
        with Web({"/": (200, {}, "in")}, pem=server, authority=client + ".crt") as web:
            url = f"https://localhost:{web.port}/"
            given = {"status": 200, "ca-file": server + ".crt", "body": ["in"]}
            both = {**given, "cert-file": client + ".crt", "key-file": client + ".key"}
            code, _, said = goss("-", text=json.dumps({"http": {url: both}}))
            equal(code, 0, said)
            code, results, _ = goss("-", text=json.dumps({"http": {url: given}}))
            check(code != 0, f"without one it was let in: {results}")
            none = {**both, "key-file": "/no/such/key"}
            code, results, _ = goss("-", text=json.dumps({"http": {url: none}}))
            equal(results["checks"][0]["verdict"], "error", "a key that is not there")
            check("/no/such/key" in results["checks"][0]["text"], results["checks"][0]["text"])


def test_a_proxy():
    url = "http://no-such-host.invalid/health"
    with Web({url: (200, {}, "by proxy")}) as web:
        given = {"status": 200, "proxy": f"http://127.0.0.1:{web.port}", "body": ["by proxy"]}
        code, _, said = goss("-", text=json.dumps({"http": {url: given}}))
        equal(code, 0, said)
        equal(web.requests[0][1], url, "what the proxy was asked for")


def test_paths_of_gjson():
    hosts = {"hosts": [{"name": "a", "up": True, "load": 3}, {"name": "b", "up": False, "load": 9}]}
    good = {"hosts.#": 2, "hosts.#.name": {"contain-elements": ["a", "b"]}, "hosts.#(load>5).name": "b",
            "hosts.#(up==true)#|#": 1, "h*.0.name": "a", "hosts.0.@keys": {"consist-of": ["name", "up", "load"]}}
    code, _, said = goss("-", text=json.dumps({"matching": {"x": {"content": hosts, "matches": {"gjson": good}}}}))
    equal(code, 0, said)
    bad = {"hosts.#(name==b).load": {"lt": 5}}
    code, results, _ = goss("-", text=json.dumps({"matching": {"x": {"content": hosts, "matches": {"gjson": bad}}}}))
    equal(code, 1, "a path that finds what is wrong")
    check("hosts.#(name==b).load" in results["checks"][0]["assertions"][0]["expected"], results["checks"][0])


def refused(text, word, *args):
    code, _, said = goss("-", *args, text=text)
    equal(code, 78, f"{text}: {said}")
    check(word in said, f"{text}: {said}")


def test_what_cannot_be_said_is_refused():
    refused("file: {/x: {exist: true}}", "no such attribute")
    refused("files: {/x: {exists: true}}", "no such resource")
    refused("service: {a: {running: true, runlevels: ['3']}}", "has no equal here")
    refused("http: {'http://x/': {status: 200, proxy: 'p'}}", "is a URL")
    refused("http: {'http://x/': {status: 200, proxy: 'http://a:b@p/'}}", "a password does not belong")
    refused("http: {'http://x/': {status: 200, key-file: /k}}", '"cert-file" is missing')
    refused("matching: {a: {content: 1, matches: {be-nice: 1}}}", "there is no matcher")
    refused("matching: {a: {content: {b: 1}, matches: {gjson: {'{a,b}': 1}}}}", "multipaths")
    refused("matching: {a: {content: {b: 1}, matches: {gjson: {'b.@nosuch': 1}}}}", "no modifier")
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
        ('{{ template "x" }}', 'there is no template "x"'),
        ("{{ template x }}", "the name of a template"),
        ('{{ if true }}{{ define "x" }}{{ end }}{{ end }}', "stands in no block"),
        ('{{ define "x" }}y', "the text ends before"),
        ('{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}', "templates within more than"),
        ('{{ define "x" }}{{ $y }}{{ end }}{{ $y := 1 }}{{ template "x" }}', "there is no variable $y"),
        ('{{ fail "no such host" }}', "no such host"),
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


def rendered_all(templates):
    """The same for many at once: a process for each would take its time."""
    text = "matching:\n" + "".join(
        f"  n{i}: {{content: {template}, matches: {{equal: impossible}}}}\n" for i, template in enumerate(templates))
    code, results, said = goss("-", text=text)
    check(results, said)
    return [x["assertions"][0]["observed"] for x in results["checks"]]


def test_named_templates():
    pairs = (
        ('{{ define "a" }}{{ .n }}{{ end }}{{ template "a" (dict "n" 4) }}', "4"),
        ('{{ template "b" . }}{{ define "b" }}7{{ end }}', "7"),
        ('{{ block "c" 5 }}{{ add . 1 }}{{ end }}', "6"),
        ('{{ define "d" }}{{ $.k }}{{ end }}{{ template "d" (dict "k" 9) }}', "9"),
        ('{{ define "e" }}{{ range . }}{{ break }}{{ end }}1{{ end }}{{ range list 1 2 }}{{ template "e" list }}'
         '{{ end }}', "11"),
    )
    equal(rendered_all([p[0] for p in pairs]), [p[1] for p in pairs], "templates")


def test_rarer_functions_of_sprig():
    pairs = (
        ('{{ "abcdef" | trunc 3 | quote }}', '"abc"'), ('{{ "abcdef" | trunc -2 | quote }}', '"ef"'),
        ('{{ "abcdef" | substr 1 3 | quote }}', '"bc"'), ('{{ "/a/b/" | trimAll "/" | quote }}', '"a/b"'),
        ('{{ "a b c" | nospace | quote }}', '"abc"'), ('{{ cat "a" 1 "b" | quote }}', '"a 1 b"'),
        ('{{ title "big wide" | quote }}', '"Big Wide"'), ('{{ untitle "Big" | quote }}', '"big"'),
        ('{{ regexFind "[0-9]+" "ab12c" }}', "12"), ('{{ regexFindAll "[a-z]" "a1b2" -1 | len }}', "2"),
        ('{{ regexReplaceAll "(\\\\d)x" "1x2x" "${1}y" | quote }}', '"1y2y"'),
        ('{{ regexReplaceAllLiteral "b" "abc" "$1" | quote }}', '"a$1c"'),
        ('{{ regexSplit "[,;]" "a,b;c" -1 | join "" | quote }}', '"abc"'),
        ('{{ "x" | b64enc | b64dec | quote }}', '"x"'), ('{{ sha1sum "" | trunc 4 | quote }}', '"da39"'),
        ('{{ env "NO_SUCH_VARIABLE" | quote }}', '""'), ('{{ base "/a/b.txt" | quote }}', '"b.txt"'),
        ('{{ dir "/a/b.txt" | quote }}', '"/a"'), ('{{ ext "/a/b.txt" | quote }}', '".txt"'),
        ('{{ prepend (list 2) 1 | join "" }}', "12"), ("{{ list 1 2 3 | reverse | first }}", "3"),
        ("{{ without (list 1 2 3) 2 | len }}", "2"), ('{{ list 1 "" 0 | compact | len }}', "1"),
        ("{{ slice (list 1 2 3) 1 2 | first }}", "2"), ('{{ (set (dict "a" 1) "b" 2).b }}', "2"),
        ('{{ unset (dict "a" 1) "a" | len }}', "0"), ('{{ (merge (dict "a" 1) (dict "a" 2 "b" 3)).a }}', "1"),
        ('{{ pick (dict "a" 1 "b" 2) "a" | keys | first | quote }}', '"a"'),
        ('{{ omit (dict "a" 1 "b" 2) "a" | keys | first | quote }}', '"b"'),
        ('{{ dig "a" "b" 0 (dict "a" (dict "b" 5)) }}', "5"), ('{{ dig "a" "x" 8 (dict "a" dict) }}', "8"),
        ('{{ (split "." "1.2.3")._1 }}', "2"), ("{{ if all 1 true }}1{{ end }}", "1"),
        ("{{ if any 0 false }}1{{ else }}2{{ end }}", "2"), ('{{ kindOf (list 1) | quote }}', '"slice"'),
        ('{{ if kindIs "string" "x" }}1{{ end }}', "1"), ('{{ if deepEqual (list 1) (list 1) }}1{{ end }}', "1"),
        ("{{ add1 4 }}", "5"), ("{{ max 1 9 3 }}", "9"), ("{{ min 4 2 }}", "2"),
        ('{{ untilStep 0 10 3 | join "" | quote }}', '"0369"'),
    )
    for (template, wanted), seen in zip(pairs, rendered_all([p[0] for p in pairs]), strict=True):
        equal(seen, wanted, template)


def test_commands_have_the_environment():
    code, _, text = goss("-", text="command: {'echo $GOSS_CANARY': {exit-status: 0, stdout: [sings]}}",
                         GOSS_CANARY="sings")
    equal(code, 0, text)


main(globals())
