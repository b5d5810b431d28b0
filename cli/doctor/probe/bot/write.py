"""Writing where a bot must not."""

import os
import stat

from say import name_of, say


def run(config):
    for folder in config["folders"]:
        create(os.path.join(folder, ".the0-probe"))
    for path in config["files"]:
        open_for_writing(path)
    device = "/tmp/.the0-probe-device"
    try:
        os.mknod(device, stat.S_IFBLK | 0o600, os.makedev(8, 0))
        os.unlink(device)
        say("write", "a device of its own", "written")
    except OSError as error:
        say("write", "a device of its own", "refused", name_of(error))


def create(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.unlink(path)
        say("write", os.path.dirname(path), "written")
    except OSError as error:
        say("write", os.path.dirname(path), "refused", name_of(error))


def open_for_writing(path):
    """Opens and closes: nothing is written, wherever that would succeed."""
    try:
        os.close(os.open(path, os.O_WRONLY))
        say("write", path, "written")
    except FileNotFoundError:
        say("write", path, "absent")
    except OSError as error:
        say("write", path, "refused", name_of(error))
