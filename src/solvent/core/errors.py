"""Errors a caller may catch; each says what was expected, what came, and where."""


class SolventError(Exception):
    """Any error that solvent raises on purpose."""


class BadInput(SolventError):
    """A value from outside does not have the form it must have. Nothing was computed from it."""

    def __init__(self, field: str, expected: str, was: object) -> None:
        self.field = field
        self.expected = expected
        self.was = was
        shown = was if isinstance(was, str) and was.startswith("<") else repr(was)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(f"{field}: expected {expected}, was {shown}")


class Refused(SolventError):
    """A question about an account that its facts do not allow to be answered, or a change it cannot bear.

    `code` is for programs, the message for people.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
