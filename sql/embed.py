"""Embeds *.sql files as C: sql_text.h declares one struct sql_text a file, sql_text.c defines them.

usage: embed.py OUT.h OUT.c FILE.sql...
A $slot is a dollar sign and a lower-case name; a placeholder is {name:Type}. Comment lines at the
head of a file (--) say what it answers and stay out of the binary.
"""
import json
import os
import re
import sys

SLOT = re.compile(r"\$([a-z][a-z0-9_]*)")
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*):([^{}]+)\}")


def unique(items):
    return list(dict.fromkeys(items))


def main():
    out_h, out_c, *files = sys.argv[1:]
    declarations, definitions = [], []
    for path in sorted(files, key=os.path.basename):
        name = os.path.basename(path).removesuffix(".sql")
        with open(path, encoding="utf-8") as handle:
            lines = handle.read().splitlines()
        if not lines or not lines[0].startswith("-- "):
            sys.exit(f"{path}: the first line must be a comment that says what the query answers")
        text = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip() + "\n"
        slots = unique(SLOT.findall(text))
        placeholders = unique(f"{n}:{t}" for n, t in PLACEHOLDER.findall(text))
        declarations.append(f"extern const struct sql_text sql_{name};")
        strings = "\n".join("    " + json.dumps(line + "\n", ensure_ascii=True) for line in text.splitlines())
        listing = lambda items: "".join(f"{json.dumps(item)}, " for item in items) + "NULL"
        definitions.append(
            f"const struct sql_text sql_{name} = {{\n    {json.dumps(name)},\n{strings},\n"
            f"    (const char *const[]){{{listing(slots)}}},\n"
            f"    (const char *const[]){{{listing(placeholders)}}},\n}};\n")
    with open(out_h, "w", encoding="utf-8") as handle:
        handle.write("#pragma once\n#include \"query.h\"\n\n" + "\n".join(declarations)
                     + "\n\n/* Every text, NULL-terminated. */\nextern const struct sql_text *const sql_texts[];\n")
    names = "".join(f"    &sql_{os.path.basename(p).removesuffix('.sql')},\n" for p in sorted(files, key=os.path.basename))
    with open(out_c, "w", encoding="utf-8") as handle:
        # A statement may be longer than the 4095 bytes that ISO C promises for a literal.
        handle.write("#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n"
                     "#include \"sql_text.h\"\n\n#include <stddef.h>\n\n" + "\n".join(definitions)
                     + f"\nconst struct sql_text *const sql_texts[] = {{\n{names}    NULL,\n}};\n")


main()
