# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled code that is kept between processes: one file an entry, named by its key.

An entry is a JSON line (the sizes of its parts, and a checksum), then the parts. It is written
to a temporary file and renamed, so that no other process sees half of it; an entry that does not
agree with its checksum counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

from .errors import CompileError


class CacheError(CompileError):
    """The cache directory that was asked for cannot be used."""


def default_directory() -> Path:
    """`flashlight` in the user's directory for caches."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "flashlight"


def key_of(*parts: str | bytes) -> str:
    """A name for what the parts determine. Unambiguous: ("ab", "c") is not ("a", "bc")."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


class Cache:
    """A directory of entries.

    Args:
        directory: where; None for the default. It is created with its first entry.

    A directory that was named and cannot be written is a CacheError; of the default one the user
    is warned once, and nothing is kept.
    """

    _warned = False

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._named = directory is not None
        self._directory = Path(directory) if directory is not None else default_directory()

    def get(self, key: str) -> dict[str, bytes] | None:
        """The parts of an entry by name, or None where there is none (or a damaged one)."""
        try:
            with self._path(key).open("rb") as file:
                header = json.loads(file.readline())
                payload = file.read()
            if hashlib.sha256(payload).hexdigest() != header["sha256"]:
                return None
            parts, start = {}, 0
            for name, size in header["parts"]:
                parts[name] = payload[start : start + size]
                start += size
            return parts if start == len(payload) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, parts: Mapping[str, bytes]) -> None:
        """Keeps an entry; an older one of this key is replaced."""
        payload = b"".join(parts.values())
        header = {
            "sha256": hashlib.sha256(payload).hexdigest(),
            "parts": [[name, len(part)] for name, part in parts.items()],
        }
        temporary = None
        try:
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                temporary = file.name
                file.write(json.dumps(header).encode() + b"\n" + payload)
            Path(temporary).replace(path)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            self._refused(error)

    def _path(self, key: str) -> Path:
        return self._directory / key[:2] / key

    def _refused(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if self._named:
            raise CacheError(
                f"the cache directory '{self._directory}' cannot be written: {reason}",
                notes=["option 'cache_dir' (or FLASHLIGHT_CACHE_DIR) names it; '' turns it off"],
            ) from None
        if not Cache._warned:
            Cache._warned = True
            warnings.warn(
                f"flashlight: compiled kernels are not kept, '{self._directory}' cannot be "
                f"written: {reason}",
                RuntimeWarning,
                stacklevel=2,
            )


def open_cache(directory: str | None) -> Cache | None:
    """The cache that option `cache_dir` asks for; None where it is ""."""
    return None if directory == "" else Cache(directory)
