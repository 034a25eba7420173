"""A shell command line, taken apart far enough to see which programs it runs with which words and which standard input.

No shell is run and nothing is expanded: a word that a shell would change (``$NAME``, ``$(…)``) is kept as it is written, and
says so. Known are quotes, escapes, comments, lists, pipes, redirections, here-documents and here-strings. What does not close
(a quote, a parenthesis) gives no commands at all: better none than a wrong one. Every character is looked at once.
"""

from __future__ import annotations

MAX_CHARACTERS = 256 * 1024
_OPERATORS = ";&|()\n"
_BLANKS = " \t\r"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Unclosed(Exception):
    """A quote or a parenthesis that has no end."""


class Command:
    """One program with its words, its standard input where the line itself holds it, and the command that is piped into it."""

    __slots__ = ("expands", "piped_from", "stdin", "words")

    def __init__(self, piped_from: Command | None = None) -> None:
        self.words: list[str] = []
        self.expands: set[int] = set()
        """Which of the words a shell would change."""
        self.stdin: tuple[str, bool] | None = None
        """Its text, and whether a shell would change it."""
        self.piped_from = piped_from


def commands_of(line: str) -> list[Command]:
    """The commands of a line or script, in order; none where it cannot be taken apart."""
    if len(line) > MAX_CHARACTERS:
        return []
    try:
        return _Reader(line).read()
    except Unclosed:
        return []


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._done: list[Command] = []
        self._command = Command()
        self._documents: list[tuple[Command, str, bool, bool]] = []  # whose, its delimiter, whether quoted, whether of "<<-"
        self._expands = False

    def read(self) -> list[Command]:
        text, end = self._text, len(self._text)
        while self._at < end:
            char = text[self._at]
            if char in _BLANKS or text.startswith("\\\n", self._at):
                self._at += 1 if char in _BLANKS else 2
            elif char == "#":
                self._at = _position(text.find("\n", self._at), end)
            elif char in _OPERATORS:
                self._operator(char)
            elif char in "<>":
                self._redirection()
            else:
                self._word()
        self._finish(None)
        return [command for command in self._done if command.words]

    def _finish(self, piped_from: Command | None) -> None:
        self._done.append(self._command)
        self._command = Command(piped_from)

    def _operator(self, char: str) -> None:
        is_pipe = char == "|" and not self._text.startswith("||", self._at)
        self._at += 2 if self._text[self._at : self._at + 2] in ("&&", "||", "|&", ";;") else 1
        self._finish(self._command if is_pipe else None)
        if char == "\n":
            self._read_documents()

    def _word(self) -> None:
        word = self._take()
        if self._at < len(self._text) and self._text[self._at] in "<>" and word.isdigit():
            return  # the descriptor of a redirection
        if self._expands:
            self._command.expands.add(len(self._command.words))
        self._command.words.append(word)

    def _redirection(self) -> None:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] in "<>&|-" and self._at - start < 3:
            self._at += 1
        operator = self._text[start : self._at]
        while self._at < len(self._text) and self._text[self._at] in _BLANKS:
            self._at += 1
        word_at = self._at
        word = self._take()
        if operator == "<<<":
            self._command.stdin = (word, self._expands)
        elif operator in ("<<", "<<-"):
            is_quoted = self._text[word_at : word_at + 1] in ("'", '"', "\\")
            self._documents.append((self._command, word, is_quoted, operator == "<<-"))

    # --- words

    def _take(self) -> str:
        """The word that begins here, without its quotes."""
        text = self._text
        pieces: list[str] = []
        self._expands = False
        while self._at < len(text):
            char = text[self._at]
            if char in _BLANKS or char in _OPERATORS or char in "<>":
                break
            pieces.append(self._piece(char))
        return "".join(pieces)

    def _piece(self, char: str) -> str:
        text = self._text
        if char == "'":
            return self._until("'")
        if char == '"':
            return self._double_quoted()
        if char == "\\":
            self._at += 2
            return "" if text[self._at - 1 : self._at] == "\n" else text[self._at - 1 : self._at]
        if text.startswith("$'", self._at):
            self._at += 1
            return self._ansi_quoted()
        if char in "$`":
            return self._expansion()
        start = self._at
        while self._at < len(text) and text[self._at] not in " \t\r\n;&|()<>'\"\\$`":
            self._at += 1
        return text[start : self._at]

    def _until(self, quote: str) -> str:
        end = self._text.find(quote, self._at + 1)
        if end < 0:
            raise Unclosed
        inner = self._text[self._at + 1 : end]
        self._at = end + 1
        return inner

    def _double_quoted(self) -> str:
        text = self._text
        pieces: list[str] = []
        self._at += 1
        while self._at < len(text):
            char = text[self._at]
            if char == '"':
                self._at += 1
                return "".join(pieces)
            if char == "\\" and text[self._at + 1 : self._at + 2] in ("$", "`", '"', "\\", "\n"):
                pieces.append("" if text[self._at + 1] == "\n" else text[self._at + 1])
                self._at += 2
            elif char in "$`":
                pieces.append(self._expansion())
            else:
                pieces.append(char)
                self._at += 1
        raise Unclosed

    def _ansi_quoted(self) -> str:
        text = self._text
        pieces: list[str] = []
        self._at += 1
        while self._at < len(text):
            char = text[self._at]
            self._at += 1
            if char == "'":
                return "".join(pieces)
            if char == "\\" and self._at < len(text):
                char = _ESCAPES.get(text[self._at], text[self._at])
                self._at += 1
            pieces.append(char)
        raise Unclosed

    def _expansion(self) -> str:
        """``$NAME``, ``$(…)`` or ```…```, as it is written."""
        text, start = self._text, self._at
        self._expands = True
        if text[start] == "`":
            return f"`{self._until('`')}`"
        self._at += 1
        if text.startswith("(", self._at):
            self._skip_parentheses()
        return text[start : self._at]

    def _skip_parentheses(self) -> None:
        text, depth = self._text, 0
        while self._at < len(text):
            char = text[self._at]
            if char in "'\"":
                self._until(char)
                continue
            depth += (char == "(") - (char == ")")
            self._at += 2 if char == "\\" else 1
            if depth == 0:
                return
        raise Unclosed

    # --- here-documents: they begin on the line after the one that announces them

    def _read_documents(self) -> None:
        documents, self._documents = self._documents, []
        for command, delimiter, is_quoted, is_indented in documents:
            lines = []
            while True:
                if self._at >= len(self._text):
                    raise Unclosed
                end = _position(self._text.find("\n", self._at), len(self._text))
                line = self._text[self._at : end]
                self._at = end + 1
                line = line.lstrip("\t") if is_indented else line
                if line == delimiter:
                    break
                lines.append(line)
            body = "\n".join(lines)
            command.stdin = (body, not is_quoted and ("$" in body or "`" in body))


def _position(found: int, end: int) -> int:
    return end if found < 0 else found
