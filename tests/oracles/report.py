"""What ran, passed, was left out and why, and every difference."""
import json
import threading


class Family:
    def __init__(self, name):
        self.name = name
        self.ran = 0
        self.passed = 0
        self.left_out = {}  # reason: [what]
        self.differences = []  # {"case", "difference"}
        self.notes = []
        self._lock = threading.Lock()

    def skip(self, what, reason):
        with self._lock:
            self.left_out.setdefault(reason, []).append(what)

    def note(self, text):
        with self._lock:
            self.notes.append(text)

    def done(self, what, differences):
        """A case ran; `differences` is empty when it passed."""
        with self._lock:
            self.ran += 1
            self.passed += not differences
            self.differences += [{"case": what, "difference": d} for d in differences]

    def as_json(self):
        return {"family": self.name, "ran": self.ran, "passed": self.passed,
                "left_out": sum(map(len, self.left_out.values())),
                "left_out_reasons": {k: sorted(v) for k, v in sorted(self.left_out.items())},
                "differences": self.differences, "notes": self.notes}


def print_text(families):
    for family in families:
        left = sum(map(len, family.left_out.values()))
        print(f"{family.name}: {family.ran} ran, {family.passed} passed, {left} left out")
        for reason, what in sorted(family.left_out.items()):
            shown = ", ".join(sorted(what)[:3]) + (", …" if len(what) > 3 else "")
            print(f"    left out {len(what):4}  {reason}  ({shown})")
        for note in family.notes:
            print(f"    note: {note}")
        for item in family.differences:
            print(f"    DIFFERENT {item['case']}: {item['difference']}")
    ran = sum(f.ran for f in families)
    passed = sum(f.passed for f in families)
    left = sum(sum(map(len, f.left_out.values())) for f in families)
    print(f"\n{passed} passed, {ran - passed} failed, {left} left out")


def print_json(families):
    print(json.dumps({"families": [f.as_json() for f in families]}, indent=1, ensure_ascii=False))


def close(a, b, tolerance=1e-6):
    return a is not None and b is not None and abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
