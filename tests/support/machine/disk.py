"""The disk of the emulated machine: Debian 13 with a kernel and our package."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.support.box import INSIDE, MIRROR, SUITE, Box
from tests.support.machine.architectures import AMD64, Architecture

_MORE = "udev,kmod,initramfs-tools,e2fsprogs,zstd"
_SIZE = "3G"
# The initrd, the kernel's first file system in memory, contains only these drivers. With all drivers it would be ten
# times as large. The kernel's package would make an initrd with all drivers, so it is told to make none.
_DRIVERS = "virtio_pci\nvirtio_blk\next4\n"
_NO_INITRD = {"INITRD": "No"}
_UNIT = """[Unit]
Description=Does what the host asks for
After=local-fs.target
[Service]
ExecStart=/usr/bin/python3 /usr/local/lib/timbrebox-rig/agent.py
Restart=always
[Install]
WantedBy=multi-user.target
"""


class Machinery(NamedTuple):
    """What QEMU needs to boot; initrd: the kernel's first file system in memory."""

    architecture: Architecture
    kernel: Path
    initrd: Path
    disk: Path


def debian_with_kernel(folder: Path, architecture: Architecture = AMD64) -> Path:
    """A folder with a Debian 13 system, a kernel and our package's dependencies; the first call makes it in `folder`.

    If the architecture is not that of this machine, this machine's kernel must still be able to run programs of that
    architecture. Debian's package qemu-user-static makes it able to.
    """
    root = folder / f"{SUITE}-machine-{architecture.name}"
    made = folder / f"{root.name}.made"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        include = f"--include={INSIDE},{_MORE},linux-image-{architecture.name}"
        command = ["debootstrap", f"--arch={architecture.name}", "--variant=minbase", include, SUITE, root, MIRROR]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | _NO_INITRD)
        (root / "etc/initramfs-tools/modules").write_text(_DRIVERS)
        settings = root / "etc/initramfs-tools/initramfs.conf"
        settings.write_text(settings.read_text().replace("MODULES=most", "MODULES=list"))
        subprocess.run(["chroot", root, "update-initramfs", "-c", "-k", "all"], check=True, stdout=subprocess.DEVNULL)
        made.touch()
    return root


def bring(root: Path, material: Path) -> None:
    """Copy a folder into the Debian system `root`, where it becomes /material."""
    shutil.copytree(material, root / "material", ignore=shutil.ignore_patterns("tree"))
    (root / "etc" / "machine-id").write_text("")


def install(root: Path, material: Path, deb: str, files: dict[str, str]) -> None:
    """Install a package in the Debian system `root` while systemd runs in it, and write files there.

    material: a folder that becomes /material.
    deb: the file name of the package in this folder.
    files: the texts to write, by path.
    """
    bring(root, material)
    box = Box(root)
    box.start()
    try:
        status, said = box.run("dpkg", "-i", f"/material/{deb}")
        assert status == 0, said
        for path, text in files.items():
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o644)
        box.run("chown", "-R", "--reference=/var/lib/timbrebox", "/var/lib/timbrebox")
        box.run("systemctl", "restart", "timbrebox")
        box.wait_for_ready()
        box.stop()
    except BaseException:
        box.pull_plug()
        raise


def make_disk(root: Path, image: Path, architecture: Architecture = AMD64) -> Machinery:
    _add_agent(root)
    (root / "etc" / "fstab").write_text("/dev/vda / ext4 errors=remount-ro 0 1\n")
    image.unlink(missing_ok=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", root, image, _SIZE], check=True)
    boot = image.with_suffix(".boot")
    boot.mkdir(exist_ok=True)
    kernel, initrd = boot / "vmlinux", boot / "initrd"
    kernel.write_bytes(architecture.unpacked(next((root / "boot").glob("vmlinuz-*")).read_bytes()))
    shutil.copy2(next((root / "boot").glob("initrd.img-*")), initrd)
    return Machinery(architecture, kernel, initrd, image)


def _add_agent(root: Path) -> None:
    inside = root / "usr/local/lib/timbrebox-rig"
    inside.mkdir(parents=True, exist_ok=True)
    for name in ("agent.py", "returned.py"):
        shutil.copy2(Path(__file__).with_name(name), inside / name)
    (root / "etc/systemd/system/rig-agent.service").write_text(_UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "rig-agent.service").unlink(missing_ok=True)
    (wants / "rig-agent.service").symlink_to("/etc/systemd/system/rig-agent.service")
