"""Folders whose tools are not compared here (yet): named, so that nothing is passed over in silence."""
import os

from report import Family

FOLDERS = {"ab": ("analyze_experiment", "no comparison written yet"),
           "nab": ("anomaly_scan", "scored by tests/oracles/nab"),
           "http": (None, "request framing: the unit tests of the HTTP parser read it"),
           "mcp_schema": (None, "schemas of the protocol: the wire tests read them")}


def run(data, _stores, offered):
    families = []
    for folder, (tool, reason) in FOLDERS.items():
        path = os.path.join(data, folder)
        if not os.path.isdir(path):
            continue
        family = Family(folder)
        for file in sorted(os.listdir(path)):
            if file.endswith(".json"):
                family.skip(file, f"tool {tool} not offered" if tool and tool not in offered
                            else reason)
        families.append(family)
    return families
