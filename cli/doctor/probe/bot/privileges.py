"""Gaining what a bot was not given. Each attempt is one that changes nothing beyond the process that makes it."""

import ctypes
import glob
import os
import platform
import socket
import stat
import subprocess
import time

from say import name_of, say

CLONE = {"mount": 0x00020000, "user": 0x10000000, "network": 0x40000000, "process": 0x20000000}
# Unlike PTRACE_ATTACH it does not stop whom it seizes, and ends with the process that does it.
PTRACE_SEIZE = 0x4206
# Calls by which a process would reach the kernel itself. None takes -1 for any argument.
CALLS = {
    "x86_64": {"bpf": 321, "perf_event_open": 298, "init_module": 175, "kexec_load": 246, "keyctl": 250},
    "aarch64": {"bpf": 280, "perf_event_open": 241, "init_module": 105, "kexec_load": 104, "keyctl": 219},
}.get(platform.machine(), {})

libc = ctypes.CDLL(None, use_errno=True)


def run(config):
    status()
    in_child("user", "setuid 0", lambda: os.setuid(0))
    in_child("user", "setgroups", lambda: os.setgroups([0]))
    set_uid_program()
    in_child("mount", "mount", mount)
    in_child("mount", "chroot", lambda: os.chroot("/tmp"))
    for what, flag in CLONE.items():
        in_child("namespace", f"a {what} namespace", lambda flag=flag: call(libc.unshare, flag))
    attempt("raw socket", "raw packets", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close())
    attempt("raw socket", "frames", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close())
    own = socket.gethostname().encode()
    attempt("host", "the host’s name", lambda: call(libc.sethostname, own, len(own)))
    for what, number in CALLS.items():
        kernel_call(what, number)
    trace_others()


def status():
    with open("/proc/self/status", encoding="utf-8") as file:
        lines = dict(line.rstrip().split(":\t", 1) for line in file if ":\t" in line)
    for field in ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
        say("status", field, lines.get(field, "").replace("\t", " "))
    say("status", "processes", str(len([pid for pid in os.listdir("/proc") if pid.isdigit()])))


def call(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "")


def mount():
    call(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None)
    libc.umount(b"/tmp")


def attempt(kind, what, work):
    try:
        work()
        say(kind, what, "gained")
    except OSError as error:
        say(kind, what, "refused", name_of(error))


def in_child(kind, what, work):
    """In a process of its own, which ends with what it gained."""
    child = os.fork()
    if child == 0:
        try:
            attempt(kind, what, work)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def kernel_call(what, number):
    """EPERM, EACCES and ENOSYS are refusals; any other answer comes from the call itself."""
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 5) != -1:
        return say("kernel", what, "gained")
    name = name_of(OSError(ctypes.get_errno(), ""))
    say("kernel", what, "refused" if name in ("EPERM", "EACCES", "ENOSYS") else "gained", name)


def set_uid_program():
    """Starts a program that would run as root, and looks as whom it does."""
    for path in sorted(glob.glob("/usr/bin/*") + glob.glob("/bin/*") + glob.glob("/usr/sbin/*")):
        try:
            mode = os.stat(path)
        except OSError:
            continue
        if not (mode.st_mode & stat.S_ISUID and mode.st_uid == 0):
            continue
        try:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen([path], **pipes) as child:
                time.sleep(0.05)
                with open(f"/proc/{child.pid}/status", encoding="utf-8") as file:
                    uids = next(line.split()[1:] for line in file if line.startswith("Uid:"))
                child.kill()
        except (OSError, StopIteration) as error:
            return say("set-uid", path, "refused", name_of(error))
        return say("set-uid", path, "gained" if "0" in uids else "refused", f"runs as {uids[1]}")
    say("set-uid", "", "absent", "the image has no such program")


def trace_others():
    """Of its own processes it may do as it likes; of anybody else’s it must see none, or not get hold of it."""
    own, others = os.getuid(), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid != own:
                others.append(int(pid))
        except OSError:
            continue
    if not others:
        return say("ptrace", "", "absent", "no process of anybody else is in sight")
    for pid in others[:5]:
        in_child("ptrace", f"process {pid}", lambda pid=pid: call(libc.ptrace, PTRACE_SEIZE, pid, None, None))
