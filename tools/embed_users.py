"""Who uses which ClickHouse function: for each row of primitives.c, in its order, one text.

usage: embed_users.py OUT.c primitives.c FILE...
FILE is what SQL is written in: *.sql, and *.c with SQL in its texts. A function is used where a
parenthesis follows its name, or where its name is a text of its own that goes in front of one.
"""
import os
import re
import sys

# Whose functions those of a file are, by the beginning of its name; all others are every tool's.
USERS = {
    "align": "conformance_check", "anomaly": "anomaly_scan", "attribut": "attribute_conversions",
    "case_timeline": "case_timeline", "chdb": "engine", "clickhouse": "engine",
    "compare_groups": "compare_groups", "complete": "completion",
    "conformance": "conformance_check", "csv": "import", "data_quality": "data_quality", "demo": "demo",
    "describe": "describe_source", "explain_funnel": "explain_funnel", "export_log": "log", "log_": "log",
    "export_replay": "replay",
    "funnel": "run_funnel", "import": "import", "journey": "user_journey", "lifecycle": "lifecycle",
    "list_events": "list_events", "list_sources": "list_sources", "maths": "anomaly_scan, run_trend",
    "paths": "run_paths", "process": "conformance_check", "property_values": "property_values",
    "quality": "data_quality", "retention": "retention_matrix", "run_funnel": "run_funnel",
    "run_paths": "run_paths", "run_trend": "run_trend", "session": "open_session",
    "session_export": "replay", "stickiness": "stickiness", "trend": "run_trend", "usage": "usage_report",
    "useful_fields": "compare_groups, explain_funnel",
    "fields": "compare_groups, describe_source, explain_funnel", "user_journey": "user_journey",
    "watch": "watch",
}
APART = {"demo", "engine", "import"}  # no tools: named beside "every tool"
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


def user_of(path):
    name = os.path.basename(path)
    prefix = max((p for p in USERS if name.startswith(p)), key=len, default=None)
    return set(USERS[prefix].split(", ")) if prefix else {"every tool"}


def texts_of(path):
    with open(path, encoding="utf-8") as handle:
        text = handle.read()
    if path.endswith(".sql"):
        return [re.sub(r"^\s*--.*$", "", text, flags=re.M)]
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return TEXT.findall(re.sub(r'"\s*\n\s*"', "", text))


def main():
    out, table, *paths = sys.argv[1:]
    with open(table, encoding="utf-8") as handle:
        functions = re.findall(r'^    \{"(\w+)",', handle.read(), flags=re.M)
    users = {function: set() for function in functions}
    for path in paths:
        for text in texts_of(path):
            for name in [*re.findall(r"\b([a-zA-Z]\w*)\(", text), text]:
                if name in users:
                    users[name] |= user_of(path)
    unused = [name for name, found in users.items() if not found]
    if unused:
        sys.exit(f"{table}: no SQL uses {', '.join(unused)}")
    with open(out, "w", encoding="utf-8") as handle:
        handle.write('#include "primitives.h"\n\nconst char *const primitive_users[] = {\n')
        for function in functions:
            found = users[function]
            if "every tool" in found:
                found = {"every tool"} | (found & APART)
            handle.write(f'    "{", ".join(sorted(found, key=lambda x: (x != "every tool", x)))}",\n')
        handle.write("};\n")


main()
