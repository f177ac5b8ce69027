# SPDX-License-Identifier: Apache-2.0
"""Just enough of C++ for the rules of tidy.py: text without comments and literals,
calls, and function bodies. Line numbers stay what they were."""

import re

_TOKEN = re.compile(
    r"""//(?:[^\n]|\\\n)* | /\*.*?\*/
    | R"(?P<mark>[^(\s"]*)\(.*?\)(?P=mark)"
    | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)+'""",
    re.VERBOSE | re.DOTALL,
)
# Words that may stand before a call; any other word there makes it a declaration.
_BEFORE_CALL = {"return", "else", "do", "case", "and", "or", "not", "co_return", "throw"}
_SCOPE = re.compile(r'(?:^|\s)(?:namespace|class|struct|union|enum)\b|extern\s*$')


def strip(text, keep_strings=False):
    """`text` with comments blanked, and literals emptied unless kept."""

    def blank(match):
        token = match[0]
        if token[0] == "/":
            return "\n" * token.count("\n")
        # 1'000 is a number, not a character.
        before = text[match.start() - 1 : match.start()]
        if token[0] == "'" and (before.isdigit() or before in list("abcdefABCDEF")):
            return token
        if keep_strings:
            return token
        return '""' + "\n" * token.count("\n") if token[0] != "'" else "' '"

    return _TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def arguments(text, opening):
    """The text between the parenthesis at `opening` and its partner."""
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return text[opening + 1 : position]
    return text[opening + 1 :]


def calls(text, names):
    """(line, name, arguments) of each call of a plain function of the C or std library
    in stripped `text`: f(), ::f(), std::f(); not x.f(), x->f(), T::f() or `int f()`."""
    pattern = re.compile(r"\b(" + "|".join(names) + r")\s*\(")
    for match in pattern.finditer(text):
        before = text[: match.start()].rstrip()
        if before.endswith((".", "->")):
            continue
        if before.endswith("::"):
            qualifier = re.search(r"([\w>]+)::$", before)
            if qualifier and qualifier[1] not in ("std", "chrono", "this_thread"):
                continue
        elif re.search(rf"\w::{match[1]}\s*\(", text):
            continue  # a member function of that name, called inside its class
        elif (word := re.search(r"\w+$", before)) and word[0] not in _BEFORE_CALL:
            continue
        elif re.search(r"\w[&*]$|\w>$", before):
            continue  # `Handle* open(`, `Result<T> open(`: declarations
        yield line_of(text, match.start()), match[1], arguments(text, match.end() - 1)


def functions(text):
    """(first line, lines, head) of each function body in stripped `text`. Lambdas and
    blocks belong to the function around them."""
    # Preprocessor lines may hold unbalanced braces.
    text = re.sub(r"(?m)^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", "", text)
    stack = []
    head_start = 0
    parens = 0
    for match in re.finditer(r"[{};()]", text):
        token, at = match[0], match.start()
        if token in "()":
            parens += 1 if token == "(" else -1
            continue
        if parens > 0:
            continue  # a brace inside an argument list: an initializer or a lambda
        if token == "{":
            head = text[head_start:at].strip()
            stack.append((_kind(head, stack), head_start, head))
        elif token == "}" and stack:
            kind, start, head = stack.pop()
            if kind == "function":
                skip = len(text[start:]) - len(text[start:].lstrip())
                first = line_of(text, start + skip)
                yield first, line_of(text, at) - first + 1, head
        head_start = at + 1


def _kind(head, stack):
    if any(kind != "scope" for kind, _, _ in stack):
        return "inner"
    if "(" not in head:
        return "scope" if _SCOPE.search(head) else "inner"
    # `class alignas(64) X` and `struct Y : Z<decltype(a)>` are scopes all the same.
    if re.match(r"(?:template\s*<[^;]*>\s*)?(?:struct|class|union|enum|namespace)\b", head):
        return "function" if re.search(r"\)\s*(?:const|noexcept)*$", head) else "scope"
    return "function"
