#!/usr/bin/env python3
"""Fails if files of a crate import each other in a circle, or if a file imports what the layout forbids.

usage: layout.py [--add FILE CODE]

`--add` reads CODE as if it stood at the end of FILE. The controls use it to plant a forbidden import.
"""

import graphlib
import pathlib
import re
import sys

# The crates, by their folders, with their layers. A subject is a folder in there, or a file beside lib.rs. It imports
# itself and the subjects of lower layers. The files of layer 0 also import each other.
CRATES = {
    "src": [
        {"field", "php_name", "pairs", "secret_text", "digest", "clock", "refusal"},
        {"stored"},
        {"cache"},
        {"api", "autoauth"},
        {"gate", "answer", "received"},
        {"http", "diagnose"},
    ],
    "crates/axum/src": [
        {"access", "turns", "body", "cause", "report", "network", "recent"},
        {"rejection", "watch", "guess", "not_followed"},
        {"call"},
        {"authenticator", "link"},
        {"layer"},
    ],
}
# The library's core lies below its last layer, and works without remembered links.
REPLAY = "src/autoauth/replay.rs"

NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|\bb?r(\#*)".*?"\1|"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^'\\])'""", re.DOTALL)
TEST = r"#\[cfg\((?:all\()?test\b[^\]]*\]\s*"
TEST_FILE = re.compile(TEST + r'(?:#\[path = "([^"]+)"\]\s*)?mod (\w+);')
INNER_MODULE = re.compile(rf"({TEST})?(?:pub(?:\([^)]*\))? )?mod (\w+) \{{")
USE_GROUP = re.compile(r"((?:\w+::)+)\{([^{}]*)\}")


def modules(code, names):
    """The names and the code of a module and of the modules inside it, without those of tests."""
    own = ""
    while inner := INNER_MODULE.search(code):
        end, depth = inner.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(code[end], 0)
            end += 1
        if not inner[1]:
            yield from modules(code[inner.end() : end - 1], [*names, inner[2]])
        own += code[: inner.start()]
        code = code[end:]
    yield names, own + code


def paths(code):
    """Every path that begins in this crate, as it is written, `use a::{b, c}` as `a::b` and `a::c`."""
    flat = None
    while flat != code:
        flat, code = code, USE_GROUP.sub(ungroup, code)
    first = "|".join(["crate", "self", "super", *re.findall(r"\bmod (\w+);", code)])
    return re.findall(rf"(?<![\w:.])(?:{first})(?:::(?:\w+|\*))+", code)


def ungroup(group):
    return ", ".join(group[1] + item.strip() for item in group[2].split(",") if item.strip())


def absolute(path, names):
    first, *rest = path.split("::")
    if first == "crate":
        return rest
    while first in ("self", "super"):
        names = names[:-1] if first == "super" else names
        first, *rest = rest
    return [*names, first, *rest]


def layer(crate, file):
    subject = file.removeprefix(f"{crate}/").split("/")[0].removesuffix(".rs")
    for number, subjects in enumerate(CRATES[crate]):
        if subject in subjects:
            return number, subject
    sys.exit(f"{file} is in no layer")


def is_allowed(crate, importer, imported):
    # lib.rs exports everything again, so whoever imports it could reach every layer.
    if imported == f"{crate}/lib.rs":
        return False
    (above, subject), (below, other) = layer(crate, importer), layer(crate, imported)
    if imported == REPLAY and above < len(CRATES[crate]) - 1:
        return False
    return below < above or subject == other or above == below == 0


def check(crate, sources):
    """The imports of each file, and the faults."""
    # `a/mod.rs` is the module `a`, and `lib.rs` has no name.
    parts = lambda file: pathlib.PurePosixPath(file).relative_to(crate).with_suffix("").parts
    names = {file: [name for name in parts(file) if name not in ("mod", "lib")] for file in sources}
    file_of = {tuple(names[file]): file for file in sources}
    for file, source in list(sources.items()):
        for path, name in TEST_FILE.findall(source):
            del sources[f"{file.rsplit('/', 1)[0]}/{path}" if path else file_of[*names[file], name]]

    imports, faults = {}, []
    for file in sources.keys() - {f"{crate}/lib.rs"}:
        imports[file] = set()
        for module, code in modules(NO_CODE.sub('""', sources[file]), names[file]):
            for path in paths(code):
                target = absolute(path, module)
                while tuple(target) not in file_of:
                    target.pop()
                imported = file_of[tuple(target)]
                if imported == file:
                    continue
                imports[file].add(imported)
                if not is_allowed(crate, file, imported):
                    faults.append(f"{file} must not import {imported}: {path}")
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        faults.append("circle: " + " -> ".join(reversed(error.args[1])))
    return imports, faults


def main(added):
    root = pathlib.Path(__file__).resolve().parent.parent
    name = lambda path: path.relative_to(root).as_posix()
    crates = {
        crate: {name(path): path.read_text("utf-8") for path in root.glob(f"{crate}/**/*.rs")} for crate in CRATES
    }
    if added:
        file, code = added
        next(sources for sources in crates.values() if file in sources)[file] += code
    faults = []
    for crate, sources in crates.items():
        imports, wrong = check(crate, sources)
        faults += wrong
        print(crate, "has", len(imports), "files and", sum(map(len, imports.values())), "imports")
    if faults:
        sys.exit("\n".join(sorted(faults)))
    print("all in one direction")


if len(sys.argv) not in (1, 4) or sys.argv[1:2] not in ([], ["--add"]):
    sys.exit(__doc__)
main(sys.argv[2:])
