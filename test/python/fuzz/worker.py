# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A process that judges programs, so that a crash or an endless loop is a finding like others."""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import tempfile
from pathlib import Path

SECONDS = 300


def _serve(connection, log: str) -> None:
    """Judges what comes through the connection; everything printed goes to the log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    import torch

    torch.set_num_threads(1)
    from .judge import fault

    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        connection.send(fault(*request))


class Worker:
    """A judge in a process of its own, started again when it dies."""

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self._log = Path(tempfile.mkstemp(prefix="flashlight-fuzz-", suffix=".log")[1])
        self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, str(self._log)), daemon=True)
        self._process.start()
        other.close()

    def fault(
        self, text: str, triton: bool = False, memory: bool = False
    ) -> tuple[str, str] | dict:
        """As `judge.fault`, and "crash: ..." or "hang" where the process had to be ended."""
        if self._process is None or not self._process.is_alive():
            self._start()
        try:
            self._connection.send((text, triton, memory))
            if self._connection.poll(self.seconds):
                return self._connection.recv()
            self.close()
            return "hang", f"no result after {self.seconds} s"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
            output = self._log.read_text(errors="replace")
            code = self._process.exitcode
            self._process = None
            return f"crash: {_first_words(output, code)}", f"exit code {code}\n{output[-6000:]}"

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def __del__(self):
        if sys is not None and not sys.is_finalizing():
            self.close()
            self._log.unlink(missing_ok=True)


def _first_words(output: str, code: int | None) -> str:
    for line in output.splitlines():
        if "Assertion" in line or "LLVM ERROR" in line:
            return re.sub(r"0x[0-9a-f]+|\d+", "_", line)[-200:]
    return f"exit code {code}"
