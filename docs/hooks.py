"""What mkdocs calls while it builds the site: pages of the code come in, pages of the clone become those of a site."""

import re
from typing import Any

from docs.generate import linked, pages, rooms, sections


def on_config(config: Any) -> Any:
    """The pages of papers and verbs, below those that list them."""
    of_rooms: list[Any] = [{room: [f"verbs/{room}/{name}.md" for name in names]} for room, names in rooms().items()]
    below = {"papers.md": [f"papers/{name}.md" for name in sections()], "verbs.md": of_rooms}
    named = [(title, page) for one in config.nav for title, page in one.items()]
    config.nav = [
        {title: [{"All": page}, *below[page]] if isinstance(page, str) and page in below else page}
        for title, page in named
    ]
    return config


def on_files(files: Any, config: Any) -> Any:
    """The pages made here, among those that are there."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page of the clone as one of the site: what lies beside the pages is a page here, and papers stand apart."""
    path = page.file.src_uri
    if path.startswith("decisions/"):
        page.meta["search"] = {"boost": 0.2}  # below what is looked for more often
    if path == "papers.md":
        markdown = re.sub(r"\(#([\w-]+)\)", r"(papers/\1.md)", markdown.partition("\n## ")[0])
    up = "../" * path.count("/")
    markdown = markdown if path in pages() else linked(markdown, up)
    return re.sub(r"\]\((?:\.\./)+recipes/([\w-]+)\.yaml\)", rf"]({up}papers/\1.md)", markdown)


def on_post_page(output: str, **_: Any) -> str:
    """The theme's search is a dialog without a name; it gets one."""
    return output.replace('role="dialog">', 'role="dialog" aria-label="Search">', 1)
