"""Connections to where no bot may connect."""

import os
import socket
import threading

from say import name_of, say

CONNECT_S = 2
SILENT = ("ETIMEDOUT", "TimeoutError", "timeout", "EHOSTUNREACH", "ENETUNREACH", "EACCES", "EPERM")


def run(config):
    threads = [
        threading.Thread(target=connect, args=(target["what"], target["host"], target["port"]))
        for target in config["targets"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path in config["sockets"]:
        connect_socket(path)


def connect(what, host, port):
    try:
        socket.create_connection((host, port), CONNECT_S).close()
        say("reach", what, "connected")
    except socket.gaierror as error:
        say("reach", what, "unknown name", error)
    except OSError as error:
        name = name_of(error)
        result = "refused" if name == "ECONNREFUSED" else "silent" if name in SILENT else "failed"
        say("reach", what, result, name)


def connect_socket(path):
    if not os.path.lexists(path):
        return say("socket", path, "absent")
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(CONNECT_S)
            client.connect(path)
        say("socket", path, "connected")
    except OSError as error:
        say("socket", path, "refused", name_of(error))


def listen(port):
    """The other bot: shows that it can be reached from its own container, and waits for whom it must not hear."""
    server = socket.create_server(("0.0.0.0", port))
    own = socket.gethostbyname(socket.gethostname())
    socket.create_connection((own, port), CONNECT_S).close()
    server.accept()[0].close()
    say("neighbour", own, "listens")
    while True:
        connection, address = server.accept()
        connection.close()
        say("neighbour", address[0], "called")
