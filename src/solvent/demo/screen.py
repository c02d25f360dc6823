"""Where the story is told: lines for a file or a pipe, a panel below them where a person looks on."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from solvent.demo.scene import Scene, lines, panel
from solvent.views.arbitrage_pairs import clock
from solvent.views.tables import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live


class Screen:
    """`now_ms` is the story's clock, once there is one."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._live: Live | None = None
        self.now_ms: Callable[[], int] | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, words: str) -> None:
        """Something that happened, at its time of the story."""
        at = "" if self.now_ms is None else f"{clock(self.now_ms())}  "
        self._console.print(plain(at + words), soft_wrap=True)

    def note(self, words: str) -> None:
        """Something beside the story, or what belongs to the line before."""
        self._console.print(plain(words), soft_wrap=True)

    def show(self, scene: Scene, *, in_lines: bool) -> None:
        """How all stands: as the panel, or where there is none `in_lines`, if at all."""
        if self._live is not None:
            self._live.update(panel(scene))
        elif in_lines:
            for line in lines(scene):
                self.note(line)


__all__ = ["Screen"]
