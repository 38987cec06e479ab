"""Starting a process that outlives the one that starts it, its terminal and its user's session.

Unproven on Windows until the windows-latest pipeline has run.
"""

from __future__ import annotations

import sys
from typing import TypedDict

# Windows' process creation flags (processthreadsapi.h); subprocess has them on Windows only.
DETACHED_PROCESS = 0x0000_0008
CREATE_NEW_PROCESS_GROUP = 0x0000_0200
CREATE_BREAKAWAY_FROM_JOB = 0x0100_0000


class DetachedArguments(TypedDict):
    """The arguments of subprocess.Popen that detach; each platform takes the other's as given."""

    creationflags: int
    start_new_session: bool


def detached(*, leaves_job: bool = True, platform: str = sys.platform) -> DetachedArguments:
    """Return the arguments of subprocess.Popen for a process that must survive its parent.

    POSIX: a session of its own, so that no Ctrl-C and no closed terminal reaches it. Windows: no
    console, a process group of its own, and out of the job object, as a job (a terminal's, a CI
    runner's, an editor's) may end all of its processes at once. Some jobs forbid to leave them:
    Popen raises PermissionError then, and the caller starts again with `leaves_job=False` and says
    that the process ends with the job.

    >>> detached(platform="linux")
    {'creationflags': 0, 'start_new_session': True}
    """
    if platform != "win32":
        return {"creationflags": 0, "start_new_session": True}
    flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP
    if leaves_job:
        flags |= CREATE_BREAKAWAY_FROM_JOB
    return {"creationflags": flags, "start_new_session": False}
