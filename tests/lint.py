"""Checks that need no compiler: floors, file sizes, words that must not be in the tree.

The floors are mcp < sql < tools < transports: a file may include its own floor and those below.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLOORS = ["mcp", "sql", "tools", "transports"]
TOP = set("""README.md CHANGELOG.md CONTRIBUTING.md LICENSE meson.build meson_options.txt package.json package-lock.json
    dev .ci .clang-format .clang-tidy .editorconfig .gitignore .npmrc docs examples tests""".split()) | set(FLOORS)
MAX_LINES = 800
# Split, so that this file does not contain what it looks for.
FORBIDDEN = re.compile("|".join([r"(?<![A-Za-z0-9_.])/wor" + r"k/[a-z]", "registry" + r"\.npmjs", "deb" + r"\.debian\.org"]))

problems = []


def tracked():
    names = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard", "--deduplicate"],
                           cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def floor_of_header(name):
    for level, floor in enumerate(FLOORS):
        if (ROOT / floor / name).exists():
            return level
    return 1 if name == "sql_text.h" else None


def check_includes(path, text):
    level = FLOORS.index(path.relative_to(ROOT).parts[0])
    for line in re.findall(r'^#include "([^"]+)"', text, re.M):
        found = floor_of_header(pathlib.Path(line).name)
        if found is not None and found > level:
            problems.append(f"{path.relative_to(ROOT)}: includes {line} of a floor above")


def check_header_names(paths):
    """One name, one header: the floors share their include path."""
    seen = {}
    for path in paths:
        if path.suffix == ".h" and path.relative_to(ROOT).parts[0] in FLOORS:
            other = seen.setdefault(path.name, path)
            if other is not path:
                problems.append(f"{path.relative_to(ROOT)}: a header of that name is in {other.parent.name} too")


def main():
    paths = tracked()
    check_header_names(paths)
    for name in sorted({path.relative_to(ROOT).parts[0] for path in paths} - TOP):
        problems.append(f"{name}: nothing else belongs at the top level")
    for path in paths:
        relative = path.relative_to(ROOT)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a fuzz corpus file
        if FORBIDDEN.search(text):
            problems.append(f"{relative}: names a machine path or a registry host")
        if relative.name == "package-lock.json" and '"resolved"' in text:
            problems.append(f"{relative}: holds addresses of packages; npm install with the .npmrc here leaves them out")
        if path.suffix in {".c", ".h", ".py", ".mjs"} and text.count("\n") > MAX_LINES:
            problems.append(f"{relative}: {text.count(chr(10))} lines, more than {MAX_LINES}")
        if path.suffix in {".c", ".h"} and relative.parts[0] in FLOORS:
            check_includes(path, text)
    if not paths:
        problems.append("git lists no files: nothing was checked")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
