"""Starts a Python bot inside its container.

Usage: launch.py CODE_DIR RUN_DIR WORK_DIR

Makes WORK_DIR look like CODE_DIR, puts the configuration into this process's environment, and calls the entry
point's main(bot_id, config) on the main thread: there alone Python delivers signals and the bot may set handlers.

SIGTERM raises Terminated in the bot, once, so that its finally blocks run; a second SIGTERM has its default effect.
A handler that the bot installs replaces ours. The exit code is the truth: 0 for a return or a clean stop, the
bot's own for sys.exit, 1 for an exception. result.json is written only where the bot left none.
"""

import importlib
import importlib.machinery
import importlib.util
import json
import logging
import os
import signal
import sys
import traceback

SUCCESS = {"status": "success", "message": "Bot executed successfully"}
TERMINATED = {"status": "terminated", "message": "Bot execution terminated by signal"}


class Terminated(SystemExit):
    """SIGTERM. A SystemExit, so that neither `except Exception` nor asyncio swallows it."""


class SetupFailure(Exception):
    """Something is wrong before the bot's main could be called; `prefix` says at which step."""

    def __init__(self, prefix, message):
        super().__init__(message)
        self.prefix = prefix


def say(prefix, message):
    # Not print(): a signal handler may interrupt a write to the same buffer, which Python refuses.
    os.write(2, f"{prefix}: {message}\n".encode("utf-8", "backslashreplace"))


class Termination:
    """The wish that the bot ends: noted once, then left to the signal's default."""

    def __init__(self):
        self.requested = False

    def install(self):
        signal.signal(signal.SIGTERM, self.interrupt)

    def is_ours(self):
        return signal.getsignal(signal.SIGTERM) == self.interrupt

    def note(self):
        self.requested = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        say("SIGNAL", "SIGTERM received, the bot is asked to end")

    def interrupt(self, _signum, _frame):
        self.note()
        raise Terminated(0)

    def settle(self, code):
        """Main is over: if threads that the bot left keep the process, SIGTERM ends it at once with its true code."""
        if self.is_ours() or signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda _signum, _frame: os._exit(code))


def lay_out(code_dir, run_dir, work_dir):
    """One link per top-level entry of the code; result.json is always the one that outlives the container."""
    links = {name: os.path.join(code_dir, name) for name in os.listdir(code_dir)}
    links["result.json"] = os.path.join(run_dir, "result.json")
    for name, target in links.items():
        link = os.path.join(work_dir, name)
        if not os.path.lexists(link):
            os.symlink(target, link)


def prepare(code_dir, run_dir, work_dir):
    """Returns the bot's id and configuration."""
    try:
        lay_out(code_dir, run_dir, work_dir)
        os.chdir(work_dir)
        for variable in ("STATE_DIR", "LOGS_PATH"):
            if os.environ.get(variable):
                os.makedirs(os.environ[variable], exist_ok=True)
    except OSError as error:
        raise SetupFailure("CHDIR_ERROR", f"the working directory cannot be prepared: {error}") from error
    try:
        with open(os.path.join(run_dir, "config.json"), encoding="utf-8") as file:
            text = file.read()
        config = json.loads(text)
    except (OSError, ValueError) as error:
        raise SetupFailure("CONFIG_ERROR", f"the configuration cannot be read: {error}") from error
    if not os.environ.get("BOT_ID"):
        raise SetupFailure("CONFIG_ERROR", "BOT_ID is not set")
    # CONFIG is the name that older bots read.
    os.environ["BOT_CONFIG"] = os.environ["CONFIG"] = text
    return os.environ["BOT_ID"], config


def load(work_dir):
    """Imports the entry point as module `main` and returns its main function."""
    script = os.environ.get("SCRIPT_PATH", "")
    path = os.path.join(work_dir, script)
    front = [os.path.join(work_dir, "vendor"), work_dir]
    # The launcher's own directory goes: a bot must be able to name a module `launch`.
    sys.path[:] = front + [entry for entry in sys.path[1:] if entry not in front]
    importlib.invalidate_caches()
    if not os.path.isfile(path):
        raise SetupFailure("IMPORT_ERROR", f"there is no file {script!r} in the code")
    loader = importlib.machinery.SourceFileLoader("main", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_file_location("main", path, loader=loader))
    sys.modules["main"] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        raise SetupFailure("IMPORT_ERROR", f"{script} cannot be loaded\n{bot_traceback(error)}") from error
    if not callable(getattr(module, "main", None)):
        raise SetupFailure("IMPORT_ERROR", f"{script} defines no function main(bot_id, config)")
    return module.main


def run(main, bot_id, config, termination):
    outcome = main(bot_id, config)
    if hasattr(outcome, "__await__"):
        run_async(outcome, termination)


def run_async(awaitable, termination):
    """For `async def main`: SIGTERM cancels its task, unless the bot set a handler of its own."""
    import asyncio

    async def supervised():
        task = asyncio.current_task()

        def cancel():
            termination.note()
            task.cancel()

        if termination.is_ours():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
        await awaitable

    try:
        asyncio.run(supervised())
    except asyncio.CancelledError:
        if not termination.requested:
            raise


def bot_traceback(error):
    """The traceback from the bot's first frame on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and is_launcher(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip("\n")


def is_launcher(filename):
    return filename == __file__ or filename.startswith("<frozen importlib")


def outcome_of(work, termination):
    """Runs `work` and returns (exit code, default result)."""
    try:
        work()
    except SetupFailure as failure:
        say(failure.prefix, failure)
        return 1, {"status": "error", "message": f"{failure.prefix}: {failure}"}
    except (Terminated, KeyboardInterrupt):
        return 0, TERMINATED
    except SystemExit as leave:
        code = leave.code
        if code is not None and not isinstance(code, int):
            os.write(2, f"{code}\n".encode("utf-8", "backslashreplace"))
            code = 1
        code = (code or 0) & 0xFF
        if code != 0:
            return code, {"status": "error", "message": f"Bot exited with code {code}"}
    except BaseException as error:
        say("EXECUTE_ERROR", f"main() raised\n{bot_traceback(error)}")
        return 1, {"status": "error", "message": str(error) or type(error).__name__}
    return 0, TERMINATED if termination.requested else SUCCESS


def keep_result(run_dir, work_dir, default):
    """Leaves what the bot wrote, also where it replaced our link by a file of its own; else writes `default`."""
    kept = os.path.join(run_dir, "result.json")
    seen = os.path.join(work_dir, "result.json")
    try:
        own = b""
        if os.path.isfile(seen) and not os.path.islink(seen):
            with open(seen, "rb") as file:
                own = file.read()
        if own or os.path.getsize(kept) == 0:
            with open(kept, "wb") as file:
                file.write(own or json.dumps(default).encode("utf-8"))
    except OSError as error:
        say("RESULT_ERROR", f"result.json cannot be written: {error}")


def launch():
    code_dir, run_dir, work_dir = sys.argv[1:4]
    del sys.argv[1:]
    logging.basicConfig(level=logging.INFO)
    termination = Termination()
    termination.install()

    def work():
        bot_id, config = prepare(code_dir, run_dir, work_dir)
        run(load(work_dir), bot_id, config, termination)

    code, default = outcome_of(work, termination)
    termination.settle(code)
    keep_result(run_dir, work_dir, default)
    sys.exit(code)


if __name__ == "__main__":
    launch()
