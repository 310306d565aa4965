"""The tool under test, through its command line alone: import, call, tools."""
import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def binary():
    return os.environ.get("SEXTANT_BIN") or os.path.join(ROOT, "build", "sextant")


class ToolError(Exception):
    """What `sextant call` answered with exit status 1."""

    def __init__(self, tool, error):
        super().__init__(f"{tool}: {error.get('code')} {error.get('field')}: {error.get('message')}")
        self.code = error.get("code")
        self.field = error.get("field")


class Store:
    """A store in a directory of its own. One process uses it at a time."""

    def __init__(self, path):
        self.path = path

    def _run(self, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("CLICKHOUSE_")}
        return subprocess.run([binary(), *arguments, "--data", self.path], env=env, timeout=300,
                              capture_output=True, text=True, check=False)

    def load(self, source, path, *options):
        """Imports a file; returns the report. Raises if anything was rejected."""
        done = self._run("import", path, "--source", source, "--json", *options)
        if done.returncode != 0:
            raise RuntimeError(f"import of {path} failed: {done.stderr.strip()[:2000]}")
        report = json.loads(done.stdout) if done.stdout.strip().startswith("{") else {}
        if report.get("rejected"):
            raise RuntimeError(f"import of {path} rejected {report['rejected']} rows")
        return report

    def call(self, tool, arguments):
        done = self._run("call", tool, json.dumps(arguments))
        if done.returncode == 0:
            return json.loads(done.stdout)
        try:
            error = json.loads(done.stderr.strip().splitlines()[-1])["error"]
        except (ValueError, KeyError, IndexError):
            raise RuntimeError(f"call {tool} ended with {done.returncode}: "
                               f"{done.stderr.strip()[:2000]}") from None
        raise ToolError(tool, error)


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
    done = subprocess.run([binary(), "tools", "--json"], capture_output=True, text=True, timeout=60,
                          check=True)
    listed = json.loads(done.stdout)
    listed = listed.get("tools", listed) if isinstance(listed, dict) else listed
    return {tool["name"]: tool.get("inputSchema", {}) for tool in listed}
