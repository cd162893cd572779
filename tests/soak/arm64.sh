#!/bin/sh
# Runs tests on an emulated Raspberry Pi 4 processor, 64-bit ARM: tests/soak/arm64.sh DIR [pytest arguments]
# By default it runs test_partitions.py, which checks bit-identical output. It cannot measure a Pi's speed.
# Needs Debian 12, qemu-user-static, and root to add another architecture's packages to apt. All files go to DIR.
set -eu

dir=$(mkdir -p "${1:?usage: tests/soak/arm64.sh DIR [pytest arguments]}" && cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- tests/runtime/engine/test_partitions.py
root=$(cd "$(dirname "$0")/../.." && pwd)
python=python3.11
libraries="libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libffi8 libssl3 libbz2-1.0 liblzma5 libuuid1 libcrypt1"

if [ ! -e "$dir/ready" ]; then
    dpkg --add-architecture arm64
    apt-get update -qq
    mkdir -p "$dir/packages" "$dir/system/proc" "$dir/wheels" "$dir/site"
    for package in $libraries $python $python-minimal lib$python-minimal lib$python-stdlib; do
        (cd "$dir/packages" && apt-get download -qq "$package:arm64")
    done
    for package in "$dir"/packages/*.deb; do dpkg-deb -x "$package" "$dir/system"; done
    # PyAudio has no wheel, and the tests run here open no device.
    grep -hv "^PyAudio" "$root/runtime/requirements.txt" "$root/tests/requirements.txt" > "$dir/requirements.txt"
    python3 -m pip download -q --only-binary=:all: --python-version 3.11 -d "$dir/wheels" \
        --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 \
        -r "$dir/requirements.txt"
    for wheel in "$dir"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$dir/site"; done
    # onnxruntime reads the processor's type from this file; without the file, it would find the real processor's type.
    cat > "$dir/system/proc/cpuinfo" << 'CPU'
processor       : 0
Features        : fp asimd evtstrm crc32 cpuid
CPU implementer : 0x41
CPU architecture: 8
CPU variant     : 0x0
CPU part        : 0xd08
CPU revision    : 3

CPU
    touch "$dir/ready"
fi

# The program starts its own interpreter again, to try instruments. The kernel cannot start it without the emulator.
cat > "$dir/python" << RUN
#!/bin/sh
exec qemu-aarch64-static -L "$dir/system" "$dir/system/usr/bin/$python" "\$@"
RUN
chmod +x "$dir/python"

cd "$root"
export PYTHONHOME="$dir/system/usr" PYTHONPATH="$dir/site:$root" PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
export QEMU_CPU=cortex-a72
as_itself="import sys; sys.executable = sys.argv.pop(1); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
exec "$dir/python" -c "$as_itself" "$dir/python" -q --noconftest -p no:cacheprovider "$@"
