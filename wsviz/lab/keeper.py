"""Run a program for as long as standard input is open: `python keeper.py FOLDER PROGRAM [ARGUMENT ...]`.

Who starts this holds the other end of a pipe. When that end is closed, or its process is gone in whatever way, the
program is ended and its folder removed: a notebook's kernel that is killed leaves nothing behind.
"""

import os
import shutil
import subprocess
import sys

PATIENCE = 5.0
"""Seconds that the program may take to end, before it is killed."""


def main(folder: str, *command: str) -> None:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while os.read(sys.stdin.fileno(), 1024):
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
