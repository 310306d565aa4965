"""Embeds Markdown pages as C: pages.h declares a table for each folder, pages.c holds them.

usage: embed_pages.py OUT.h OUT.c FOLDER/NAME.md...
A page begins with its title ("# …") and, after a blank line, one paragraph that sums it up.
"""
import json
import os
import sys

STRUCT = """struct page {
    const char *name, *title, *summary;
    const char *text; /* Markdown, title and summary included */
};
"""


def literal(text):
    return "\n".join("        " + json.dumps(line + "\n", ensure_ascii=True) for line in text.splitlines())


def page(path):
    with open(path, encoding="utf-8") as handle:
        text = handle.read().strip()
    lines = text.splitlines()
    if len(lines) < 4 or not lines[0].startswith("# ") or lines[1] or not lines[2] or lines[2].startswith("#"):
        sys.exit(f"{path}: expected a title, a blank line and a paragraph that sums the page up")
    name = os.path.basename(path).removesuffix(".md")
    entry = ", ".join(json.dumps(item, ensure_ascii=True) for item in (name, lines[0][2:], lines[2]))
    return f"    {{{entry},\n{literal(text)}}},\n"


def main():
    out_h, out_c, *paths = sys.argv[1:]
    tables = {}
    for path in paths:
        tables.setdefault(os.path.basename(os.path.dirname(path)), []).append(page(path))
    with open(out_h, "w", encoding="utf-8") as handle:
        handle.write("#pragma once\n\n" + STRUCT + "\n/* Each ends with {0}. */\n"
                     + "".join(f"extern const struct page page_{name}s[];\n" for name in tables))
    with open(out_c, "w", encoding="utf-8") as handle:
        # A page may be longer than the 4095 bytes that ISO C promises for a literal.
        handle.write("#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n#include \"pages.h\"\n\n"
                     "#include <stddef.h>\n")
        for name, pages in tables.items():
            handle.write(f"\nconst struct page page_{name}s[] = {{\n{''.join(pages)}    {{NULL, NULL, NULL, NULL}},\n}};\n")


main()
