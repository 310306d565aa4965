"""Random paths and their actors."""
import statistics

import journeys as j
import reference_paths as reference
from cases_actors import check_actors
from report import close

PERIOD = {"from": "2026-01-01", "to": "2026-03-10"}
END = j.us_of("2026-03-11")
NODES = {"event": j.NAMES, "plan": j.PLANS[1:], "shift": ["x", "y", "z"]}


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
    if rnd.random() < 0.1:
        arguments[rnd.choice(["include", "exclude"])] = [rnd.choice(NODES[node])]
    if rnd.random() < 0.2 and node == "event":
        arguments["clean"] = rnd.choice([[{"regex": "[ab]", "alias": "ab"}],
                                         [{"regex": "^(c)$", "alias": "\\1\\1"},
                                          {"regex": "d", "alias": "x"}],
                                         [{"regex": "a", "alias": ""}]])
    for point in ("start", "end"):
        if rnd.random() < 0.25 and "clean" not in arguments:
            arguments[point] = rnd.choice(NODES[node])
    if rnd.random() < 0.3:
        arguments["edge_limit"] = rnd.choice([1, 3, 6])
    else:
        arguments["edge_limit"] = 1000
    j.restrict(rnd, arguments)
    return arguments


def check_apart(rnd, store, actors, arguments):
    """Where no actor has two events at one time, another statement may answer."""
    return check(rnd, store, j.apart(actors), arguments, j.APART)


def check(rnd, store, actors, arguments, source=j.SOURCE):
    out = []
    asked = {**arguments, "source": source, **PERIOD}
    key = (lambda e: e.session) if arguments["actor"] == "session" else None
    runs = reference.paths(arguments, j.selected(arguments, actors, END, key))
    edges = reference.edges_of(runs, arguments["edge_limit"])
    result = store.call("run_paths", asked)
    got = {(e["step"], e["from"], e["to"]): e for e in result["edges"]}
    if len(got) != len(result["edges"]):
        out.append("an edge is there twice")
    compare_edges(got, edges, out)
    compare_journeys(result["journeys"], runs, out)
    if edges and not out:
        step, node, to = rnd.choice(sorted(edges))
        check_actors(store, "run_paths", asked, {"step": step, "from": node, "to": to},
                     {actor for actor, _ in edges[step, node, to]}, out)
    return out


def compare_edges(got, edges, out):
    stands = {}
    for (step, node, _), found in edges.items():
        stands[step, node] = stands.get((step, node), 0) + len(found)
    for key in sorted(set(got) | set(edges)):
        edge, found = got.get(key), edges.get(key, [])
        if edge is None or edge["count"] != len(found):
            out.append(f"edge {key}: {edge and edge['count']}, expected {len(found)}")
            continue
        if not close(edge["share"], len(found) / stands[key[:2]]):
            out.append(f"edge {key}: share {edge['share']}, of {stands[key[:2]]}")
        taken = [s for _, s in found if s is not None]
        if taken and not close(edge.get("average_s"), statistics.fmean(taken)):
            out.append(f"edge {key}: average_s {edge.get('average_s')}, "
                       f"expected {statistics.fmean(taken)}")
    for key in stands:
        share = sum(e["share"] for k, e in got.items() if k[:2] == key)
        if not close(share, 1):
            out.append(f"node {key}: shares add up to {share}")


def compare_journeys(listed, runs, out):
    journeys, total = {}, len(runs)
    for _, nodes, _ in runs:
        path = tuple(name for _, name in nodes)
        journeys[path] = journeys.get(path, 0) + 1
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
