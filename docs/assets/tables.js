// A table that is wider than the screen is moved by keys as well.
addEventListener("load", () => {
  for (const around of document.querySelectorAll(".md-typeset__scrollwrap"))
    if (around.scrollWidth > around.clientWidth) {
      around.tabIndex = 0;
      around.role = "group";
      around.ariaLabel = "Table";
    }
});
