"""Who stands in a cell."""


def strip(number, actors):
    prefix = f"{number}:"
    return {a["actor"].removeprefix(prefix) for a in actors}


def ask_actors(store, of, arguments, cell):
    """All actors of a cell and the total."""
    found, cursor, total = [], None, 0
    while True:
        page = store.call("list_actors", {"of": of, "arguments": arguments, "cell": cell,
                                          "limit": 1000, **({"cursor": cursor} if cursor else {})})
        found += page["actors"]
        total = page["total"] if not cursor else total
        cursor = page.get("cursor")
        if not cursor:
            return found, total


def check_actors(store, of, arguments, cell, want, out, number=None):
    """The actors of a cell are `want`; returns them. `number`: the case whose prefix they carry."""
    found, total = ask_actors(store, of, arguments, cell)
    got = strip(number, found) if number is not None else {a["actor"] for a in found}
    if got != set(want) or total != len(set(want)) or len(found) != total:
        out.append(f"actors of {cell}: {total}: {sorted(got)[:20]}, "
                   f"expected {len(set(want))}: {sorted(set(want))[:20]}")
    return found
