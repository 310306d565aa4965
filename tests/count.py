"""Counts test cases in meson's testlog.json; prints `passed failed skipped`, and tells which did not pass.

usage: count.py TESTLOG EXIT_STATUS_OF_MESON

A program that reports its cases (cmocka's TAP, the summary of node's runner) counts as that many, any
other as one. Meson's verdict on the whole program stands above what the program said.
"""
import json
import os
import re
import sys

GOOD = {"OK", "EXPECTEDFAIL"}
NODE = re.compile(r"^\S+ (pass|fail|cancelled|skipped|todo) (\d+)\s*$", re.M)
TAP = re.compile(r"^(not )?ok \d+(?:.*?# *(SKIP|TODO))?", re.M | re.I)
BROKEN = re.compile(r"^ *(?:not ok \d+.*|\u2716 .*)\n(?:(?! *(?:not )?ok \d| *# Subtest|[\u2714\u2139]).*\n){0,40}", re.M)
LEFT_OUT = re.compile(r"^.*(?:# *SKIP|\ufe63).*$", re.M | re.I)


def count(test):
    """passed, failed, skipped of one program."""
    text = test.get("stdout") or ""
    node = {name: int(number) for name, number in NODE.findall(text)}
    if "pass" in node:
        passed, failed = node["pass"], node.get("fail", 0) + node.get("cancelled", 0)
        skipped = node.get("skipped", 0) + node.get("todo", 0)
    else:
        cases = TAP.findall(text)
        skipped = sum(1 for _, mark in cases if mark)
        failed = sum(1 for no, mark in cases if no and not mark)
        passed = len(cases) - skipped - failed
    if test["result"] == "SKIP":
        skipped = max(skipped, 1)
    elif test["result"] not in GOOD:
        failed = max(failed, 1)
    elif passed + failed + skipped == 0:
        passed = 1
    return passed, failed, skipped


def main():
    path, status = sys.argv[1], int(sys.argv[2])
    tests = []
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            tests = [json.loads(line) for line in file]
    total = [0, 0, 0]
    for test in tests:
        counts = count(test)
        total = [a + b for a, b in zip(total, counts)]
        if counts[1]:
            print(f"failed: {test['name']} ({test['result']})", file=sys.stderr)
            print("".join(BROKEN.findall(test.get("stdout") or ""))[:8000], file=sys.stderr)
        if counts[2]:
            print(f"skipped: {test['name']}, {counts[2]} of {sum(counts)}", file=sys.stderr)
            for line in LEFT_OUT.findall(test.get("stdout") or ""):
                print(f"    {line.strip()}", file=sys.stderr)
    if not tests or (status != 0 and total[1] == 0):
        print(f"failed: meson test ended with {status} after {len(tests)} tests", file=sys.stderr)
        total[1] += 1
    print(*total)


main()
