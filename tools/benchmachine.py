# SPDX-License-Identifier: BSD-2-Clause
"""The machine that is measured, the same for both kernels: its disks, initramfs, QEMU's command.

What it is: docs/performance.md. Used by tools/bench and tools/profile.
"""
import os
import signal
import ctypes
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
O = os.environ.get("O") or "build"
PKG = os.environ.get("PKG") or os.path.join(O, "pkg")
FOLDER = os.path.join(os.environ.get("RUNDIR") or O, "bench")
LINUX = os.path.join(PKG, "linux")
SWAP_BYTES = 512 << 20
SCRATCH_BYTES = 64 << 20
PR_SET_PDEATHSIG = 1  # linux/prctl.h
# In the order in which one needs the other; Debian builds some of them in.
MODULES = ("virtio.ko", "virtio_ring.ko", "virtio_mmio.ko", "virtio_blk.ko")

LINUX_FULL = "console=ttyAMA0 quiet loglevel=3 panic=-1 nokaslr"
LINUX_LEAN = (LINUX_FULL + " mitigations=off kpti=off init_on_alloc=0 randomize_kstack_offset=off"
              " cgroup_disable=memory apparmor=0 security=none audit=0 hardened_usercopy=off"
              " norandmaps cryptomgr.notests")


def die(text):
    sys.exit(f"bench: {text}")


def check_linux():
    if not os.path.exists(os.path.join(LINUX, "modules", "virtio_blk.ko")):
        die(f"no Linux in {LINUX}: tools/deps linux fetches it; PEER=none does without")


def make_disks(folder):
    """A swap disk and one to overwrite, both empty, made anew."""
    os.makedirs(folder, exist_ok=True)
    swap, scratch = os.path.join(folder, "swap.img"), os.path.join(folder, "scratch.img")
    for path, size in ((swap, SWAP_BYTES), (scratch, SCRATCH_BYTES)):
        with open(path, "wb") as image:
            image.truncate(size)
    environment = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    os.chmod(swap, 0o600)
    try:
        subprocess.run(["mkswap", swap], env=environment, check=True, stdin=subprocess.DEVNULL,
                       capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        die(f"no swap disk: {error}")
    return swap, scratch


def make_initrd(folder, plan, modules=()):
    """vmbench as /init, what it is to do in /plan, Linux's modules."""
    os.makedirs(folder, exist_ok=True)
    path, listing, text = (os.path.join(folder, "initrd" + end)
                           for end in (".cpio", ".list", ".plan"))
    with open(text, "w", encoding="ascii") as stream:
        stream.write("".join(line + "\n" for line in plan))
    lines = [f"dir /{name} 755" for name in ("", "dev", "proc", "tmp")]
    lines += [f"file /init {O}/user/vmbench 755", f"file /bin/outgrow {O}/user/outgrow 755",
              f"file /plan {text} 644"]
    there = [name for name in modules if os.path.exists(f"{LINUX}/modules/{name}")]
    lines += [f"file /modules/{i}-{name} {LINUX}/modules/{name} 644"
              for i, name in enumerate(there)]
    with open(listing, "w", encoding="ascii") as stream:
        stream.write("".join(line + "\n" for line in lines))
    if subprocess.run([os.path.join(HERE, "mkcpio"), "-o", path, listing], check=False).returncode:
        die("the initramfs cannot be made")
    return path


def qemu_command(kernel, append, initrd, memory="512M", cores=1, icount=True, disks=()):
    command = ["qemu-system-aarch64", "-M", "virt,gic-version=2", "-cpu", "cortex-a72",
               "-m", memory, "-smp", str(cores), "-seed", "1", "-nodefaults", "-no-reboot",
               "-display", "none", "-monitor", "none", "-serial", "stdio",
               "-semihosting-config", "enable=on,target=native",
               "-kernel", kernel, "-append", append]
    if initrd:
        command += ["-initrd", initrd]
    if icount:
        command += ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm"]
    command += ["-global", "virtio-mmio.force-legacy=false"] if disks else []
    for i, disk in enumerate(disks):
        path = disk.replace(",", ",,")
        command += ["-drive", f"file={path},if=none,format=raw,id=disk{i},cache=unsafe",
                    "-device", f"virtio-blk-device,drive=disk{i}"]
    return command


def die_with_parent():
    """In the child: no QEMU is left behind, even when this program is killed outright."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def boot(command, limit):
    """Runs it to its end, at most `limit` seconds: (what it printed, seconds, why it failed)."""
    begun = time.monotonic()
    try:
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, timeout=limit,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=die_with_parent)
        output, why = done.stdout, f"QEMU ended with status {done.returncode}"
        why = why if done.returncode else ""
    except subprocess.TimeoutExpired as expired:
        output, why = expired.stdout or b"", f"no end after {limit} seconds"
    except FileNotFoundError:
        die(f"no {command[0]} on this machine (Debian: qemu-system-arm)")
    text = output.decode("utf-8", "replace").replace("\r", "")
    return text, time.monotonic() - begun, why
