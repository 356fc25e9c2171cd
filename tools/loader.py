# SPDX-License-Identifier: BSD-2-Clause
"""What a loader is given: the initramfs with CMD and FILES, and the files that U-Boot looks for.

`settings` maps O, RUNDIR, PKG, CMD, FILES and INITRD; what is made is put into RUNDIR.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT = os.path.join(os.path.dirname(HERE), "boot")
MIB = 1 << 20
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
PAGE = 4096
UBOOT = {"virt": "qemu_arm64", "raspi3": "rpi_3", "raspi4": "rpi_4"}


def die(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def bytes_of(text):
    """How many bytes a size like 64M or 1G is; None where it is none."""
    match = re.fullmatch(r"(\d+)([KMGT]?)(I?B)?", text.upper())
    return int(match[1]) * UNITS[match[2]] if match else None


def size_of(name, text):
    """The same of a variable's value, which must be a size."""
    size = bytes_of(text)
    if size is None:
        die(f"{name}={text}: not a size (128M, 1G ...)")
    return size


def memory_limit(settings):
    """MEM where it cannot change the machine: the kernel's parameter, in words that it knows."""
    return f"mem={size_of('MEM', settings['MEM']) >> 20}M" if settings["MEM"] else ""


def built(path):
    if not os.path.exists(path):
        die(f"{path} is not there; make builds it")
    return path


def second_archive(settings):
    """The initramfs followed by an archive with CMD and FILES; None when there is neither."""
    if not settings["CMD"] and not settings["FILES"]:
        return settings["INITRD"] or None
    base = settings["INITRD"] or built(os.path.join(settings["O"], "initramfs.cpio"))
    command = os.path.join(settings["RUNDIR"], "cmd")
    extra = os.path.join(settings["RUNDIR"], "extra.cpio")
    path = os.path.join(settings["RUNDIR"], "initrd.cpio")
    arguments = [os.path.join(HERE, "mkcpio"), "-o", extra]
    if settings["FILES"]:
        arguments += ["--tree", settings["FILES"], "/files"]
    if settings["CMD"]:
        with open(command, "wb") as stream:
            stream.write(os.fsencode(settings["CMD"]))
        arguments += ["--put", "/etc/twofold/cmd", command]
    if subprocess.run(arguments, check=False).returncode:
        die("FILES cannot be packed")
    with open(path, "wb") as stream:
        for part in (base, extra):
            with open(part, "rb") as source:
                data = source.read()
            stream.write(data + bytes(-len(data) % PAGE))
    return path


def initramfs(settings):
    """The archive that a loader puts into memory, always one."""
    return second_archive(settings) or built(os.path.join(settings["O"], "initramfs.cpio"))


def uboot(settings, board):
    """Debian's U-Boot for the board."""
    path = os.path.join(settings["PKG"], "uboot", "usr/lib/u-boot", UBOOT[board], "u-boot.bin")
    if not os.path.exists(path):
        die(f"no {path}: make run BOOT=uboot fetches it")
    return path


def uboot_files(settings, append):
    """(path on the FAT partition, file) of all that U-Boot loads."""
    conf = os.path.join(settings["RUNDIR"], "extlinux.conf")
    with open(os.path.join(BOOT, "uboot", "extlinux.conf"), encoding="utf-8") as source:
        text = source.read()
    if append.strip():
        # U-Boot replaces ${NAME}, and takes quotes and backslashes away.
        escaped = re.sub(r"([\\$'])", r"\\\1", append.strip())
        text += f"\tappend {escaped}\n"
    with open(conf, "w", encoding="utf-8") as stream:
        stream.write(text)
    return [("/Image", built(os.path.join(settings["O"], "Image"))),
            ("/initramfs.cpio", initramfs(settings)),
            ("/extlinux/extlinux.conf", conf)]


def fat_size(files, least=16 * MIB):
    """A FAT partition in which the files have room, and some is left."""
    return max(least, sum(os.path.getsize(path) for _, path in files) * 5 // 4 + 4 * MIB)


def make_card(path, fat, swap, files):
    """A disk by tools/mkcard; ends the program when it cannot be made."""
    arguments = [os.path.join(HERE, "mkcard"), "--fat", str(fat), "--swap", str(swap)]
    for target, source in files:
        arguments += ["--put", target, source]
    if subprocess.run([*arguments, path], check=False, stdin=subprocess.DEVNULL).returncode:
        die(f"{path} cannot be made")
