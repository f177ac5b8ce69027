# SPDX-License-Identifier: Apache-2.0
"""The event loop of a worker with an ASGI application, and the application's lifespan.
Called by the extension (worker/python/asgi) only, in the worker, after the fork.
"""

import asyncio
import selectors

import _monodon
from _monodon_failure import explain, format_exception

_GRACE = 3  # seconds, for a task whose client went away in the middle of an answer
_FAREWELL = 10  # seconds, for a task whose WebSocket is closed


class _Selector(selectors.EpollSelector):
    """asyncio's own descriptors, which wait in the worker's epoll set with all others.

    While `turns`, select() serves requests until asyncio has something to do."""

    turns = False

    def select(self, timeout=None):
        if not self.turns:
            return super().select(timeout)
        if not _monodon.take_turn(timeout):
            return ()
        return super().select(0)


class _Refused(Exception):
    """The application says that its startup failed."""


class _Lifespan:
    """The conversation about start and end of a worker (ASGI, lifespan protocol)."""

    def __init__(self, application, loop, state):
        self._application = application
        self._messages = asyncio.Queue()
        self._answers = {"startup": loop.create_future(), "shutdown": loop.create_future()}
        self._loop = loop
        self._state = state
        self.task = None
        self.known = False  # the application has taken the startup for what it is

    async def _run(self):
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"},
                 "state": self._state}
        await self._application(scope, self._receive, self._send)

    async def _receive(self):
        message = await self._messages.get()
        self.known = True
        return message

    async def _send(self, message):
        kind, event, outcome = message["type"].split(".")
        if kind != "lifespan" or event not in self._answers:
            self.known = False
            raise RuntimeError(f"{message['type']} is no message of a lifespan")
        answer = self._answers[event]
        if answer.done():
            raise RuntimeError(f"{message['type']} came twice")
        if outcome == "complete":
            answer.set_result(None)
        elif outcome == "failed":
            answer.set_exception(_Refused(message.get("message") or "without a message"))
        else:
            raise RuntimeError(f"{message['type']} is no message of a lifespan")

    async def ask(self, event):
        """Waits for the application's answer, or for its end without one."""
        if self.task is None:
            self.task = self._loop.create_task(self._run())
        self._messages.put_nowait({"type": f"lifespan.{event}"})
        answer = self._answers[event]
        await asyncio.wait({self.task, answer}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            answer.result()
            return True
        self.task.result()
        return False


class Server:
    """What a worker's loop has beside requests. The loop does not run yet."""

    def __init__(self, application, lifespan):
        self._selector = _Selector()
        self.loop = asyncio.SelectorEventLoop(self._selector)
        asyncio.set_event_loop(self.loop)
        self.state = {}
        self._kept = set()
        self._over = False
        self._mode = lifespan
        self._lifespan = None
        if lifespan != "off":
            self._lifespan = _Lifespan(application, self.loop, self.state)

    def descriptor(self):
        return self._selector.fileno()

    def start_up(self):
        """-> why the worker must not serve, or \"\"."""
        if self._lifespan is None:
            return ""
        try:
            answered = self.loop.run_until_complete(self._lifespan.ask("startup"))
        except _Refused as refused:
            return f"the application's lifespan startup failed: {refused}"
        except BaseException as error:
            if self._mode == "on" or self._lifespan.known or not isinstance(error, Exception):
                return ("the application's lifespan startup raised " + explain(error)
                        + "\nlifespan: off serves an application that has none")
            answered = False
            # Django's does so at each start, and nothing is wrong.
            _monodon.log(10, "the application has no lifespan (it raised "
                             f"{type(error).__name__} when it was asked); serving without")
        if not answered:
            self._lifespan = None
            if self._mode == "on":
                return "the application ended its lifespan without an answer to startup"
        return ""

    def run(self):
        """Serves. -> whether that ended because all is over."""
        self._selector.turns = True
        try:
            self.loop.run_forever()
        finally:
            self._selector.turns = False
        return self._over

    def end(self):
        """The last turn was taken."""
        self._over = True
        self.loop.stop()

    def shut_down(self, patience):
        if self.loop.is_closed():
            return
        try:
            if self._kept:
                self.loop.run_until_complete(asyncio.wait(self._kept, timeout=patience))
            if self._lifespan is not None:
                self.loop.run_until_complete(self._lifespan.ask("shutdown"))
        except _Refused as refused:
            _monodon.log(30, f"the application's lifespan shutdown failed: {refused}")
        finally:
            self._end_tasks()
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            asyncio.set_event_loop(None)
            self.loop.close()

    def _end_tasks(self):
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left, timeout=1))

    def complete(self, coroutine):
        """A task of `coroutine` that has ended; the loop does not run otherwise."""
        task = self.loop.create_task(coroutine)
        self.loop.run_until_complete(asyncio.wait({task}))
        return task

    # Requests that nobody waits for any more

    def keep(self, task, request):
        """A task that goes on after its response. asyncio itself has no reference to it."""
        self._kept.add(task)
        task.add_done_callback(lambda _: self._kept_ended(task, request))

    def _kept_ended(self, task, request):
        self._kept.discard(task)
        if not task.cancelled() and (error := task.exception()):
            text = format_exception(error).rstrip("\n")
            reason = text.rpartition("\n")[2]
            _monodon.log(40, f"{request}: raised after its response: {reason}\n{text}")

    def client_gone(self, task, begun):
        """An answer that has begun may end by itself; one that has not is left alone,
        since what it does may matter without its client."""
        if begun:
            self.loop.call_later(_GRACE, self._cancel, task)

    def socket_over(self, task):
        """Its WebSocket is closed, and receive() says so."""
        timer = self.loop.call_later(_FAREWELL, self._cancel, task)
        task.add_done_callback(lambda _: timer.cancel())

    @staticmethod
    def _cancel(task):
        if not task.done():
            task.cancel("the client is gone")

    def give_up(self, task, request):
        _monodon.log(30, f"{request}, whose task is cancelled, waits here:\n{_waits(task)}")
        task.cancel("the request is past request_timeout")


def _waits(task):
    """Where a task waits, outermost first: each frame of the chain of what it awaits."""
    lines = []
    awaited = task.get_coro()
    while awaited is not None and len(lines) < 50:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None) \
            or getattr(awaited, "ag_frame", None)
        if frame is not None:
            code = frame.f_code
            lines.append(f'  File "{code.co_filename}", line {frame.f_lineno},'
                         f" in {code.co_qualname}")
        following = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None) \
            or getattr(awaited, "ag_await", None)
        awaited = following
    return "\n".join(lines) or "  (it has not begun)"
