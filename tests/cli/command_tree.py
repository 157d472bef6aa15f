"""All commands of the binary and their options, as its help tells them."""

import functools
import re

from common import run


@functools.lru_cache(maxsize=None)
def help_of(*command):
    return run(*command, "--help").stdout


def commands(path=()):
    """The words of each command, [] for the program itself, those below a command behind it."""
    yield list(path)
    text = help_of(*path)
    below = re.search(r"\nCommands:\n((?:  \S.*\n)+)", text)
    for line in below.group(1).splitlines() if below else []:
        yield from commands((*path, line.split()[0]))


def options(command):
    """The names of its options, each with whether it takes a value: {"--model": True, ...}."""
    found = {}
    for line in help_of(*command).splitlines():
        entry = re.match(r"  (?:    )?((?:--?[\w-]+, )*--?[\w-]+)( [A-Z][\w.,/]*|\[=[A-Z]+\])?(?:  |$)",
                         line)
        if entry:
            for name in entry.group(1).split(", "):
                found[name] = bool(entry.group(2)) and not entry.group(2).startswith("[=")
    return found
