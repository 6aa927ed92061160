# Part of Flashlight, under the Apache License v2.0 with LLVM Exceptions.
# See LICENSE for license information.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Sourced by the other scripts: makes .venv with the pinned packages and builds
# the project in build/. Both steps are skipped, or incremental, on later runs.
#
#   PYTHON=python3.12     the interpreter of .venv (default: the first that fits)
#   FLASHLIGHT_JOBS=4     parallel compile jobs (default: all cores)
#   CMAKE_ARGS="-D..."    more arguments for CMake's configure step

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
build="$root/build"
jobs="${FLASHLIGHT_JOBS:-$(nproc 2>/dev/null || echo 2)}"

fail() { echo "error: $*" >&2; exit 1; }
say() { echo "[$(date +%H:%M:%S)] $*"; }

# Prints the first Python from 3.10 to 3.13 that has its headers.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python}; do
    if "$candidate" - >/dev/null 2>&1 <<'PY'
import os, sys, sysconfig
header = os.path.join(sysconfig.get_paths()["include"], "Python.h")
sys.exit(0 if (3, 10) <= sys.version_info[:2] <= (3, 13) and os.path.exists(header) else 1)
PY
    then
      command -v "$candidate"
      return
    fi
  done
  fail "expected a Python from 3.10 to 3.13 with its C headers (Debian: python3-dev), found none;" \
    "name one with PYTHON=..."
}

make_venv() {
  local python
  python="$(find_python)"
  say "creating .venv with $("$python" --version) ($python)"
  if "$python" -c "import ensurepip" >/dev/null 2>&1; then
    "$python" -m venv "$venv"
  elif "$python" -m pip --version >/dev/null 2>&1; then
    # Debian's Python without python3-venv: let the outer pip fill the environment.
    "$python" -m venv --without-pip "$venv"
    "$python" -m pip -qq --python "$venv/bin/python" install pip
  else
    fail "$python has neither ensurepip nor pip (Debian: python3-venv)"
  fi
}

# install NAME...: packages of requirements/NAME.txt, once for each state of requirements/.
install() {
  local name stamp want
  for name in "$@"; do
    stamp="$venv/.installed-$name"
    want="$(cat "$root/requirements/$name.txt" "$root/requirements/constraints.txt" | cksum)"
    [[ -f "$stamp" && "$(cat "$stamp")" == "$want" ]] && continue
    say "installing requirements/$name.txt"
    # The scripts' own pip: an environment variable of the caller may name another place.
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-warn-script-location \
      -r "$root/requirements/$name.txt" -c "$root/requirements/constraints.txt"
    echo "$want" >"$stamp"
  done
}

# compile DIR [CMAKE_ARG...] -- [TARGET...]: configures and builds in DIR.
compile() {
  local dir="$1" log
  shift
  local -a configure=()
  while (($#)) && [[ "$1" != "--" ]]; do configure+=("$1"); shift; done
  (($#)) && shift
  command -v "${CXX:-c++}" >/dev/null || fail "no C++ compiler (Debian: g++)"
  mkdir -p "$dir"
  log="$dir/flashlight-build.log"
  say "building in ${dir#"$root"/} with $jobs jobs (log: ${log#"$root"/})"
  # shellcheck disable=SC2086
  if ! { cmake -G Ninja -S "$root" -B "$dir" -DPython3_EXECUTABLE="$venv/bin/python" \
      -DPython_EXECUTABLE="$venv/bin/python" "${configure[@]}" ${CMAKE_ARGS:-} &&
      ninja -C "$dir" -j "$jobs" "$@"; } >"$log" 2>&1; then
    grep -n -m 20 -E 'error|Error|FAILED' "$log" >&2 || tail -n 40 "$log" >&2
    fail "the build failed, see $log"
  fi
  say "built"
}

cd "$root"
[[ -x "$venv/bin/python" ]] || make_venv
# The tools of the environment, and nothing of another one.
unset PYTHONHOME
export VIRTUAL_ENV="$venv" PATH="$venv/bin:$PATH" PYTHONPATH="$root/python"
for tool in flashlight-opt flashlight-reduce flashlight-lsp-server; do
  PATH="$build/tools/$tool:$PATH"
done
