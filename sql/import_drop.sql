-- Removes what an import (this one, or one that was interrupted) left behind.
DROP DATABASE IF EXISTS sextant_import SYNC
