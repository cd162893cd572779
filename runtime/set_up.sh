# shellcheck shell=sh disable=SC2154
# The first use: installs system packages, finds a Python and fills an environment. The launcher reads this file when
# something is missing. The launcher defines `root`, `say`, `stop`, `list`, `place` and `is_ready`, which are used here.

refuse_platform() {
    case $(uname -s) in
        Linux | Darwin) ;;
        MINGW* | MSYS* | CYGWIN*) stop 2 'Windows is not supported: use Linux or macOS (or Linux inside WSL 2)' ;;
        *) stop 2 "found the system $(uname -s); expected Linux or macOS" ;;
    esac
    [ "$(getconf LONG_BIT)" = 64 ] || stop 2 'found a 32-bit system; expected a 64-bit one, as onnxruntime needs;' \
        'on a Raspberry Pi 3 or newer install the 64-bit Raspberry Pi OS'
}

is_macos() { [ "$(uname -s)" = Darwin ]; }

# --- System packages ---------------------------------------------------------------------------------------------

apt_install() {
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install -y --no-install-recommends "$@"
    $sudo "$@" </dev/null >>"$log" 2>&1 && return
    # The package lists are empty on a new machine and out of date on an old one.
    $sudo apt-get -o DPkg::Lock::Timeout=300 update </dev/null >>"$log" 2>&1
    $sudo "$@" </dev/null >>"$log" 2>&1
}

ask_for_sudo() {
    command -v sudo >/dev/null && [ -t 0 ] || return
    say "sudo asks for your password, to install: $1"
    sudo -v
}

# need_packages NAME PACKAGE...: installs Debian packages, as root or with sudo, or prints what to type. NAME: what the
# packages are, for the messages.
need_packages() {
    reason=$1
    shift
    [ $# -gt 0 ] || return 0
    line="sudo apt-get update && sudo apt-get install -y $*"
    command -v apt-get >/dev/null || stop 2 "this machine lacks $reason and apt-get: install what Debian calls $*" \
        '(Fedora: portaudio-devel gcc gcc-c++ python3-devel; Arch: portaudio gcc python), then run this again'
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        sudo -n true 2>/dev/null || ask_for_sudo "$*" ||
            stop 2 "this machine lacks $reason; type this, then run the command again: $line"
    fi
    say "installing system packages: $*"
    apt_install "$@" || stop 1 "apt-get could not install them (details: $log); try: $line"
}

has_header() { echo "#include <$1>" | cc -E - >/dev/null 2>&1; }

# missing_packages PACKAGE...: prints those that are not installed yet; prints none on systems without dpkg.
missing_packages() {
    command -v dpkg-query >/dev/null || return 0
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

# Prints what pip needs to build PyAudio, and on Python 3.13 also python-rtmidi. $1: Python's version, $2: whether its
# headers are there, yes or no, $3: its path.
missing_for_build() {
    has_header stdio.h || printf 'gcc libc6-dev '
    has_header portaudio.h || printf 'portaudio19-dev '
    [ "$2" = yes ] || case $3 in /usr/bin/*) printf 'python%s-dev ' "$1" ;; esac
    if [ "$1" = 3.13 ]; then
        command -v c++ >/dev/null || printf 'g++ '
        command -v pkg-config >/dev/null || printf 'pkg-config '
        has_header alsa/asoundlib.h || printf 'libasound2-dev '
        has_header jack/jack.h || printf 'libjack-jackd2-dev '
    fi
}

# --- Python ------------------------------------------------------------------------------------------------------

# Prints "VERSION HAS_VENV HAS_HEADERS PATH" of a Python 3.11 to 3.13 that starts (a pyenv shim may not), preferably one
# that can make environments.
find_python() {
    second_best=
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3 /opt/homebrew/bin/python3.12; do
        answer=$("$candidate" -I -c '
import importlib.util, os, sys, sysconfig
if not (3, 11) <= sys.version_info[:2] <= (3, 13) or sys.maxsize < 2**32:
    sys.exit(1)
venv = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
headers = os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
path = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print("%d.%d" % sys.version_info[:2], "yes" if venv else "no", "yes" if headers else "no", path)
' 2>/dev/null) || continue
        case $answer in
            3.1?' yes '*) echo "$answer" && return ;;
            *) second_best=${second_best:-$answer} ;;
        esac
    done
    echo "$second_best"
}

# Prints the newest Python from 3.11 to 3.13 that Debian or Ubuntu offers in addition to python3.
offered_python() {
    for version in 3.13 3.12 3.11; do
        apt-cache show "python$version-venv" >/dev/null 2>&1 && echo "python$version-venv python$version-dev" && return
    done
}

# Finds a Python, or installs one; sets python_version, has_venv, has_headers and python.
need_python() {
    found=$(find_python)
    if [ -z "$found" ] && is_macos; then
        brew_install python@3.12
        found=$(find_python)
    elif [ -z "$found" ]; then
        # shellcheck disable=SC2046  # one word, one package
        need_packages 'Python 3.11 to 3.13' python3 python3-venv python3-dev $(missing_for_build any yes none)
        found=$(find_python)
        if [ -z "$found" ]; then
            # shellcheck disable=SC2046  # two words, two packages
            need_packages 'Python 3.11 to 3.13' $(offered_python)
            found=$(find_python)
        fi
    fi
    [ -n "$found" ] || stop 2 'no Python 3.11, 3.12 or 3.13 (64-bit) was found; install one and run this again'
    read_python "$found"
    if [ "$has_venv" = no ]; then
        # shellcheck disable=SC2046  # one word, one package
        need_packages "Python's venv module" "python$python_version-venv" \
            $(missing_for_build "$python_version" "$has_headers" "$python")
        read_python "$(find_python)"
    fi
    [ "$has_venv" = yes ] || stop 2 "$python lacks the modules venv and ensurepip; install them and run this again"
}

read_python() {
    read -r python_version has_venv has_headers python <<ANSWER
$1
ANSWER
}

brew_install() {
    command -v brew >/dev/null || stop 2 'Homebrew is missing; get it from https://brew.sh, then type: ' \
        'brew install portaudio python@3.12'
    say "installing with Homebrew: $*"
    brew install "$@" </dev/null >>"$log" 2>&1 || stop 1 "Homebrew could not install them (details: $log)"
}

need_build_tools() {
    if is_macos; then
        brew list portaudio >/dev/null 2>&1 || brew_install portaudio
        return
    fi
    # shellcheck disable=SC2046  # one word, one package
    need_packages 'the packages to build PyAudio' $(missing_for_build "$python_version" "$has_headers" "$python")
}

# --- Environments ------------------------------------------------------------------------------------------------

set_up_once() {
    refuse_platform
    log=$venv.log
    [ -w "$root" ] || stop 2 "found $root, which you cannot write to; expected your own copy; run this as its owner"
    lock
    is_ready "$kind" "$venv" "$build" || set_up
    unlock
}

# Only one set-up runs at a time. If it dies, the kernel drops its lock. Without flock (macOS) there is no lock.
lock() {
    exec 9>"$root/.venv.lock"
    command -v flock >/dev/null || return 0
    flock -n 9 || { say 'waiting for another set-up to end' && flock 9; }
}

unlock() { exec 9>&-; }

# Keeps the old environment until the new one is complete, and brings it back if that fails.
set_up() {
    started=$(date +%s)
    : >"$log"
    say "setting up $(basename "$venv"), once (details: $log)"
    if [ "$kind" != test ]; then
        need_python
        need_build_tools
    fi
    trap 'bring_back; say "set-up interrupted; the next use does it again"; exit 130' INT TERM HUP
    [ ! -e "$venv/installed.txt" ] || { rm -rf "$venv.old" && mv "$venv" "$venv.old"; }
    if ! fill_environment; then
        bring_back
        refuse_no_network
        stop 1 "set-up failed: $(grep -v '^[[:space:]]*$' "$log" | tail -n 1) (details: $log)"
    fi
    trap - INT TERM HUP
    rm -rf "$venv.old"
    [ "$kind" != runtime ] || rm -rf "$root/.venv-test"
    say "$(basename "$venv") is ready after $(($(date +%s) - started)) s"
}

bring_back() {
    rm -rf "$venv"
    [ ! -e "$venv.old" ] || mv "$venv.old" "$venv"
}

refuse_no_network() {
    if grep -q -e 'NewConnectionError' -e 'NameResolutionError' -e 'ConnectTimeoutError' "$log"; then
        stop 2 "found no connection to the Python package index; expected one for the set-up; connect and run this again"
    fi
}

fill_environment() {
    [ "$kind" != test ] || python=$root/.venv/bin/python
    rm -rf "$venv"
    "$python" -m venv "$venv" >>"$log" 2>&1 || return 1
    list "$kind" "$build" >"$venv/wanted.txt" || return 1
    say "installing Python packages into $(basename "$venv")"
    PIP_USER=0 "$venv/bin/python" -m pip install --no-input --disable-pip-version-check \
        -r "$venv/wanted.txt" </dev/null >>"$log" 2>&1 || return 1
    case $kind in
        # Playing needs neither setuptools nor pip; together they take 15 MB.
        runtime) "$venv/bin/python" -m pip uninstall -y setuptools pip >>"$log" 2>&1 || return 1 ;;
        # This environment also sees the packages of .venv, so that .venv stays free of the tests' packages.
        test) (cd "$venv" && for site in lib/python3*/site-packages; do
            echo "../../../../.venv/$site" >"$site/runtime.pth"
        done) || return 1 ;;
    esac
    # Everything in the checkout must belong to its owner, even if this runs under sudo.
    [ "$(id -u)" -ne 0 ] || chown -R "$(stat -c %u:%g "$root")" "$venv" "$log" "$root/.venv.lock" 2>/dev/null
    mv "$venv/wanted.txt" "$venv/installed.txt"
}

# --- What single commands need ----------------------------------------------------------------------------------

need_amsynth() {
    [ -z "${DSSI_PATH:-}" ] || return 0
    log=$root/.venv.log
    # shellcheck disable=SC2046  # one word, one package
    need_packages 'the synthesizer amsynth, which makes the sounds of this corpus' $(missing_packages amsynth)
}

# need_rig PACKAGE...: installs what the tests need: a JACK server and these packages.
need_rig() {
    log=$root/.venv.log
    if is_macos; then
        command -v jackd >/dev/null || brew_install jack
        return
    fi
    # shellcheck disable=SC2046  # one word, one package
    need_packages 'the programs that the tests need' $(missing_packages jackd2 "$@")
    # Newer versions of Debian have jack_wait and jack_connect in another package.
    command -v jack_wait >/dev/null || need_packages 'the programs that the tests need' jack-example-tools
}
