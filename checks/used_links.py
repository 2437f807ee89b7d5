"""Runs the SQL that the documentation of `replay` gives. The first use of a link must pass, and no other.

usage: used_links.py [FILE]
"""

import pathlib
import re
import sqlite3
import sys

source = pathlib.Path(__file__).parent.parent / "src" / "autoauth" / "replay.rs"
if len(sys.argv) > 1:
    source = pathlib.Path(sys.argv[1])
documentation = re.sub(r"^//! ?", "", source.read_text(), flags=re.M)
create, insert, delete = re.search(r"```sql\n(.*?)```", documentation, re.S)[1].split(";\n")[:3]

database = sqlite3.connect(":memory:")
database.execute(create)


def is_first_use(key, remember_until):
    try:
        database.execute(insert, (key, remember_until))
        return True
    except sqlite3.IntegrityError:
        return False


key, other = bytes(range(20)), bytes(20)
assert is_first_use(key, 1_700_000_901)
assert not is_first_use(key, 1_700_000_901), "used twice"
assert not is_first_use(key, 1_700_000_902), "used twice"
assert is_first_use(other, 1_700_000_901)

database.execute(delete, (1_700_000_901 + 3600,))
assert not is_first_use(key, 1_700_000_901), "deleted too early"
database.execute(delete, (1_700_000_901 + 3601,))
assert is_first_use(key, 1_700_000_901), "never deleted"
print("each link passed once")
