"""Random paths and their actors."""
import statistics

import journeys as j
import reference_paths as reference
from cases_actors import check_actors
from report import close

PERIOD = {"source": j.SOURCE, "from": "2026-01-01", "to": "2026-03-10"}
END = j.us_of("2026-03-11")
SPECIAL = ("(drop-off)", "(other)")


def random_question(rnd):
    node = rnd.choice(["event", "event", "plan", "shift"])
    arguments = {"node": node, "actor": rnd.choice(["user", "session"]),
                 "session_gap_s": rnd.choice([1, 1800, 3600, 86400])}
    if rnd.random() < 0.5:
        arguments["steps"] = rnd.choice([2, 3, 8])
    if rnd.random() < 0.5:
        arguments["collapse_repeats"] = True
    if rnd.random() < 0.25:
        arguments["include"] = [j.random_matcher(rnd) for _ in range(rnd.randint(1, 2))]
    if rnd.random() < 0.25:
        arguments["exclude"] = [{"event": rnd.choice(j.NAMES + j.NOISE)}]
    if rnd.random() < 0.2 and node == "event":
        arguments["clean"] = rnd.choice([[{"regex": "[ab]", "alias": "ab"}],
                                         [{"regex": "^(c)$", "alias": "\\1\\1"},
                                          {"regex": "d", "alias": "x"}],
                                         [{"regex": "a", "alias": ""}]])
    names = {"event": j.NAMES, "plan": j.PLANS[1:], "shift": ["x", "y", "z"]}[node]
    for point in ("start", "end"):
        if rnd.random() < 0.25 and "clean" not in arguments:
            arguments[point] = rnd.choice(names)
    if rnd.random() < 0.3:
        arguments["edge_limit"] = rnd.choice([1, 3, 6])
    else:
        arguments["edge_limit"] = 1000
    j.restrict(rnd, arguments)
    return arguments


def check(rnd, store, actors, arguments):
    out = []
    asked = {**arguments, **PERIOD}
    key = (lambda e: e.session) if arguments["actor"] == "session" else None
    edges, stands, journeys, total = reference.paths(
        arguments, j.selected(arguments, actors, END, key))
    result = store.call("run_paths", asked)
    got = {(e["step"], e["from"], e["to"]): e for e in result["edges"]}
    if len(got) != len(result["edges"]):
        out.append("an edge is there twice")
    compare_edges(arguments, got, edges, stands, out)
    compare_journeys(result["journeys"], journeys, total, out)
    if edges and not out:
        step, node, to = rnd.choice(sorted(k for k in got if k[2] != "(other)"))
        check_actors(store, "run_paths", asked, {"step": step, "from": node, "to": to},
                     {actor for actor, _ in edges[step, node, to]}, out)
    return out


def compare_edges(arguments, got, edges, stands, out):
    real = {k: len(v) for k, v in edges.items() if k[2] not in SPECIAL}
    listed = {k: real[k] for k in got if k in real}
    if len(listed) != min(len(real), arguments["edge_limit"]):
        out.append(f"{len(listed)} edges of {len(real)}, limit {arguments['edge_limit']}")
    elif listed and len(listed) < len(real):
        least, missed = min(listed.values()), max(n for k, n in real.items() if k not in listed)
        if missed > least:
            out.append(f"an edge of {missed} is not listed, one of {least} is")
    shares = {}
    for key, edge in got.items():
        step, node, to = key
        if to == "(other)":
            want = sum(n for (s, f, t), n in real.items()
                       if (s, f) == (step, node) and (s, f, t) not in got)
        else:
            want = len(edges.get(key, []))
        if edge["count"] != want:
            out.append(f"edge {key}: {edge['count']}, expected {want}")
            continue
        if not close(edge["share"], want / stands[step, node]):
            out.append(f"edge {key}: share {edge['share']}, of {stands[step, node]}")
        shares[step, node] = shares.get((step, node), 0) + edge["share"]
        if to not in SPECIAL:
            taken = statistics.fmean(s for _, s in edges[key])
            if not close(edge.get("average_s"), taken):
                out.append(f"edge {key}: average_s {edge.get('average_s')}, expected {taken}")
    for key, share in shares.items():
        if not close(share, 1):
            out.append(f"node {key}: shares add up to {share}")


def compare_journeys(listed, journeys, total, out):
    counts = [item["count"] for item in listed]
    if counts != sorted(counts, reverse=True):
        out.append(f"journeys out of order: {counts}")
    for item in listed:
        want = journeys.get(tuple(item["path"]), 0)
        if item["count"] != want or not close(item["share"], want / max(total, 1)):
            out.append(f"journey {item}: expected {want} of {total}")
    if len(listed) < len(journeys) and sorted(journeys.values(), reverse=True)[:len(counts)] != \
            counts:
        out.append("a more frequent journey is not listed")
    if journeys and not listed:
        out.append("no journeys")
