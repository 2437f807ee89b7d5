"""Fails if a link of the packaged pages or of the rendered documentation leads nowhere.

A README is read at a registry, so it has no relative link. Other packaged pages link to packaged files only.

usage: links.py DOCUMENTATION [PAGE...]

DOCUMENTATION is the folder that `cargo doc --all-features -p whmcs-auth -p whmcs-auth-axum` wrote. A PAGE is read like
the README of the library, in its place.
"""

import functools
import html.parser
import pathlib
import re
import subprocess
import sys
from urllib.parse import unquote

documentation = pathlib.Path(sys.argv[1]).resolve()
ours = ["whmcs_auth", "whmcs_auth_axum"]
missing = []


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(path.read_text())

    def handle_starttag(self, _tag, attributes):
        for name, value in attributes:
            if name in ("href", "src"):
                self.links.append(value or "")
            elif name == "id":
                self.ids.add(value)


read = functools.cache(Page)

# rustdoc names an associated type of another crate by its private module.
OF_RUSTDOC = "../whmcs_auth/api/async_store/trait.AsyncCredentialStore.html#associatedtype.Id"


def leads_somewhere(link, page):
    """Whether a link of a rendered page has a target. Links to other sites are not followed."""
    hosted = re.match(r"https://docs\.rs/(?:whmcs-auth|whmcs-auth-axum)(?:/latest/(.*))?$", link)
    if hosted:
        path, page = "/" + (hosted[1] or ""), documentation
    elif re.match(r"[a-z]+:", link):
        return True
    else:
        path = link
    path, _, anchor = path.partition("#")
    target = documentation / path[1:] if path.startswith("/") else page.parent / path if path else page
    target = target.resolve()
    if target.is_dir() and target != documentation:
        target /= "index.html"
    if not target.exists():
        return False
    is_page = target.suffix == ".html" and documentation / "src" not in target.parents
    return not anchor or not is_page or not read(target).ids.isdisjoint({anchor, unquote(anchor)})


def markdown_links(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)


pages = [path for name in ours for path in (documentation / name).rglob("*.html")]
assert len(pages) > 100, "the documentation is not built"
count = 0
for page in pages:
    for link in read(page).links:
        count += 1
        if link != OF_RUSTDOC and not leads_somewhere(link, page):
            missing.append((page.relative_to(documentation), link))

for name, folder in ("whmcs-auth", pathlib.Path(".")), ("whmcs-auth-axum", pathlib.Path("crates/axum")):
    listed = subprocess.check_output(["cargo", "package", "-q", "--allow-dirty", "--list", "-p", name], text=True)
    packaged = {(folder / file).resolve() for file in listed.splitlines()}
    for page in sorted(folder / file for file in listed.splitlines() if file.endswith(".md")):
        is_readme = page == folder / "README.md"
        given = sys.argv[2:] if page == pathlib.Path("README.md") else []
        for link in (link for path in given or [page] for link in markdown_links(pathlib.Path(path).read_text())):
            count += 1
            if re.match(r"[a-z]+:", link):
                found = leads_somewhere(link, documentation)
            else:
                path = link.partition("#")[0]
                found = not is_readme and (not path or (page.parent / path).resolve() in packaged)
            if not found:
                missing.append((page, link))

for page, link in missing:
    print(f"{page}: a link to nowhere: {link}")
print(count, "links")
sys.exit(bool(missing))
