"""Run a program until its starter says or has an end: `python keeper.py FOLDER PROGRAM [ARGUMENT ...]`.

Who starts this holds the other end of a pipe. When a byte comes from there, or that process is gone in whatever way,
the program is ended and its folder removed: a notebook's kernel that is killed leaves nothing behind.
"""

import os
import select
import shutil
import subprocess
import sys

CHECK = 1.0
"""Seconds from one look at the starter to the next."""
PATIENCE = 5.0
"""Seconds that the program may take to end, before it is killed."""


def main(folder: str, *command: str) -> None:
    starter = os.getppid()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    # Processes that were forked from the starter hold the pipe open, too: its end alone does not tell.
    while os.getppid() == starter and not select.select([sys.stdin], [], [], CHECK)[0]:
        pass
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
