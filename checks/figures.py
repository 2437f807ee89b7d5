#!/usr/bin/env python3
"""Writes the tables of docs/performance.md from docs/figures.json, which the measuring commands write.

usage: figures.py [--check [PAGE]]

`--check` writes nothing. It fails if a table of the page differs from the data. The control passes a PAGE with
wrong ratios.
"""

import difflib
import json
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).parent.parent / "docs"
FIGURES = json.loads((DOCS / "figures.json").read_text())
MISSED = ", missed"
COMMANDS = {"bench": "`cargo bench`", "scale": "the program `scale`", "peers": "the program `peers`"}

BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def machines():
    for section, command in COMMANDS.items():
        machine = dict(FIGURES[section]["machine"])
        machine["SHA instructions"] = "yes" if machine["SHA instructions"] else "no"
        yield {"measured by": command, **machine}


def groups(*prefixes):
    """The groups of `cargo bench` whose names begin so, each with its rows."""
    for name, rows in FIGURES["bench"]["tables"].items():
        if name.startswith(prefixes):
            yield name, rows


def by_source(*prefixes):
    """The cases have names like `SOURCE, CASE`. Each source of the fields becomes a column."""
    for name, rows in groups(*prefixes):
        cases = {}
        for row in rows:
            source, case = row["case"].split(", ", 1)
            cases.setdefault(case, {})[source] = row
        for case, sources in cases.items():
            ratios = {source: row["ratio"] for source, row in sources.items()}
            floor = sources["decoded fields"]["floor"]
            yield {"group": name, "case": case.replace("_", " "), **ratios, "floor of decoded fields": floor}


def by_case(*prefixes):
    for name, rows in groups(*prefixes):
        for row in rows:
            yield {"group": name, "case": row["case"], "ratio": row["ratio"], "floor": row["floor"]}


def of_scale(name):
    return FIGURES["scale"]["tables"][name]


def peers():
    for row in FIGURES["peers"]["tables"]["peers"]:
        yield {key: row[key] for key in ("contestant", "what is measured", "ratio")}


def missed():
    """The cases that did not reach their aim."""
    for name, rows in FIGURES["bench"]["tables"].items():
        for row in rows:
            if (row["limit"] or "").endswith(MISSED):
                yield missed_row(f"{name}: {row['case']}", row, f"at most {row['limit']}")
    for row in FIGURES["peers"]["tables"]["peers"]:
        if (row["at least"] or "").endswith(MISSED):
            yield missed_row(row["contestant"], row, f"at least {row['at least']}")


def missed_row(case, row, aim):
    return {"case": case, "ratio": f"{row['ratio']:.2f}", "aim": aim.removesuffix(MISSED)}


TABLES = {
    "missed": missed(),
    "machines": machines(),
    "links": by_source("link"),
    "requests": by_source("identifier", "username"),
    "cache": by_case("cache of matches"),
    "others": by_case("goto", "signer"),
    "stores": by_case("one of"),
    "threads": by_case("one store"),
    "per_second": of_scale("per second"),
    "credentials": of_scale("credentials"),
    "keys": of_scale("keys"),
    "lengths": of_scale("lengths"),
    "peers": peers(),
}


def is_number(value):
    return isinstance(value, (int, float))


def cell(value):
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if is_number(value) else value


def markdown(rows):
    if not rows:
        return "None.\n"
    rule = ["---:" if is_number(value) else "---" for value in rows[0].values()]
    cells = [list(rows[0]), rule, *([cell(value) for value in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def main():
    is_check = sys.argv[1:2] == ["--check"]
    path = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else DOCS / "performance.md"
    tables = {name: list(rows) for name, rows in TABLES.items()}
    shown = {row["group"] for rows in tables.values() for row in rows if "group" in row}
    if unshown := set(FIGURES["bench"]["tables"]) - shown:
        sys.exit(f"no table shows {sorted(unshown)}")

    page = path.read_text()
    on_page = sorted(name for _, name, _ in BLOCK.findall(page))
    if on_page != sorted(tables):
        sys.exit(f"the page has other tables than the data: {on_page}, {sorted(tables)}")
    written = BLOCK.sub(lambda block: block[1] + markdown(tables[block[2]]) + block[3], page)
    if not is_check:
        path.write_text(written)
    elif written != page:
        difference = difflib.unified_diff(page.splitlines(), written.splitlines(), "page", "data", n=0, lineterm="")
        sys.exit("\n".join([*difference, "the page differs from docs/figures.json: run checks/figures.py"]))
    print(f"{len(tables)} tables show docs/figures.json")


main()
