"""A rolling window over numbers, with what a trader asks of it."""

from collections import deque


class Rolling:
    """The last `size` values; older ones fall out."""

    def __init__(self, size):
        if size < 2:
            raise ValueError(f"a window needs at least 2 values, not {size}")
        self._values = deque(maxlen=size)

    def add(self, value):
        self._values.append(value)

    @property
    def full(self):
        return len(self._values) == self._values.maxlen

    def change_percent(self):
        """From the oldest value to the newest, in percent of the oldest."""
        return 100 * (self._values[-1] - self._values[0]) / self._values[0]

    def mean(self):
        return sum(self._values) / len(self._values)
