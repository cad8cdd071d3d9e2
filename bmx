#!/bin/sh
# Runs the command line. The first use makes the environment: uv into .bmx/tools/uv, then .venv from the locked
# requirements. Needs Python 3.11 or newer and the package registry; nothing else, and no root.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
tools=$root/.bmx/tools # with the checkout, like .venv; BMX_HOME moves only the data
venv=$root/.venv
uv=$tools/uv/bin/uv
stamp=$venv/.bmx-stamp
log=$tools/setup.log

fail() {
    printf '%s\n' "$1" >&2
    printf '→ %s\n' "$2" >&2
    exit 1
}

say() {
    if [ -t 2 ]; then printf '· %s\n' "$1" >&2; fi
}

find_python() {
    for name in ${BMX_PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

install_uv() {
    [ -x "$uv" ] && "$uv" --version >/dev/null 2>&1 && return 0
    say "Installing uv into ${tools#"$root"/}/uv"
    rm -rf "$tools/uv"
    if "$python" -m venv "$tools/uv" >"$log" 2>&1; then
        "$tools/uv/bin/python" -m pip install --quiet --require-hashes -r "$root/requirements/uv.txt" \
            >>"$log" 2>&1 && return 0
    elif "$python" -m pip --version >/dev/null 2>&1; then
        # A Python without ensurepip (Debian's, without python3-venv) that has pip all the same.
        "$python" -m pip install --quiet --require-hashes --target "$tools/uv" -r "$root/requirements/uv.txt" \
            >>"$log" 2>&1 && return 0
    fi
    sed 's/^/  /' "$log" >&2
    fail "uv could not be installed (log above)." \
        "Check that the package registry is reachable and that Python has venv or pip (Debian: apt-get install python3-venv)."
}

make_environment() {
    say "Making the environment from requirements/bmx.txt (once)"
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        "$uv" venv --quiet --clear --no-python-downloads --python "$python" "$venv"
    fi
    quiet=--quiet
    if [ -t 2 ]; then quiet=; fi
    # shellcheck disable=SC2086 # empty on a terminal, so that uv shows its progress there
    if ! "$uv" pip sync $quiet --require-hashes --python "$venv/bin/python" "$root/requirements/bmx.txt" ||
        ! "$uv" pip install --quiet --offline --no-deps --no-build-isolation \
            --python "$venv/bin/python" --editable "$root"; then
        fail "The environment could not be made." \
            "Check that the package registry is reachable, then run the command again."
    fi
}

wanted=$(cat "$root/requirements/bmx.txt" "$root/pyproject.toml" | cksum)" $root"
if [ ! -x "$venv/bin/python" ] || [ ! -x "$uv" ] || [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    python=$(find_python) || fail "BlueMoxon needs Python 3.11, 3.12 or 3.13, and found none on PATH." \
        "Install one, or name it in BMX_PYTHON."
    mkdir -p "$tools" 2>/dev/null || fail "Cannot write to $root." "Use a checkout that is yours."
    # Two first uses at once take turns; a lock whose owner is gone is taken over.
    lock=$tools/setup.lock
    until mkdir "$lock" 2>/dev/null; do
        owner=$(cat "$lock/pid" 2>/dev/null || true)
        if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
            say "Waiting for another first use (process $owner)"
            sleep 2
        else
            sleep 1
            [ "$owner" = "$(cat "$lock/pid" 2>/dev/null || true)" ] && rm -rf "$lock"
        fi
    done
    printf '%s\n' "$$" >"$lock/pid"
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT TERM
    install_uv
    if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
        make_environment
        printf '%s' "$wanted" >"$stamp"
    fi
    rm -rf "$lock"
    trap - EXIT INT TERM
fi

# Byte code is kept: without it pulumi_aws is compiled anew at each start, which takes ten seconds.
unset PYTHONDONTWRITEBYTECODE
BMX_UV=$uv exec "$venv/bin/python" -m bmx "$@"
