"""What the kernel answers to whom: the allow-list of system calls, and the seccomp programs made from it.

Stage 1 binds the zygote and everything after it: an allow-list with rules on arguments; what is not named gets EPERM,
and calls that no honest Python program makes kill the process. Stage 2 is added in each task after its fork: no new
processes, no signals to others, no way to send descriptors away. Stage 3 is added to sessions and judges, which need
no threads and no files. The strictest answer of all stages counts.
"""

from __future__ import annotations

import errno

from rlar.engines.sandbox.inside.bpf import Action, Arg, Filter, Rule, allow, deny, kill
from rlar.engines.sandbox.inside.syscalls import number, words

ALLOWED = words(
    """read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range lseek fstat
    newfstatat stat lstat statx statfs fstatfs access faccessat faccessat2 getdents getdents64 getcwd chdir fchdir
    mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat readlink
    readlinkat ftruncate fallocate fsync fdatasync flock dup dup2 dup3 pipe pipe2 poll ppoll select pselect6
    epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2 timerfd_create timerfd_settime
    timerfd_gettime sendfile copy_file_range umask fadvise64 munmap mprotect mremap brk madvise msync membarrier
    exit exit_group wait4 waitid getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups
    getpgrp getpgid getsid sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
    sched_get_priority_min getpriority getrlimit setrlimit getrusage times sysinfo uname getcpu getrandom
    arch_prctl set_tid_address set_robust_list rseq futex futex_waitv nanosleep clock_nanosleep clock_gettime
    clock_getres gettimeofday time alarm setitimer getitimer timer_create timer_settime timer_gettime
    timer_getoverrun timer_delete rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend
    rt_sigtimedwait sigaltstack pause restart_syscall capget recvfrom recvmsg sendmsg shutdown getsockopt
    getsockname getpeername pidfd_open seccomp capset landlock_create_ruleset landlock_add_rule
    landlock_restrict_self"""
)

HOSTILE = words(
    """ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd bpf perf_event_open userfaultfd
    add_key request_key keyctl open_by_handle_at name_to_handle_at kexec_load kexec_file_load init_module
    finit_module delete_module fanotify_init fanotify_mark quotactl quotactl_fd acct swapon swapoff reboot syslog
    mount umount2 pivot_root fsopen fsmount fsconfig fspick open_tree move_mount mount_setattr setns unshare
    chroot io_uring_setup io_uring_enter io_uring_register iopl ioperm modify_ldt memfd_secret lookup_dcookie
    vhangup settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname nfsservctl uselib
    personality"""
)

# Without a root of its own, a task could change modes and times of the user's files, which Landlock does not cover.
# Success is faked: programs that tidy up after themselves go on.
CHANGES_OF_METADATA = words(
    """chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat"""
)

CHANGES_OF_FOLDERS = words(
    """mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat truncate"""
)

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = 0x7E020000 | 0x00000080  # CLONE_NEW* and CLONE_NEWTIME
O_WRITE = 0o3  # O_WRONLY | O_RDWR
O_TRUNC = 0o1000
O_CREAT = 0o100
AF_UNIX = 1
S_IFMT = 0o170000
# TCGETS, TIOCGWINSZ, FIONREAD, FIOCLEX, FIONCLEX, FIONBIO: what Python's io and asyncio ask
IOCTLS = (0x5401, 0x5413, 0x541B, 0x5451, 0x5450, 0x5421)
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ: signals by descriptors, memory outside limits
FCNTLS_DENIED = (8, 10, 15, 1024, 1026, 1031)
PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_NAME, PR_GET_NAME = 1, 3, 4, 15, 16
PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 23, 24, 38
PR_CAP_AMBIENT, PR_SET_VMA = 47, 0x53564D41
PRCTLS_TASK = (PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA)
PRCTLS_ZYGOTE = (*PRCTLS_TASK, PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_SET_DUMPABLE)
TIOCSTI = 0x5412


def zygote_filter(*, private_root: bool, truncate_by_landlock: bool) -> Filter:
    """Stage 1. private_root: nothing but the scratch folder is writable, so metadata may really be changed.

    truncate_by_landlock: Landlock ABI >= 3 controls truncation; else truncate(path) and O_TRUNC without write access,
    which older kernels let pass, are refused here.
    """
    f = Filter(default=deny(errno.EPERM))
    f.set(ALLOWED, allow)
    f.set(HOSTILE, kill)
    f.set(
        ["clone3"], deny(errno.ENOSYS)
    )  # its flags lie in memory, where a filter cannot look; libc falls back to clone
    f.set(["clone"], Rule(Arg(0).has_any(CLONE_NAMESPACES), deny(errno.EPERM), allow))
    f.set(["fork", "vfork"], deny(errno.EPERM))
    f.set(["kill", "tgkill"], allow)  # the zygote ends its tasks; stage 2 narrows it to the task itself
    f.set(["prlimit64"], Rule(Arg(0).is_one_of(0), allow, deny(errno.EPERM)))
    f.set(["prctl"], Rule(Arg(0).is_one_of(*PRCTLS_ZYGOTE), allow, deny(errno.EPERM)))
    f.set(["fcntl"], Rule(Arg(1).is_one_of(*FCNTLS_DENIED), deny(errno.EPERM), allow))
    f.set(["ioctl"], Rule(Arg(1).is_one_of(*IOCTLS), allow, deny(errno.EPERM)))
    f.set(["socketpair"], Rule(Arg(0).is_one_of(AF_UNIX), allow, deny(errno.EPERM)))
    f.set(["sendto"], Rule(Arg(4, wide=True).is_one_of(0), allow, deny(errno.EPERM)))
    f.set(["mmap"], allow)
    f.set(["open"], _opening(1, truncate_by_landlock))
    f.set(["openat"], _opening(2, truncate_by_landlock))
    f.set(["openat2"], deny(errno.ENOSYS))
    f.set(["creat"], deny(errno.EPERM))
    f.set(["truncate"], allow if truncate_by_landlock or private_root else deny(errno.EPERM))
    f.set(CHANGES_OF_METADATA, allow)  # of anything the user owns, where there is no private root: see stage 2
    return f


def _opening(flags: int, truncate_by_landlock: bool) -> int | Rule:
    if truncate_by_landlock:
        return allow
    return Rule(
        Arg(flags).has_any(O_TRUNC),
        Rule(Arg(flags).has_any(O_WRITE), allow, deny(errno.EPERM)),
        allow,
    )


def task_filter(pid: int, *, private_root: bool) -> Filter:
    """Stage 2, for the task `pid` (its own number, as it sees it)."""
    f = Filter(default=allow)
    no = deny(errno.EPERM)
    f.set(["clone"], Rule(Arg(0).has_any(CLONE_THREAD), allow, no))
    f.set(["kill", "tgkill"], Rule(Arg(0).is_one_of(pid), allow, no))
    f.set(["prctl"], Rule(Arg(0).is_one_of(*PRCTLS_TASK), allow, no))
    f.set(["sendmsg", "pidfd_open", "capset"], no)
    # Plain further filters can only take away; stage 3 is loaded under this one.
    f.set(["seccomp"], Rule(Arg(0).is_one_of(1), Rule(Arg(1).is_one_of(0), allow, no), no))
    if not private_root:
        f.set(CHANGES_OF_METADATA, deny(0))
    return f


def quiet_filter() -> Filter:
    """Stage 3, for sessions and judges: no threads, and nothing written to files or left in folders."""
    f = Filter(default=allow)
    no = deny(errno.EPERM)
    f.set(["clone"], no)
    f.set(["open"], Rule(Arg(1).has_any(O_WRITE | O_CREAT | O_TRUNC), no, allow))
    f.set(["openat"], Rule(Arg(2).has_any(O_WRITE | O_CREAT | O_TRUNC), no, allow))
    f.set(CHANGES_OF_FOLDERS, no)
    return f


def thread_counting_filter() -> Filter:
    """Asks a listener before each new thread. Used where no private user makes RLIMIT_NPROC count threads."""
    f = Filter(default=allow)
    f.set(["clone"], Action.NOTIFY)
    return f


def known(name: str) -> bool:
    """Whether this machine's kernel interface has a system call of that name at all."""
    return number(name) is not None
