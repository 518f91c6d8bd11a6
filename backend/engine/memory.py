"""What a runner will take of the memory, from the model's header, before anything is loaded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes by purpose; all zero where nothing is known. `mapped` of `weights` is the file itself,
    which the system may drop and read again.
    """

    weights: int = 0
    cache: int = 0
    compute: int = 0
    process: int = 0

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.weights + self.cache + self.compute + self.process


UNKNOWN = Memory()
