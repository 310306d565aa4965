"""open_session against recordings, as a family: rrweb.py does the work."""
import os

import rrweb
from report import Family


def run(data, _stores, offered):
    if not os.path.isdir(os.path.join(data, "rrweb")):
        return []
    family = Family("rrweb")
    if "open_session" not in offered:
        family.skip("all recordings", "tool open_session not offered")
        return [family]
    try:
        for what, complaints in rrweb.run(data):
            family.done(what, complaints)
    except rrweb.Skip as reason:
        family.skip("all recordings", str(reason))
    return [family]
