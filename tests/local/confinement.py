"""Systems that lack a feature: functions for Local's before_exec."""

import ctypes
import errno
import os
import platform
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
NAMESPACES = 0x7E020000  # all CLONE_NEW flags
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
NOBODY = 65534

# The numbers of clone, clone3 and unshare, of signalfd4, and of close_range.
CALLS = {"x86_64": (56, 435, 272), "aarch64": (220, 435, 97)}
SIGNALFD = {"x86_64": 289, "aarch64": 74}
CLOSE_RANGE = 436

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def refuse_namespaces():
    """Refuses new namespaces by a seccomp filter, as container runtimes do."""
    clone, clone3, unshare = CALLS[platform.machine()]
    add_filter(
        (LOAD, 0, 0, 0),  # the number of the call
        (EQUAL, 5, 0, unshare),
        (EQUAL, 5, 0, clone3),  # without which the C library uses clone
        (EQUAL, 0, 2, clone),
        (LOAD, 0, 0, 16),  # the lower half of its first argument
        (ANY_BIT, 1, 0, NAMESPACES),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, FAIL | errno.EPERM),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
    )


def refuse_close_range():
    """Removes close_range(), as before Linux 5.9."""
    refuse(CLOSE_RANGE)


def refuse_signalfd():
    refuse(SIGNALFD[platform.machine()])


def refuse(call):
    add_filter(
        (LOAD, 0, 0, 0),
        (EQUAL, 1, 0, call),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
    )


def add_filter(*program):
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(program, len(program))
    filter_ = ctypes.create_string_buffer(
        struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
    )
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_, 0, 0))


def hide_proc():
    """Covers /proc with an empty folder."""
    user, group = os.geteuid(), os.getegid()
    check(LIBC.unshare(CLONE_NEWNS | (0 if user == 0 else CLONE_NEWUSER)))
    if user != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
                file.write(text)
    check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    check(LIBC.mount(b"none", b"/proc", b"tmpfs", 0, None))


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def in_child(function):
    """True when the function succeeds, in a child that then exits."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0
