"""Fails if a trace of strace holds a system call that the unit's SystemCallFilter does not allow.

usage: syscalls.py UNIT TRACE...
"""

import re
import subprocess
import sys


def members(group):
    """The system calls of a group, with those of the groups in it."""
    lines = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True
    ).stdout.splitlines()[1:]
    names = {line.strip() for line in lines if line.strip() and not line.strip().startswith("#")}
    inner = {name for name in names if name.startswith("@")}
    return (names - inner).union(*map(members, inner))


unit, *traces = sys.argv[1:]
allowed = set()
with open(unit) as lines:
    for line in lines:
        if filtered := re.fullmatch(r"SystemCallFilter=(~?)(.*)\n", line):
            for name in filtered[2].split():
                calls = members(name) if name.startswith("@") else {name}
                allowed = allowed - calls if filtered[1] else allowed | calls

used = set()
for trace in traces:
    with open(trace) as lines:
        used |= {call[1] for line in lines if (call := re.match(r"(?:\d+ +)?(\w+)\(", line))}

# systemd itself calls it, to start the program.
refused = sorted(used - allowed - {"execve"})
print(f"{len(used)} system calls in use; not allowed: {', '.join(refused) or 'none'}")
sys.exit(bool(refused) or len(used) < 20)
