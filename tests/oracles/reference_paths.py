"""Paths by the letter of the contract, one operation after the other."""
import re

from journeys import matches


def node_of(arguments, event):
    node = arguments.get("node", "event")
    name = event.name if node == "event" else event.props.get(node.removeprefix("event."), "")
    for rule in arguments.get("clean", []):
        name = re.sub(rule["regex"], rule["alias"], name)
    return name


def is_meant(point, event, name):
    """A bare string is the name of a node, an object a matcher."""
    return name == point if isinstance(point, str) else matches(point, event)


def runs_of(arguments, events):
    """[[(us, event, node)]] of one actor; events in order."""
    gap = int(arguments.get("session_gap_s", 1800) * 10**6)
    runs = []
    for event in events:
        name = node_of(arguments, event)
        if arguments.get("include") and \
                not any(is_meant(m, event, name) for m in arguments["include"]):
            continue
        if not name or any(is_meant(m, event, name) for m in arguments.get("exclude", [])):
            continue
        if not runs or event.us - runs[-1][-1][0] >= gap:
            runs.append([])
        runs[-1].append((event.us, event, name))
    return runs


def cut(arguments, run):
    """The run between start and end, or None: it lacks one of them."""
    first = 0
    if "start" in arguments:
        at = [i for i, (_, e, name) in enumerate(run) if is_meant(arguments["start"], e, name)]
        if not at:
            return None
        run, first = run[at[0]:], 1
    if "end" in arguments:
        at = [i for i, (_, e, name) in enumerate(run)
              if i >= first and is_meant(arguments["end"], e, name)]
        if not at:
            return None
        run = run[:at[0] + 1]
    return run


def limited(arguments, run):
    """(nodes [(us, name)] that are kept, whether the last of them is the last there is)"""
    nodes = [(us, name) for us, _, name in run]
    if arguments.get("collapse_repeats"):  # the last of equal neighbours stays
        nodes = [n for n, after in zip(nodes, nodes[1:] + [(None, None)]) if n[1] != after[1]]
    steps = arguments.get("steps", 5)
    if "end" in arguments and "start" not in arguments:
        return nodes[-steps:], False  # the end is where it ends: nobody drops off
    return nodes[:steps], len(nodes) < steps and "end" not in arguments


def paths(arguments, actors):
    """[(actor, [(us, name)], is over)] of all runs."""
    found = []
    for actor, events in actors.items():
        for run in runs_of(arguments, events):
            run = cut(arguments, run)
            if run:
                found.append((actor, *limited(arguments, run)))
    return found


def kept_nodes(runs, limit):
    """The nodes (place, name) that stay: the most frequent, as many as leave no more than `limit`
    of them and of edges between them."""
    stands, edges = {}, set()
    for _, nodes, _ in runs:
        places = [(place, name) for place, (_, name) in enumerate(nodes, 1)]
        for node in places:
            stands[node] = stands.get(node, 0) + 1
        edges.update(zip(places, places[1:]))
    ranked = sorted(stands, key=lambda node: (-stands[node], *node))
    kept = set()
    for node in ranked[:limit]:
        if sum({a, b} <= kept | {node} for a, b in edges) > limit:
            break
        kept.add(node)
    return kept


def edges_of(runs, limit):
    """{(step, from, to): [(actor, seconds or None)]}"""
    kept, edges = kept_nodes(runs, limit), {}
    for actor, nodes, is_over in runs:
        names = [name if (place, name) in kept else "(other)"
                 for place, (_, name) in enumerate(nodes, 1)]
        for step in range(1, len(nodes)):
            edges.setdefault((step, names[step - 1], names[step]), []).append(
                (actor, (nodes[step][0] - nodes[step - 1][0]) / 1e6))
        if is_over:
            edges.setdefault((len(nodes), names[-1], "(drop-off)"), []).append((actor, None))
    return edges
