# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The language server: the handshake, a diagnostic and a hover over a pipe."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

BAD = """func.func @main(%x: tensor<2x3xf32>) -> tensor<3x3xf32> {
  %0 = flashlight.transpose %x [1, 0] : tensor<2x3xf32> -> tensor<3x3xf32>
  return %0 : tensor<3x3xf32>
}
"""


def frame(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def frames(stream: bytes) -> list[dict[str, Any]]:
    messages = []
    while stream:
        header, _, rest = stream.partition(b"\r\n\r\n")
        size = int(header.split(b":")[1])
        messages.append(json.loads(rest[:size]))
        stream = rest[size:].lstrip()
    return messages


def test_language_server_reports_our_verifiers():
    server = shutil.which("flashlight-lsp-server")
    if server is None:
        pytest.skip("flashlight-lsp-server is not on PATH: run scripts/test")
    document = {"uri": "file:///bad.mlir", "languageId": "mlir", "version": 1, "text": BAD}
    requests = [
        {"id": 0, "method": "initialize", "params": {"capabilities": {}, "trace": "off"}},
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": document}},
        {"id": 1, "method": "shutdown"},
        {"method": "exit"},
    ]
    done = subprocess.run(
        [server], input=b"".join(map(frame, requests)), capture_output=True, timeout=60
    )
    assert done.returncode == 0
    answers = frames(done.stdout)
    capabilities = next(answer for answer in answers if answer.get("id") == 0)["result"]
    assert capabilities["serverInfo"]["name"] == "mlir-lsp-server"
    published = next(a for a in answers if a.get("method") == "textDocument/publishDiagnostics")
    messages = [d["message"] for d in published["params"]["diagnostics"]]
    assert any("expected a result of the permuted shape" in message for message in messages)
