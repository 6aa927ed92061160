# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The cache of compiled code: kept, found again, never half-written, never trusted blindly."""

import warnings

import pytest
import torch

from cpu_harness import ATTENTION, compile_text
from flashlight import _core
from flashlight.cache import Cache, CacheError, key_of, open_cache


def files(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


def test_an_entry_is_found_again(tmp_path):
    cache = Cache(tmp_path / "new")
    key = key_of("a", b"b")
    assert cache.get(key) is None
    cache.put(key, {"text": b"one\ntwo", "code": b"\x00\xff", "none": b""})
    found = Cache(tmp_path / "new").get(key)
    assert found == {"text": b"one\ntwo", "code": b"\x00\xff", "none": b""}
    cache.put(key, {"text": b"three"})
    assert cache.get(key) == {"text": b"three"}
    assert len(files(tmp_path)) == 1  # nothing temporary is left


def test_keys_keep_their_parts_apart():
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("ab") == key_of(b"ab")


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_entry_is_compiled_again(tmp_path, damage):
    kernel = compile_text(ATTENTION, "attention", cache_dir=str(tmp_path))
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[-100] ^= 1
    path.write_bytes({"cut": data[:-5], "flip": data, "empty": b"", "text": b"{}\n"}[damage])
    again = compile_text(ATTENTION, "attention", cache_dir=str(tmp_path))
    assert again.stages["object"] == kernel.stages["object"]
    assert Cache(tmp_path).get(path.name) is not None  # and replaced


def test_a_second_compilation_only_reads(tmp_path, monkeypatch):
    first = compile_text(ATTENTION, "attention", cache_dir=str(tmp_path))

    def fail(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(_core, "cpu_compile", fail)
    second = compile_text(ATTENTION, "attention", cache_dir=str(tmp_path))
    assert second.stages["object"] == first.stages["object"]
    assert second.stages["llvm"] == first.stages["llvm"]
    q = torch.randn(2, 8, 100, 64)
    out, expected = torch.empty_like(q), torch.empty_like(q)
    second.launch([q, q, q], [out], {})
    first.launch([q, q, q], [expected], {})
    assert torch.equal(out, expected)
    with pytest.raises(AssertionError, match="compiled again"):  # another width is another key
        compile_text(ATTENTION, "attention", cache_dir=str(tmp_path), vector_bits=128)


def test_a_named_directory_must_be_writable(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CacheError, match="cannot be written"):
        compile_text(ATTENTION, "attention", cache_dir=str(blocked / "cache"))


def test_the_default_directory_need_not_be(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(Cache, "_warned", False)
    with pytest.warns(RuntimeWarning, match="compiled kernels are not kept"):
        compile_text(ATTENTION, "attention", cache_dir=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once is enough
        compile_text(ATTENTION, "attention", cache_dir=None)


def test_an_empty_name_turns_it_off(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_cache("") is None
    compile_text(ATTENTION, "attention", cache_dir="")
    assert not list(tmp_path.iterdir())
