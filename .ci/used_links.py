"""Runs the SQL of the replay guard's documentation: the first use of a link passes, no other."""

import pathlib
import re
import sqlite3

source = pathlib.Path(__file__).parent.parent / "src" / "autoauth" / "replay.rs"
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
assert not is_first_use(key, 1_700_000_901)
assert not is_first_use(key, 1_700_000_902)
assert is_first_use(other, 1_700_000_901)

database.execute(delete, (1_700_000_901 + 3600,))
assert not is_first_use(key, 1_700_000_901), "forgotten too early"
database.execute(delete, (1_700_000_901 + 3601,))
assert is_first_use(key, 1_700_000_901), "never forgotten"
print("one first use each")
