# SPDX-License-Identifier: Apache-2.0
"""docs/deploys.md promises: each row of its tables that says what happens has tests, which are
named here, one for each column where they differ. A new row without one fails."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROCESS = "tests/process/"
UNIT = "tests/unit/master/fleet/"
LATE, LEARNED, DISK = "test_late_imports.py", "test_learned_imports.py", "test_disk.py"
REHEARSAL, FALLBACK, RELOAD = "test_rehearsal.py", "test_fallback.py", "test_reload.py"
MEMORY = (UNIT + "fleet_steps_test.cc", "the way back ends early, and says why")

FIRST = "test_what_the_first_request_would_import_is_imported_by_the_reload"
REPLACED = "test_a_worker_that_is_replaced_has_the_code_in_memory_or_what_is_on_the_disk"
MIXTURE = "test_old_code_that_imports_a_newer_file_says_so_once"
RELEASES = "test_releases_in_directories_of_their_own_are_never_mixed"
BROKEN = "test_broken_code_is_refused_and_the_reason_told"
FAILS = "test_code_that_fails_at_its_first_request_is_refused_and_nobody_notices"
DOWN = "test_what_fails_with_the_old_code_as_well_refuses_nothing"

# The beginning of a row -> (file, test) for each column, or for both.
ROWS = {
    "an error in wsgi.py": [(RELOAD, BROKEN), (LATE, FIRST)],
    "an error in a module that is imported late": [
        (LEARNED, "test_a_module_that_is_broken_by_a_deploy_refuses_it_without_a_request"),
        (DISK, "test_where_each_imports_by_itself_a_late_error_is_found_by_the_request")],
    "an error in a module of a package": [
        (LEARNED, "test_what_is_told_only_or_gone_refuses_nothing"),
        (DISK, "test_where_each_imports_by_itself_a_late_error_is_found_by_the_request")],
    "a crash, an exception or 5xx": [
        (REHEARSAL, FAILS),
        (REHEARSAL, "test_where_each_imports_by_itself_the_old_release_is_asked")],
    "the application is ASGI": [
        (DISK, "test_an_application_of_another_interface_is_refused")],
    "an old worker dies after a refused reload": [(DISK, "test_after_a_refusal_too")],
    "the zygote is killed": [
        (LATE, "test_a_zygote_that_is_started_again_brings_no_broken_code_in_while_others_serve"),
        (DISK, "test_after_a_refusal_too")],
    "Django's settings name a template engine": [
        (LATE, "test_templates_are_judged_where_the_application_is_to_blame_and_told_elsewhere")],
    "a template that cannot be parsed": [
        ("test_templates.py",
         "test_a_template_that_is_broken_by_a_deploy_refuses_it_and_old_code_has_its_own"),
        ("test_templates.py",
         "test_where_each_imports_by_itself_a_template_is_read_from_the_disk")],
    "files are replaced one by one": [(LEARNED, MIXTURE), (DISK, REPLACED)],
    "a virtual environment is rebuilt": [(DISK, REPLACED)],
    "releases in directories of their own": [(DISK, RELEASES)],
    "the old release is removed": [
        (DISK, "test_old_code_whose_release_was_removed_comes_back_where_it_is_in_memory")],
    "the database is down at the start": [
        (LATE, "test_a_first_start_tells_of_a_broken_urlconf_and_starts_as_under_gunicorn")],
    "the database is down at a reload": [(REHEARSAL, DOWN)],
    "a slow import": [
        (DISK, "test_the_old_workers_serve_while_the_new_code_takes_its_time_to_import")],
    "memory |": [
        (DISK, "test_memory_of_the_import_is_shared_or_each_workers_own")],
    "it cannot be imported": [(RELOAD, BROKEN)],
    "it fails at a request": [(REHEARSAL, FAILS)],
    "a worker dies while the others are replaced": [
        ("test_deploys.py",
         "test_a_new_worker_that_dies_at_its_first_request_brings_the_old_code_back")],
    "it hangs in every request": [
        (FALLBACK,
         "test_with_default_settings_code_that_hangs_in_each_request_brings_the_old_code_back")],
    "clearly more 5xx than before": [
        (FALLBACK, "test_with_default_settings_a_database_that_dies_meanwhile_changes_nothing"),
        (FALLBACK, "test_more_errors_after_the_commit_are_told_and_change_nothing"),
        (RELOAD, "test_new_code_that_answers_more_errors_is_rolled_back")],
    "no worker can be kept serving": [
        (FALLBACK, "test_workers_that_cannot_be_kept_bring_the_old_code_back")],
    "workers serve well for a few seconds": [
        (FALLBACK, "test_workers_that_serve_for_a_moment_only_bring_the_old_code_back")],
    "three workers die in a request": [
        (FALLBACK, "test_with_default_settings_three_deaths_in_a_request_bring_the_old_code_back")],
    "a worker runs out of memory": [
        MEMORY, (UNIT + "transaction_test.cc",
                 "a worker that had no memory while new code is watched is replaced")],
    "memory is short": [MEMORY],
}

# The beginning of a row of "What a fork breaks" -> what a test of test_inspection.py finds.
LEFT = {
    "a thread": "thread 'mailer'",
    "a connection": "connection to ",
    "a listening socket": "listening socket on ",
    "a lock on a file": "lock on HERE/x",
    "a file open for reading and": "file open for reading and writing, ",
    "a compressed file": "compressed file open for writing, HERE/x",
    "a file open for reading,": "file open for reading, ",
    "a child process": "child process ",
    "an event loop": "event loop of ",
    "a timer": "timer ITIMER_REAL",
    "a pipe": "pipe with descriptors ",
    "a pair of sockets": "pair of sockets with descriptor ",
    "a socket that can receive": "socket that receives on ",
    "shared memory": "memory shared between processes, ",
    "a lock of multiprocessing": "lock of multiprocessing (Lock)",
}


def rows():
    """Of the tables of the two sections that say what happens, without their heads."""
    page = (ROOT / "docs/deploys.md").read_text()
    page = page[:page.index("## What a fork breaks")]
    return re.findall(r"^\| (?!what |---)(.*)$", page, re.MULTILINE)


def test_the_page_has_rows():
    assert len(rows()) > 20


@pytest.mark.parametrize("row", rows())
def test_each_row_has_a_test(row):
    named = [begin for begin in ROWS if row.startswith(begin)]
    assert len(named) == 1, "name a test of this row in ROWS"
    for file, test in ROWS[named[0]]:
        text = (ROOT / (file if "/" in file else PROCESS + file)).read_text()
        joined = re.sub(r'"\s+"', "", text)
        assert f"def {test}(" in joined or f'TEST_CASE("{test}"' in joined, f"{file}: {test}"


def test_each_row_of_what_a_fork_breaks_has_a_test():
    page = (ROOT / "docs/deploys.md").read_text()
    page = page[page.index("## What a fork breaks"):]
    found = re.findall(r"^\| (?!what |---)(.*)$", page, re.MULTILINE)
    tests = (ROOT / "tests/python/test_inspection.py").read_text()
    for row in found:
        named = [begin for begin in LEFT if row.startswith(begin)]
        assert len(named) == 1, f"name a test of this row in LEFT: {row}"
        assert f'"{LEFT[named[0]]}' in tests, row
    assert len(found) == len(LEFT)


def test_no_test_is_named_for_a_row_that_is_gone():
    assert [begin for begin in ROWS if not any(row.startswith(begin) for row in rows())] == []
