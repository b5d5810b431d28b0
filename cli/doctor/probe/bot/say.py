import errno
import json
import sys


def say(probe, what, result, detail=""):
    """One line a fact. One write, so that lines of several threads do not mix."""
    sys.stdout.write(json.dumps({"probe": probe, "what": what, "result": result, "detail": str(detail)}) + "\n")
    sys.stdout.flush()


def name_of(error):
    """EPERM rather than a sentence."""
    number = getattr(error, "errno", None)
    return errno.errorcode.get(number) or type(error).__name__
