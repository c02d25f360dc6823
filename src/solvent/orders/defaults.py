"""What holds where a user says nothing."""

from decimal import Decimal
from typing import Final

DEFAULT_LEVERAGE: Final = Decimal(3)

__all__ = ["DEFAULT_LEVERAGE"]
