"""Words of a command that no name, folder or text can be: refused before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.core import TyperArgument, TyperCommand, TyperOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Careful(TyperCommand):
    """A command that takes no empty word, as an unset variable of a shell leaves it, and no NUL."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse words and look at each. Raises BadParameter, which names the argument."""
        # As they are typed: an empty path would become the current folder.
        words, _, _ = self.make_parser(ctx).parse_args(list(args))
        self._look(ctx, words, _unwritten)
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            raise _in_our_words(error) from None
        self._look(ctx, ctx.params, _undecoded)  # paths are no text by now: they may be any bytes
        return rest

    def _look(
        self, ctx: typer.Context, words: Mapping[str, object], wrong: Callable[[str], str]
    ) -> None:
        for parameter in self.params:
            assert isinstance(parameter, TyperArgument | TyperOption)  # noqa: S101 - typer's own
            for text in filter(None, map(wrong, _words(words.get(str(parameter.name))))):
                raise typer.BadParameter(text, ctx=ctx, param=parameter)


def _in_our_words(error: typer.BadParameter) -> typer.BadParameter:
    """Return the error with words of ours where a library's validator wrote it."""
    if not error.message.startswith("Input should be"):
        return error
    text = "write a whole number" if "integer" in error.message else "write a number"
    return typer.BadParameter(text, ctx=error.ctx, param=error.param)


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _words(item)


def _unwritten(word: str) -> str:
    if not word.strip():
        return "is empty: write it, or leave it out"
    return f"{word!r} has a NUL character, which no name or text has" if "\0" in word else ""


def _undecoded(word: str) -> str:
    surrogate = any("\ud800" <= letter <= "\udfff" for letter in word)
    return f"{word!r} is no text in this terminal's encoding" if surrogate else ""
