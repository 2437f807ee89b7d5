"""Writes the Rust examples of pages as programs, as a reader copies them into a project of his own.

usage: copied_examples.py FOLDER PAGE...

A PAGE is a Markdown file, or a Rust file whose first documentation is meant. A reader does not see the hidden lines, and
puts what has no `main` into one.
"""

import pathlib
import re
import sys

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
count = 0
for page in map(pathlib.Path, sys.argv[2:]):
    text = page.read_text()
    if page.suffix == ".rs":
        text = "\n".join(re.findall(r"^//! ?(.*)$", text, re.MULTILINE))
    for language, block in re.findall(r"^```(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language and not language.startswith("rust"):
            continue
        code = "".join(line for line in block.splitlines(True) if not re.match(r"#( |$)", line))
        if "fn main" not in code:
            code = f"fn main() -> Result<(), Box<dyn std::error::Error>> {{\n{code}\nOk(())\n}}\n"
        count += 1
        (folder / f"copied_{count}.rs").write_text(code)
print(count, "examples")
sys.exit(count == 0)
