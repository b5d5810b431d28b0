"""What the platform's SDK does for a query program: it serves, or answers one query and ends."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

HANDLERS = {"/health": lambda params: {"status": "ok"}, "/info": lambda params: {"available_queries": sorted(HANDLERS)}}


def query(path):
    """Decorator: the function answers queries of that path; it gets the parameters, whose values are strings."""

    def register(function):
        HANDLERS[path] = function
        return function

    return register


def answer(path, params):
    handler = HANDLERS.get(path)
    if handler is None:
        return 404, {"status": "error", "error": f"no query {path}", "available": sorted(HANDLERS)}
    try:
        return 200, {"status": "ok", "data": handler(params)}
    except Exception as error:
        return 500, {"status": "error", "error": f"{type(error).__name__}: {error}"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        # The parameters are in the URL; what else was sent has to be read, or it would be taken for the next request.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        status, body = answer(url.path, dict(parse_qsl(url.query, keep_blank_values=True)))
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


def run():
    if "QUERY_PATH" in os.environ:
        status, body = answer(os.environ["QUERY_PATH"], json.loads(os.environ.get("QUERY_PARAMS") or "{}"))
        with open("/query/result.json", "w", encoding="utf-8") as file:
            json.dump(body, file)
        sys.exit(0 if status == 200 else 1)
    Server(("0.0.0.0", int(os.environ.get("THE0_QUERY_PORT") or 9476)), Handler).serve_forever()
