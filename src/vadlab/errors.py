"""The errors a user meets. Each message says: which file, what was expected, what was found, the remedy."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DataError", "StoreError", "UsageError", "VadlabError", "WeightsError"]


class VadlabError(Exception):
    """Base of all errors that a user can mend; the command line prints them without a traceback."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        """Compose the message from its parts; parts left out are not printed.

        Args:
            message: One sentence: what went wrong.
            file: The file or folder concerned.
            expected: What should have been there.
            found: What was there instead.
            remedy: What the user can do, as a command where one exists.
        """
        self.message, self.file, self.remedy = message, file, remedy
        self.expected, self.found = expected, found
        parts = [message if file is None else f"{file}: {message}"]
        if expected is not None:
            parts.append(f"expected: {expected}")
        if found is not None:
            parts.append(f"found: {found}")
        if remedy is not None:
            parts.append(f"remedy: {remedy}")
        super().__init__("\n  ".join(parts))


class DataError(VadlabError):
    """A video, label file or dataset folder is not what it should be."""


class WeightsError(VadlabError):
    """Pretrained weights are missing, unreachable, or not the pinned ones."""


class StoreError(VadlabError):
    """A feature store or run folder is damaged or does not fit the request."""


class UsageError(VadlabError):
    """The request itself is wrong: an unknown name, key or value."""

    exit_code = 2
