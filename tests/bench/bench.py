#!/usr/bin/env python3
"""Measures what the first table of docs/benchmarks.md quotes, and prints it.

usage: bench.py [--build DIR] [--data DIR] [--write] [--quick] [--no-import]

--build DIR   where sextant and tests/bench_* are (default: build)
--data DIR    a store that `sextant demo` filled (default: the one of ./dev demo, else a new one)
--write       put the figures into docs/benchmarks.md
--quick       a tenth of the repetitions, to see that it works
--no-import   leave out the import, which takes minutes

Nothing here passes or fails: tests do not judge time.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}}
FUNNELS = {
    "4 steps, by user": {
        "source": "demo", "steps": ["view_product", "add_to_cart", "checkout_started", "order_placed"],
        "within": {"value": 1, "unit": "day"}},
    "4 steps, by session, split by 2 fields": {
        "source": "demo", "steps": ["checkout_started", "shipping_entered", "payment_submitted", "order_placed"],
        "actor": "session", "within": {"value": 1, "unit": "hour"},
        "breakdown": ["device.type", "resource.service.version"]},
}


def message(method, params=None, number=1):
    body = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**(params or {}), "_meta": META}}
    return json.dumps(body, separators=(",", ":")).encode()


def call(tool, arguments, number=1):
    return message("tools/call", {"name": tool, "arguments": arguments}, number)


def note(text):
    print(f"… {text}", file=sys.stderr, flush=True)


def milliseconds(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"


def p99(values):
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]


# --- the server over its two transports ----------------------------------------------------------

class Stdio:
    def __init__(self, command, errors=subprocess.DEVNULL):
        self.started = time.perf_counter()
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0)

    def ask(self, body):
        """The answer to one message; nothing else may come in between."""
        os.write(self.child.stdin.fileno(), body + b"\n")
        parts = []
        while not parts or not parts[-1].endswith(b"\n"):
            part = os.read(self.child.stdout.fileno(), 1 << 20)
            if not part:
                sys.exit(f"the server ended after {body[:200]!r}")
            parts.append(part)
        return b"".join(parts)

    def resident_kb(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Http:
    def __init__(self, command):
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.PIPE)
        log = b""
        while not (found := re.search(rb"http://127\.0\.0\.1:(\d+)", log)):
            if not select.select([self.child.stderr], [], [], 10)[0]:
                sys.exit(f"sextant serve does not say where it listens: {log!r}")
            part = os.read(self.child.stderr.fileno(), 1 << 16)
            if not part:
                sys.exit(f"sextant serve ended: {log!r}")
            log += part
        self.port = int(found.group(1))
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def request(body):
        parsed = json.loads(body)
        name = parsed["params"].get("name")
        lines = ["POST /mcp HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
                 "Accept: application/json, text/event-stream", "MCP-Protocol-Version: 2026-07-28",
                 f"Mcp-Method: {parsed['method']}", *([f"Mcp-Name: {name}"] if name else []),
                 f"Content-Length: {len(body)}", "", ""]
        return "\r\n".join(lines).encode() + body

    def ask(self, body):
        self.socket.sendall(self.request(body))
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(1 << 20)
        head, rest = answer.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            sys.exit(f"unexpected answer: {answer[:500]!r}")
        length = int(re.search(rb"content-length:\s*(\d+)", head, re.I).group(1))
        while len(rest) < length:
            rest += self.socket.recv(1 << 20)
        return rest

    def close(self):
        self.socket.close()
        self.child.terminate()
        self.child.wait()
        self.child.stderr.close()


def result_of(answer):
    try:
        result = json.loads(answer).get("result", {})
    except json.JSONDecodeError:
        sys.exit(f"not one message: {answer[:500]!r}")
    if "structuredContent" not in result:
        sys.exit(f"no result: {answer[:500]!r}")
    return result["structuredContent"]


def timed(server, body, count):
    server.ask(body)
    times = []
    for _ in range(count):
        started = time.perf_counter()
        server.ask(body)
        times.append(time.perf_counter() - started)
    return times


# --- what is measured ----------------------------------------------------------------------------

class Bench:
    def __init__(self, options, work, store):
        self.options = options
        self.work = work
        self.store = store
        self.program = [str(options.build / "sextant")]
        self.rows = []

    def times(self, count):
        return max(3, count // 10) if self.options.quick else count

    def add(self, what, figure, target=""):
        self.rows.append((what, figure, target))
        print(f"{what}: {figure}{f'  ({target})' if target else ''}", file=sys.stderr, flush=True)

    def stdio(self, store=None):
        return Stdio([*self.program, "stdio", "--data", str(store or self.store)])

    def http(self, store=None):
        return Http([*self.program, "serve", "--listen", "127.0.0.1:0", "--data", str(store or self.store)])

    def start(self):
        """From the start of the process to its first answer, as a client that probes sees it."""
        times, resident = [], []
        for _ in range(self.times(50)):
            server = self.stdio()
            answer = server.ask(message("server/discover"))
            times.append(time.perf_counter() - server.started)
            resident.append(server.resident_kb())
            if b'"supportedVersions"' not in answer:
                sys.exit(f"unexpected answer: {answer[:500]!r}")
            server.close()
        self.add("start to first `server/discover` answer, stdio (median)", milliseconds(statistics.median(times)),
                 "below 15 ms")
        self.add("resident memory then, no engine loaded", f"{statistics.median(resident) / 1024:.1f} MB", "below 8 MB")

    def small_store(self):
        """A thousand events: what a call costs when the query costs nothing."""
        path, store = self.work / "small.csv", self.work / "small"
        lines = [f"2026-01-{1 + i % 28:02d}T00:00:00Z,view,u{i % 50}" for i in range(1000)]
        path.write_text("\n".join(["time,event,actor", *lines, ""]), encoding="utf-8")
        subprocess.run([*self.program, "import", str(path), "--source", "small", "--time", "time", "--event", "event",
                        "--actor", "actor", "--data", str(store)], check=True, stdout=subprocess.DEVNULL)
        return store

    def trivial(self):
        store = self.small_store()
        for name, start in (("stdio", self.stdio), ("HTTP keep-alive", self.http)):
            with contextlib.closing(start(store)) as server:
                result_of(server.ask(call("list_sources", {})))
                for what, body in (("`server/discover`", message("server/discover")),
                                   ("`list_sources` on 1,000 events, warm", call("list_sources", {}))):
                    times = timed(server, body, self.times(500))
                    self.add(f"{what}, {name} (median, p99)",
                             f"{milliseconds(statistics.median(times))}, {milliseconds(p99(times))}")
        with contextlib.closing(self.stdio()) as server:
            times = timed(server, call("list_sources", {}), self.times(50))
            self.add("`list_sources` on the demo, warm, stdio (median)", milliseconds(statistics.median(times)))

    def funnels(self):
        """The tool and the engine alone take turns: each has a store of its own, since a store
        belongs to one process at a time."""
        twin = self.work / "twin"
        shutil.copytree(self.store, twin, symlinks=True, ignore=shutil.ignore_patterns("lock", "*.sock"))
        bare_program = self.options.build / "tests" / "bench_bare"
        for name, arguments in FUNNELS.items():
            with contextlib.closing(self.stdio()) as server:
                body = call("run_funnel", arguments)
                explained = result_of(server.ask(call("run_funnel", {**arguments, "explain": "with"})))
                if explained["overall"]["entered"] == 0:
                    sys.exit(f"the funnel '{name}' is empty: is {self.store} a demo store?")
                queries = explained["meta"]["queries"]
                statements = self.work / "statements.json"
                statements.write_text(json.dumps(queries), encoding="utf-8")
                bare = Stdio([str(bare_program), str(twin), str(statements)], errors=None)
                with contextlib.closing(bare):
                    ours, theirs = self.alternate(server, body, bare)
            allowed = statistics.median(theirs) * 1.15 + 0.001
            self.add(f"`run_funnel` on the demo, {name} (median)", milliseconds(statistics.median(ours)),
                     f"at most {milliseconds(allowed)}")
            self.add("the same SQL on the engine alone (median)", milliseconds(statistics.median(theirs)),
                     f"ratio {statistics.median(ours) / statistics.median(theirs):.2f}")

    def alternate(self, server, body, bare):
        ours, theirs = [], []
        for i in range(self.times(60) + 5):
            bare_s = json.loads(bare.ask(b"run"))["ms"] / 1000
            started = time.perf_counter()
            server.ask(body)
            elapsed = time.perf_counter() - started
            if i >= 5:
                theirs.append(bare_s)
                ours.append(elapsed)
        return ours, theirs

    def load(self):
        with contextlib.closing(self.http()) as server:
            run = subprocess.run([str(self.options.build / "tests" / "bench_load"), str(server.port), "16",
                                  str(self.times(50) / 10)], input=Http.request(message("server/discover")),
                                 capture_output=True, check=True)
        figures = json.loads(run.stdout)
        self.add("`server/discover` over HTTP, 16 keep-alive connections",
                 f"{figures['requests'] / figures['seconds']:,.0f} requests/s")

    def imports(self):
        script = ROOT / "tests" / "bench" / "import.py"
        command = [sys.executable, str(script), "--sextant", *self.program, "--json"]
        command += ["--rows", "100000", "--repeat", "1"] if self.options.quick else ["--repeat", "3"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"import.py: {run.stderr}")
        for r in json.loads(run.stdout):
            target = "ratio {:.2f}{}".format(r["ratio"], ", at most 1.50" if r["format"] == "csv" else "")
            self.add(f"`sextant import`, {r['rows']:,} rows of {r['format']} (engine's own insert)",
                     f"{r['sextant_s']:.2f} s ({r['engine_s']:.2f} s)", target)


# --- the page ------------------------------------------------------------------------------------

def machine():
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(encoding="ascii")).group(1))
    model = re.search(r"model name\s*:\s*(.+)", pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii"))
    cores = len(os.sched_getaffinity(0))
    return (f"{cores} cores ({model.group(1) if model else platform.machine()}), {memory / (1 << 20):.0f} GB of memory, "
            f"Linux {platform.release().split('-')[0]}; other load while measuring: {os.getloadavg()[0]:.1f}.")


def table(rows):
    lines = ["| what | measured | target |", "|---|---|---|"]
    return "\n".join(lines + [f"| {what} | {figure} | {target} |" for what, figure, target in rows])


def write_page(block, name="figures"):
    text = PAGE.read_text(encoding="utf-8")
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
    if not marked.search(text):
        sys.exit(f"{PAGE.name} has no place for the figures")
    PAGE.write_text(marked.sub(lambda m: f"{m.group(1)}{block}\n{m.group(2)}", text), encoding="utf-8")


def find_store(options, work):
    """A demo store that nobody else uses."""
    if options.data.is_dir():
        return options.data
    note("filling a demo store")
    store = work / "demo"
    subprocess.run([str(options.build / "sextant"), "demo", "--data", str(store)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return store


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "build" / "demo")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-import", action="store_true")
    options = parser.parse_args()
    for name in ("sextant", "tests/bench_bare", "tests/bench_load"):
        if not (options.build / name).exists():
            sys.exit(f"{options.build / name} is missing: build with -Dtests=true")
    libraries = sorted((ROOT / "node_modules" / "@chdb").glob("lib-*/libchdb.so"))
    if libraries:
        os.environ.setdefault("SEXTANT_LIBCHDB", str(libraries[0]))
    load_before = machine()
    with tempfile.TemporaryDirectory(prefix="sextant-bench-") as name:
        work = pathlib.Path(name)
        bench = Bench(options, work, find_store(options, work))
        parts = [bench.start, bench.trivial, bench.load, bench.funnels] + ([] if options.no_import else [bench.imports])
        for part in parts:
            note(part.__name__)
            part()
    block = f"{load_before}\n\n{table(bench.rows)}"
    print(block)
    if options.write:
        write_page(block)


if __name__ == "__main__":
    main()
