"""Faults that strace injects: the list of a command's system calls, and runs of it in which one of
them fails, or that are killed at one.

How strace 6.1 counts: `when=N` is the Nth call of that name *of each thread*, loader included (a
program's main thread goes on with the number of its loader), and with -P the Nth of those on the
path. So a call of the main thread is named by its number alone. One of another thread is named by
its path, too: with the number alone, the loader's call of that number would fail, and the program
would not begin. Where several threads make an Nth call of that kind all of them fail, which is a
harder fault. --seccomp-bpf leaves all other calls at their speed.
"""

import collections
import concurrent.futures
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

# What each kind of system call can fail with, by the names that strace has for both. A short write
# cannot be injected, since strace leaves out the call whose result it makes up: file size limits
# and small disks give real ones.
ERRORS = {
    "write": ["ENOSPC", "EIO", "EINTR"],
    "pwrite64": ["ENOSPC", "EIO", "EINTR"],
    "writev": ["ENOSPC", "EIO"],
    "copy_file_range": ["ENOSPC", "EIO"],
    "sendfile": ["ENOSPC", "EIO"],
    "fsync": ["EIO", "ENOSPC"],
    "fdatasync": ["EIO", "ENOSPC"],
    "ftruncate": ["EIO", "ENOSPC"],
    "fallocate": ["ENOSPC", "EIO"],
    "close": ["EIO", "ENOSPC"],
    "open": ["EMFILE", "EIO"],
    "openat": ["EMFILE", "EIO", "ENOMEM"],
    "creat": ["ENOSPC", "EIO"],
    "memfd_create": ["EMFILE", "ENOMEM"],
    "mkdir": ["ENOSPC", "EIO"],
    "link": ["EIO", "ENOSPC"],
    "symlink": ["EIO", "ENOSPC"],
    "rename": ["EIO", "ENOSPC"],
    "renameat2": ["EIO", "ENOSPC"],
    "unlink": ["EIO", "EPERM"],
    "rmdir": ["EIO"],
    "fchmod": ["EIO", "EPERM"],
    "chmod": ["EIO", "EPERM"],
    "utimensat": ["EIO", "EPERM"],
    "read": ["EIO", "EINTR"],
    "pread64": ["EIO", "EINTR"],
    "readlink": ["EIO", "ENOMEM"],
    "lseek": ["EIO"],
    "getdents64": ["EIO", "ENOMEM"],
    "newfstatat": ["EIO", "ENOMEM"],
    "fstat": ["EIO"],
    "stat": ["EIO", "ENOMEM"],
    "lstat": ["EIO", "ENOMEM"],
    "statx": ["EIO", "ENOMEM"],
    "access": ["EIO", "ENOMEM"],
    "fcntl": ["ENOLCK"],
    "flock": ["ENOLCK", "EINTR"],
    "getcwd": ["ENOMEM"],
    "mmap": ["ENOMEM"],
    "mremap": ["ENOMEM"],
    "mprotect": ["ENOMEM"],
    "munmap": ["ENOMEM"],
    "brk": ["ENOMEM"],
    "madvise": ["ENOMEM", "EAGAIN"],
    "pipe2": ["EMFILE"],
    "clone": ["EAGAIN"],
    "clone3": ["EAGAIN", "ENOMEM"],
    "sched_getaffinity": ["EINVAL"],
    "socket": ["EMFILE"],
    "socketpair": ["EMFILE"],
    "connect": ["ECONNREFUSED"],
    "sendto": ["ECONNRESET"],
    "recvfrom": ["ECONNRESET"],
    "poll": ["EINTR"],
}
# What allocators ask for. AddressSanitizer ends the process where it gets none.
MEMORY = ["mmap", "mremap", "mprotect", "munmap", "brk", "madvise", "clone", "clone3"]
# Those that change files: where a run is killed.
CHANGES = ["write", "pwrite64", "writev", "copy_file_range", "sendfile", "fsync", "fdatasync",
           "ftruncate", "fallocate", "openat", "mkdir", "link", "symlink", "rename", "renameat2",
           "unlink", "fchmod", "utimensat"]

# The first system call of the program's own main() is to open this (app/terminal).
MAIN_BEGINS = '"/dev/null", O_WRONLY'

LINE = re.compile(r"(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$")
# "text", or 3</path> and AT_FDCWD</path>: what -P compares with.
PATH = re.compile(r'"((?:[^"\\]|\\.)*)"|\b(?:\d+|AT_FDCWD)<(/[^>]*)>')


def need_program(name, package):
    if shutil.which(name) is None:
        sys.exit(f"missing {name}: apt-get install {package}")


@dataclass(frozen=True)
class Call:
    """A system call that a run makes, as strace is to be told of it."""
    name: str
    number: int  # of the calls of that name of its thread, on that path if one is set
    path: str = ""
    text: str = field(default="", compare=False)  # what was traced, for people

    def moved(self, one, other):
        """The same call of a run in another folder."""
        return replace(self, path=self.path.replace(str(one), str(other)))

    def failing(self, error):
        """The options by which it fails. Of brk the kernel gives the old end of the heap, and no
        error number; to the C library any end that is too low says the same."""
        return self.options("retval=0" if self.name == "brk" else f"error={error}")

    def killing(self):
        return self.options("signal=SIGKILL")

    def options(self, fault):
        words = ["-e", f"trace={self.name}", "-e", f"inject={self.name}:{fault}:when={self.number}"]
        return ["-P", self.path, *words] if self.path else words

    def __str__(self):
        return f"{self.name} {self.number}{' of ' + self.path if self.path else ''}"


def strace(log, *options):
    """A command's prefix. Signals are not injected with --seccomp-bpf, so that it is left out where
    `options` ask for one."""
    fast = [] if any("signal=" in option for option in options) else ["--seccomp-bpf"]
    return ["strace", "-f", "-y", *fast, "-o", str(log), *options]


def listing(names=tuple(ERRORS), paths=()):
    """The options by which strace lists the calls of those names, on those paths if there are any."""
    # Names that this processor's system does not have are left out by the question mark.
    words = ["-e", "trace=" + ",".join(f"?{name}" for name in names)]
    return [*words, *(word for path in paths for word in ("-P", str(path)))]


def lines_of(log):
    """(thread, name, the rest of the line) of each system call that was traced, in their order."""
    begun = {}
    for line in Path(log).read_text(errors="surrogateescape").splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        thread = found[1]
        if found[2] and found[3].endswith("<unfinished ...>"):
            begun[thread] = (found[2], found[3].removesuffix("<unfinished ...>"))
        elif found[2]:
            yield thread, found[2], found[3]
        elif thread in begun:
            name, text = begun.pop(thread)
            yield thread, name, text + found[5]


def paths_in(text):
    """Those of a call's arguments."""
    arguments = text.rsplit(" = ", 1)[0]
    return [string or behind for string, behind in PATH.findall(arguments) if string or behind]


def calls_in(log):
    """The system calls of a run that was traced by listing(), from main() on, but those that failed
    anyway; and how many are left out: of other threads, where strace cannot tell them from the
    loader's, and oneDNN's own."""
    counts, loader, on_path = (collections.Counter() for _ in range(3))
    calls, main, began, unreachable = {}, None, False, 0
    for thread, name, text in lines_of(log):
        main = main or thread
        began = began or MAIN_BEGINS in text
        counts[thread, name] += 1
        number = counts[thread, name]
        paths = paths_in(text)
        for path in set(paths):
            on_path[thread, name, path] += 1
        if not began:
            loader[name] += 1
        elif re.search(r"\) += (-1 E|\?)", text):
            pass
        elif name == "mmap" and ONEDNN.search(text):
            unreachable += 1
        elif thread == main or number > loader[name]:
            calls[Call(name, number, "", text)] = None
        elif paths and "\\" not in paths[-1] and name not in NOT_BY_PATH:
            calls[Call(name, on_path[thread, name, paths[-1]], paths[-1], text)] = None
        else:
            unreachable += 1
    return list(calls), unreachable


def calls_on(log):
    """The system calls of a run that was traced by listing() with paths, which one thread made."""
    counts, calls, threads = collections.Counter(), [], set()
    for thread, name, text in lines_of(log):
        threads.add(thread)
        counts[name] += 1
        calls.append(Call(name, counts[name], "", text))
    assert len(threads) == 1, f"more than one thread: {threads}"
    return calls


# Memory for machine code of oneDNN, which has looked for room before (lib/nn/backends/onednn.h) and
# writes to address 0 where it gets none: pieces of 256 KiB, and for products without AVX-512 of 320
# KiB and of some pages, less than malloc() takes in this way.
ONEDNN = re.compile(
    r"NULL, (\d{4,5}|1[0-2]\d{4}|262144|327680), PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0")

# Their paths are not looked at by -P.
NOT_BY_PATH = {"fcntl", "lseek"}


@dataclass
class Done:
    returncode: int  # the exit code, or minus the signal
    stdout: str
    stderr: str
    injected: list  # the calls that failed, as strace shows them


def run(command, prefix=(), log=None, timeout=120, **how):
    """Runs a command to its end, in a group of its own: with strace before it, both are killed when
    the time is over, which is an error."""
    process = subprocess.Popen([*map(str, prefix), *map(str, command)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               errors="surrogateescape", start_new_session=True, **how)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise AssertionError(f"it hangs: {command} {stderr}") from None
    code = process.returncode
    if code > 128:  # strace, and a shell, say a signal so
        code = 128 - code
    injected = []
    if log is not None:
        text = Path(log).read_text(errors="surrogateescape")
        injected = [line for line in text.splitlines() if "(INJECTED)" in line]
    return Done(code, stdout, stderr, injected)


def spread(points, count):
    """At most `count` of the points, evenly."""
    if len(points) <= count:
        return points
    return [points[i * len(points) // count] for i in range(count)]


def reason(error):
    """What the system calls an error."""
    return os.strerror(getattr(errno, error))


def try_all(test, attempts):
    """Runs attempts, functions with a text that says what they try, on all processors."""
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = [(text, pool.submit(attempt)) for text, attempt in attempts]
        for text, future in running:
            with test.subTest(text):
                future.result()


def check_sane(test, done):
    """It ended by itself, and no sanitizer has anything to say."""
    test.assertIn(done.returncode, (0, 1), done.stderr)
    for word in ("Sanitizer", "runtime error:", "terminate called", "Assertion"):
        test.assertNotIn(word, done.stderr)
