"""Log lines and metrics in the platform's format: one JSON object a line."""

import json
import sys
from datetime import datetime, timezone


def _now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def log(message, level="info", **fields):
    print(json.dumps({"level": level, "message": message, **fields, "timestamp": _now()}), file=sys.stderr, flush=True)


def metric(kind, **data):
    print(json.dumps({"_metric": kind, **data, "timestamp": _now()}), flush=True)
