#!/usr/bin/env python3
"""Writes the tables of docs/performance.md and benches/README.md from docs/figures.json, docs/load.json,
docs/companion.json and docs/services.json, which the measuring commands write.

usage: figures.py [--check [PAGE...]]

`--check` writes nothing. It fails if a table of the pages differs from the data. The control passes a PAGE with
wrong ratios in the place of one of them.
"""

import difflib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [DOCS / "performance.md", ROOT / "benches" / "README.md"]
FIGURES = json.loads((DOCS / "figures.json").read_text())
LOAD = json.loads((DOCS / "load.json").read_text())
COMPANION = json.loads((DOCS / "companion.json").read_text())
SERVICES = json.loads((DOCS / "services.json").read_text())
COMPANION_AIM = 0.85
MISSED = ", missed"
COMMANDS = {"bench": "`cargo bench`", "scale": "the program `scale`", "peers": "the program `peers`",
            "cluster": "`.ci/deep cluster`", "companion": "`checks/companion/measure.py`",
            "services": "`services/bridge/checks/speed/measure.py`"}
MEASURED = {**FIGURES, "companion": COMPANION, "services": SERVICES}
MACHINE = ("CPU", "threads", "SHA instructions", "rustc", "profile")

BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def machines(*names):
    for name in names:
        machine = MEASURED[name]["machine"]
        yield {"measured by": COMMANDS[name], **{column: machine.get(column) for column in MACHINE}}


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


def accepted(is_bcrypt):
    """The requests a second, those with bcrypt or the others."""
    return [row for row in of_scale("per second") if ("bcrypt" in row["verified"]) == is_bcrypt]


def companion():
    bare, *others = COMPANION["rows"]
    yield {**bare, "to the bare route": "1.00", "aim": ""}
    for row in others:
        ratio = row["to the bare route"]
        verdict = "reached" if ratio >= COMPANION_AIM else "missed"
        yield {**row, "to the bare route": f"{ratio:.2f}", "aim": f"at least {COMPANION_AIM}: {verdict}"}


def logins():
    row = SERVICES["logins"]
    yield {**row, "ratio": f"{row['ratio']:.2f}"}


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


def load_machine():
    yield {**LOAD["machine"], "seconds": LOAD["seconds"]}


def per_second(measured):
    """Three digits are all that a run shows."""
    rate = measured["per second"]
    return round(rate, 1) if rate < 100 else int(float(f"{rate:.3g}"))


def load_speed():
    for database, rows in LOAD["speed"].items():
        for row in rows:
            line = {"database": database, "clients": row["clients"]}
            for name in ("without authentication", "cache", "cache off"):
                line[f"{name}, a second"] = per_second(row[name])
                line[f"{name}, p50 and p99 in ms"] = " ".join(f"{row[name][key]:.1f}" for key in ("p50 ms", "p99 ms"))
            yield line


def load_goals():
    """Each goal beside the worst row that it holds for."""
    rate = lambda row, name: row[name]["per second"]
    for database, rows in LOAD["speed"].items():
        # Over MariaDB, three round trips stand against two, which is 0.67. There is no goal.
        if database == "SQLite":
            share = min(rate(row, "cache") / rate(row, "without authentication") for row in rows)
            yield goal(f"with the cache, to no authentication, {database}", share, 0.8)
        times = min(rate(row, "cache") / rate(row, "cache off") for row in rows if row["clients"] == 8)
        yield goal(f"with the cache, to the cache off, 8 clients, {database}", times, 100)
    for server in dict.fromkeys(row["server"] for row in LOAD["floods"]):
        kept = min(kept_rate(row) for row in LOAD["floods"] if row["server"] == server)
        yield goal(f"kept beside a flood: {server}", kept, 0.5)


def goal(name, ratio, aim):
    verdict = "reached" if ratio >= aim else "missed"
    return {"lowest ratio of the calls a second": name, "ratio": f"{ratio:.2f}", "aim": f"at least {aim:g}", "": verdict}


def kept_rate(row):
    return rate_of(row, "beside the flood") / rate_of(row, "alone")


def rate_of(row, name):
    return row[name]["per second"]


def load_floods():
    for row in LOAD["floods"]:
        yield {
            "server": row["server"],
            "flood": row["flood"],
            "alone, a second": per_second(row["alone"]),
            "beside the flood, a second": per_second(row["beside the flood"]),
            "kept": f"{kept_rate(row):.2f}",
            "p99 in ms": row["beside the flood"]["p99 ms"],
            "flood refused, a second": per_second({"per second": row["refused per second"]}),
        }


TABLES = {
    "missed": missed(),
    "machines": machines("bench", "scale", "companion", "services"),
    "other_machines": machines("peers", "cluster"),
    "links": by_source("link"),
    "requests": by_source("identifier", "username"),
    "cache": by_case("cache of matches"),
    "others": by_case("goto", "signer"),
    "stores": by_case("one of"),
    "threads": by_case("one store"),
    "calls": accepted(is_bcrypt=False),
    "bcrypt": accepted(is_bcrypt=True),
    "companion": companion(),
    "logins": logins(),
    "memory": SERVICES["memory"],
    "credentials": of_scale("credentials"),
    "keys": of_scale("keys"),
    "lengths": of_scale("lengths"),
    "peers": peers(),
    "load_machine": load_machine(),
    "load_speed": load_speed(),
    "load_goals": load_goals(),
    "load_floods": load_floods(),
    "servers": FIGURES["cluster"]["tables"]["servers"],
}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
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
    paths = [pathlib.Path(name) for name in sys.argv[2:]] or PAGES
    tables = {name: list(rows) for name, rows in TABLES.items()}
    shown = {row["group"] for rows in tables.values() for row in rows if "group" in row}
    if unshown := set(FIGURES["bench"]["tables"]) - shown:
        sys.exit(f"no table shows {sorted(unshown)}")

    pages = [path.read_text() for path in paths]
    on_pages = sorted(name for page in pages for _, name, _ in BLOCK.findall(page))
    if on_pages != sorted(tables):
        sys.exit(f"the pages have other tables than the data: {on_pages}, {sorted(tables)}")
    for path, page in zip(paths, pages):
        written = BLOCK.sub(lambda block: block[1] + markdown(tables[block[2]]) + block[3], page)
        if not is_check:
            path.write_text(written)
        elif written != page:
            difference = difflib.unified_diff(page.splitlines(), written.splitlines(), "page", "data", n=0, lineterm="")
            sys.exit("\n".join([*difference, f"{path} differs from the data in docs: run checks/figures.py"]))
    print(f"{len(tables)} tables show the data in docs")


main()
