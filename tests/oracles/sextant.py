"""The tool under test, from outside: `import`, `tools`, and calls over one `stdio` session a store."""
import json
import os
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECONDS = 300  # what one call or import may take


def binary():
    return os.environ.get("SEXTANT_BIN") or os.path.join(ROOT, "build", "sextant")


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("CLICKHOUSE_")}


class ToolError(Exception):
    """A call that was refused or failed."""

    def __init__(self, tool, text, code, field):
        super().__init__(f"{tool}: {code} {text}")
        self.code = code
        self.field = field


class Store:
    """A store in a directory of its own. One process uses it at a time, and one thread."""

    def __init__(self, path, config=None):
        self.path = path
        self.config = config
        self._process = None
        self._id = 0

    def load(self, source, path, *options):
        """Imports a file; returns the report. Raises if anything was rejected."""
        self.close()
        done = subprocess.run([binary(), "import", path, "--source", source, "--json", *options,
                               "--data", self.path], env=environment(), timeout=SECONDS,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"import of {path} failed with {done.returncode}: {done.stderr.strip()[:2000]}")
        report = json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}
        if report.get("rejected"):
            raise RuntimeError(f"import of {path} rejected {report['rejected']} rows")
        return report

    def call(self, tool, arguments):
        """The structured content of one tool call."""
        result = self._ask("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            error = result.get("_meta", {}).get("error", {})
            raise ToolError(tool, result["content"][0]["text"], error.get("code"),
                            error.get("field"))
        return result["structuredContent"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._process is None:
            return
        self._process.communicate(timeout=SECONDS)  # the end of its input ends it
        self._process = None

    def _start(self):
        self._process = subprocess.Popen(
            [binary(), "stdio", "--toolsets", "all", "--log-level", "error", "--data", self.path,
             *(["--config", self.config] if self.config else [])],
            env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            encoding="utf-8")
        self._ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                 "clientInfo": {"name": "oracles", "version": "1"}})
        self._send({"method": "notifications/initialized"})

    def _send(self, message):
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()

    def _ask(self, method, params):
        if self._process is None:
            self._start()
        self._id += 1
        watch = threading.Timer(SECONDS, self._process.kill)
        watch.start()
        try:
            self._send({"id": self._id, "method": method, "params": params})
            for line in self._process.stdout:
                answer = json.loads(line)
                if answer.get("id") == self._id and "method" not in answer:
                    break
            else:
                status, self._process = self._process.wait(), None
                raise RuntimeError(f"{method} {json.dumps(params)[:500]}: the program ended "
                                   f"with {status}")
        finally:
            watch.cancel()
        if "error" in answer:
            raise RuntimeError(f"{method} {json.dumps(params)[:500]}: {answer['error']}")
        return answer["result"]


def missing_engine(store):
    """Why nothing can be compared here: the embedded engine's library is not there. None = it is."""
    try:
        store.call("list_sources", {})
    except ToolError as error:
        if error.code == "unavailable":
            return str(error)
    return None


def tools():
    """{name: input schema} of the tools that the binary offers."""
    done = subprocess.run([binary(), "tools", "--json", "--toolsets", "all"], capture_output=True, text=True, timeout=60,
                          check=True)
    listed = json.loads(done.stdout)
    listed = listed.get("tools", listed) if isinstance(listed, dict) else listed
    return {tool["name"]: tool.get("inputSchema", {}) for tool in listed}
