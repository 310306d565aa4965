#!/usr/bin/env python3
"""Calls one tool from a script, with nothing but Python:

    ./script-client.py list_events '{"search": "order"}'
"""
import json
import subprocess
import sys

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def call(tool, arguments):
    """The result of one tool; no handshake, every request says what it needs."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
               "params": {"name": tool, "arguments": arguments, "_meta": META}}
    with subprocess.Popen(["sextant", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdin.write(json.dumps(request).encode() + b"\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
        server.stdin.close()  # it ends with its input
    return answer.get("result") or sys.exit(answer["error"]["message"])


result = call(sys.argv[1], json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"))
print(result["content"][0]["text"])
sys.exit(1 if result.get("isError") else 0)
