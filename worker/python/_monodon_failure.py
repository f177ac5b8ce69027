# SPDX-License-Identifier: Apache-2.0
"""What an exception of the application looks like to the person who has to mend it:
the reason first, and no frame of ours or of the import machinery.
"""

import os
import traceback

_MOST = 500  # characters of the reason
_BEGINNING, _END = 12_000, 4_000  # characters that are told of a longer traceback
_WORTH_CUTTING = 1_000  # fewer would hardly be longer than what is said of them
_HERE = os.path.dirname(os.path.abspath(__file__))


def format_exception(exception):
    """A traceback as Python prints it, without the frames that tell nothing; of what an
    exception says at great length the beginning and the end."""
    told = traceback.TracebackException.from_exception(exception)
    _leave_out_noise(told, set())
    text = "".join(told.format())
    left = len(text) - _BEGINNING - _END
    if left < _WORTH_CUTTING:
        return text
    return (f"{text[:_BEGINNING]}\n... {left} characters of this exception are left out "
            f"here ...\n{text[-_END:]}")


def explain(exception, hint=""):
    """The reason in one line, then `hint`, then the traceback. The last line has the
    reason, too: that is where people look."""
    reason = _reason(exception)
    text = format_exception(exception).rstrip("\n")
    if text == reason and not hint:
        return reason + "\n"  # no frame is worth telling
    last = text.rpartition("\n")[2]
    complete = (_root(exception) is exception and last.startswith(_name(exception))
                and len(last) <= _MOST)
    return "\n".join([reason, *filter(None, [hint.rstrip("\n")]), text,
                      *([] if complete else [reason])]) + "\n"


def _reason(exception):
    """ "ImportError: no such thing", and what it came of where exceptions are chained."""
    root = _root(exception)
    if root is exception:
        return _one_line(exception)
    how = "caused by" if _is_caused(exception) else "while handling"
    return f"{_one_line(exception)} ({how} {_one_line(root)})"


def _name(exception):
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else (
        f"{kind.__module__}.{kind.__qualname__}")


def _one_line(exception):
    try:
        words = str(exception).strip().split("\n")[0]
    except Exception:
        words = ""
    if "null bytes" in words:  # as of a file that was copied by half
        words += _of_which_file(exception)
    text = f"{_name(exception)}: {words}" if words else _name(exception)
    return text if len(text) <= _MOST else text[:_MOST] + "..."


def _of_which_file(exception):
    """The import machinery knows, where the exception does not say."""
    for frame, _ in traceback.walk_tb(exception.__traceback__):
        if frame.f_code.co_name == "source_to_code":
            return f" ({frame.f_locals.get('path')})"
    return ""


def _before(exception):
    if exception.__cause__ is not None or exception.__suppress_context__:
        return exception.__cause__
    return exception.__context__


def chain(exception):
    seen = []
    while exception is not None and exception not in seen:
        seen.append(exception)
        exception = _before(exception)
    return seen


def _root(exception):
    return chain(exception)[-1]


def _is_caused(exception):
    return any(link.__cause__ is not None for link in chain(exception))


def _is_noise(frame):
    directory, name = os.path.split(frame.filename)
    if directory == _HERE and (name.startswith("_monodon") or name == "zygote.py"):
        return True
    return frame.filename.startswith("<frozen importlib") or (
        name == "__init__.py" and os.path.basename(directory) == "importlib")


def _leave_out_noise(told, seen):
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    if told.stack is not None:
        kept = [frame for frame in told.stack if not _is_noise(frame)]
        # Without any, "Traceback (most recent call last):" would stand alone.
        told.stack = traceback.StackSummary.from_list(kept) if kept else None
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        _leave_out_noise(other, seen)
