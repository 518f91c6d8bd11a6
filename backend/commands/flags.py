"""Flags as `ollama` takes them: `--verbose=false` besides `--verbose`, and `--think` alone besides
`--think=high` (a word after it is the prompt's).
"""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand, TyperOption

from backend.commands.errors import CommandFailed

BARE_VALUES = {"--think": "true"}
"""Options of a text that may stand alone, and what they then mean."""
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


class GoCommand(TyperCommand):
    """A command whose flags are written Go's way."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line: what has to be given in its own words, flags after it."""
        words = [str(param.metavar) for param in self.params if param.param_type_name == "argument"]
        return [*words, "[FLAGS]"]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Bring the flags into the form that typer reads."""
        switches = {
            name: param
            for param in self.params
            if isinstance(param, TyperOption) and param.is_flag
            for name in param.opts
        }
        end = args.index("--") if "--" in args else len(args)
        plain = [text for arg in args[:end] for text in _plain(arg, switches)]
        return super().parse_args(ctx, plain + args[end:])


def _plain(arg: str, switches: dict[str, Any]) -> list[str]:
    if arg in BARE_VALUES:
        return [f"{arg}={BARE_VALUES[arg]}"]
    name, equals, value = arg.partition("=")
    if not equals or name not in switches:
        return [arg]
    param = switches[name]
    if value.lower() in _TRUE:
        return [name]
    if value.lower() not in _FALSE:
        raise CommandFailed(f'invalid argument "{value}" for "{name}" flag: neither true nor false')
    return [param.secondary_opts[0]] if param.secondary_opts else []


def exactly(args: Sequence[str] | None, count: int) -> list[str]:
    """The arguments, where there are so many; raises CommandFailed."""
    given = list(args or ())
    if len(given) != count:
        raise CommandFailed(f"accepts {count} arg(s), received {len(given)}")
    return given


def at_least(args: Sequence[str] | None, count: int) -> list[str]:
    """The arguments, where there are not fewer; raises CommandFailed."""
    given = list(args or ())
    if len(given) < count:
        raise CommandFailed(f"requires at least {count} arg(s), only received {len(given)}")
    return given
