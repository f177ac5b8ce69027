# SPDX-License-Identifier: Apache-2.0
"""Stacks of a worker, taken by a thread that has no part in the interpreter."""

import ctypes
import os
import threading

from conftest import extension


def test_stacks_show_a_thread_that_is_stuck_in_c_with_the_gil_held():
    # PyDLL keeps the GIL, so that no other Python runs until read(2) returns.
    libc = ctypes.PyDLL(None)
    read_end, write_end = os.pipe()

    def stuck_in_a_library():
        assert libc.read(read_end, ctypes.create_string_buffer(1), 1) == 1

    text = extension.stacks_until("stuck_in_a_library", write_end, stuck_in_a_library)
    os.close(read_end)
    os.close(write_end)
    assert "stuck_in_a_library" in text
    assert "[main] [holds the GIL] (most recent call first)" in text


def test_stacks_show_every_thread():
    read_end, write_end = os.pipe()
    standing = threading.Event()
    go = threading.Event()

    def somewhere_else():
        standing.set()
        go.wait()

    other = threading.Thread(target=somewhere_else)
    other.start()
    standing.wait()
    text = extension.stacks_until("somewhere_else", write_end, lambda: os.read(read_end, 1))
    go.set()
    other.join()
    os.close(read_end)
    os.close(write_end)
    assert "somewhere_else" in text and "[main]" in text
