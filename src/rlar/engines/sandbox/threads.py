"""Counting threads where the kernel's limit cannot: it counts per user, and this user has other processes too.

The task's filter asks before each new thread; whoever watches the task answers.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct

_RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_CONTINUE = 1  # let the call go on as it was made; nothing about its arguments was decided here
_NOTICE_BYTES = 80
_REPLY = struct.Struct("=QqiI")


def answer(listener: int, pid: int, most: int) -> bool:
    """Answer one question: go on, or EAGAIN as the kernel's own limit would say. False when nobody can ask any more."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    if not any(event & select.POLLIN for _, event in poll.poll(0)):
        return False  # woken by the task's end
    notice = bytearray(_NOTICE_BYTES)
    try:
        fcntl.ioctl(listener, _RECEIVE, notice)
        (number,) = struct.unpack_from("=Q", notice)
        allowed = _count(pid) <= most
        reply = _REPLY.pack(number, 0, 0 if allowed else -errno.EAGAIN, _CONTINUE if allowed else 0)
        fcntl.ioctl(listener, _SEND, reply)
    except OSError as e:
        return e.errno in (errno.ENOENT, errno.EINTR)  # the one who asked was killed meanwhile
    return True


def _count(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
    except OSError:
        return 0
