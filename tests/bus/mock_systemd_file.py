"""Unit files as mock_systemd.py reads them: the few settings that it obeys, drop-ins, templates."""

import glob
import os
import re
import shlex

SPANS = {"": 1, "s": 1, "sec": 1, "ms": 0.001, "us": 1e-6, "min": 60, "m": 60, "h": 3600}


def span(text, fallback):
    """Seconds of "1min 30s", "500ms", "infinity"."""
    if not text:
        return fallback
    if text == "infinity":
        return None
    parts = re.findall(r"([0-9.]+)\s*([a-z]*)", text)
    return sum(float(number) * SPANS[unit] for number, unit in parts)


def template_of(name):
    """ "a@b.service": "a@.service"; None for what is no instance."""
    match = re.fullmatch(r"([^@]+)@([^@]+)\.([a-z]+)", name)
    return f"{match[1]}@.{match[3]}" if match else None


def expand(text, name):
    """Specifiers."""
    stem, _dot, _kind = name.rpartition(".")
    prefix, _at, instance = stem.partition("@")
    words = {"n": name, "N": stem, "p": prefix, "i": instance, "I": instance.replace("-", "/"),
             "%": "%"}
    return re.sub(r"%([nNpiI%])", lambda m: words[m[1]], text)


class UnitFile:
    """`settings`: {(section, key): [values]}; an empty value forgets the ones before."""

    def __init__(self, directory, name):
        self.name, self.path, self.settings, self.error = name, "", {}, ""
        self.stamp = ()
        names = [name] + ([template_of(name)] if template_of(name) else [])
        for candidate in names:
            path = os.path.join(directory, candidate)
            if os.path.exists(path):
                self.path = path
                break
        self.paths = [self.path] if self.path else []
        for candidate in reversed(names):
            self.paths += sorted(glob.glob(os.path.join(directory, candidate + ".d", "*.conf")))
        if self.path:
            for path in self.paths:
                self._read(path)
            self.stamp = self.stamp_now()

    def stamp_now(self):
        return tuple((p, os.stat(p).st_mtime_ns) for p in self.paths if os.path.exists(p))

    def _read(self, path):
        section = ""
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read().replace("\\\n", " ")
        except FileNotFoundError:  # removed a moment ago
            self.path = "" if path == self.path else self.path
            return
        for line in text.splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line.startswith("["):
                section = line.strip("[]")
            elif "=" not in line or not section:
                self.error = f"{path}: \"{line}\" is no setting"
            else:
                key, value = (part.strip() for part in line.split("=", 1))
                values = self.settings.setdefault((section, key), [])
                if value:
                    values.append(expand(value, self.name))
                else:
                    values.clear()

    def get(self, section, key, fallback=""):
        values = self.settings.get((section, key))
        return values[-1] if values else fallback

    def words(self, section, key):
        return [word for value in self.settings.get((section, key), []) for word in value.split()]

    def environment(self):
        env = {}
        for value in self.settings.get(("Service", "Environment"), []):
            env.update(word.split("=", 1) for word in shlex.split(value))
        for path in self.settings.get(("Service", "EnvironmentFile"), []):
            if os.path.exists(path.lstrip("-")):
                with open(path.lstrip("-"), encoding="utf-8") as file:
                    env.update(shlex.split(line)[0].split("=", 1) for line in file
                               if "=" in line and not line.startswith("#"))
        return env

    def commands(self, key):
        """[(argv, may fail)]"""
        found = []
        for value in self.settings.get(("Service", key), []):
            flags = re.match(r"[-@:+!]*", value)[0]
            argv = shlex.split(value[len(flags):])
            if "@" in flags:
                del argv[1]
            found.append((argv, "-" in flags))
        return found
