"""Make manual pages of section 3 from the public headers, so that the two cannot differ.

	manual.py FOLDER HEADER...

FOLDER gets a page for each header, with its types and macros, and a page for each function, or for
each group of functions under one comment. What was in it is removed. A page's SYNOPSIS is the
declaration; the comment above it is the DESCRIPTION, and its labelled paragraphs (returns, errors,
owns, blocks, threads, forks) are sections."""

import pathlib
import re
import sys

SECTIONS = {
    "returns": "RETURN VALUE",
    "errors": "ERRORS",
    "owns": "OWNERSHIP",
    "blocks": "BLOCKING",
    "threads": "THREADS",
    "forks": "FORKS",
}
LABEL = re.compile(rf"({'|'.join(SECTIONS)})  +(.*)")
FUNCTION = re.compile(r"\b(sc_\w+)\(")
ROW = re.compile(r"^\t(\w+)\((.*)\)$", re.DOTALL)


class Item:
    """A comment, and the code under it up to the next blank line outside of braces."""

    def __init__(self, comment, code):
        self.comment, self.code = comment, code
        self.is_section = str(comment[0]).startswith(
            "---- "
        )  # a title, and what is said of all under it
        self.functions = []
        if not re.match(r"#|typedef|(struct|enum) \w+ (\{|;)", code):
            self.functions = [FUNCTION.search(declaration)[1] for declaration in self.declarations()
                              if FUNCTION.search(declaration)]

    def declarations(self):
        """The declarations of functions, without the bodies of inline ones."""
        code = re.sub(r"^static inline (.*?\))\n\{.*", r"\1;", self.code, flags=re.DOTALL)
        return [re.sub(r"\s*SC_PRINTF_LIKE\(.*?\)", "", one).strip()
                for one in re.split(r"(?<=;)\n", code) if one.strip()]

    def summary(self):
        """The first sentence, as the line of a page that `apropos` searches has it."""
        sentence = re.split(r"[.:](?:\s|$)| \(", self.comment[0])[0]
        return re.sub(r"`|\(\)", "", sentence[:1].lower() + sentence[1:])


def comment_lines(block):
    """The lines of a comment without its marks; the first tab of a line of code stays."""
    lines = block.removesuffix("*/").rstrip().split("\n")
    return [re.sub(r"^/\* ?|^ \* ?|^ \*$", "", line) for line in lines]


def paragraphs(lines):
    """Text as one string each; code as a list of lines; a label begins a paragraph."""
    found = []
    for line in [*lines, ""]:
        if not line:
            found.append(None)
        elif line.startswith("\t"):
            if not (found and isinstance(found[-1], list)):
                found.append([])
            found[-1].append(line.expandtabs(8)[8:])
        elif LABEL.match(line) or not found or not isinstance(found[-1], str):
            found.append(line)
        else:
            found[-1] += " " + line.strip()
    return [paragraph for paragraph in found if paragraph]


def items(text):
    """The commented items of a header, in order; the first is the header's own comment."""
    for match in re.finditer(r"^/\*.*?\*/\n", text, re.MULTILINE | re.DOTALL):
        code, depth = [], 0
        for line in text[match.end():].split("\n"):
            if not line and depth == 0:
                break
            depth += line.count("{") - line.count("}")
            code.append(line)
        yield Item(paragraphs(comment_lines(match[0].rstrip())), "\n".join(code))


def roff(text):
    """A text in roff: names of functions are bold, text in backquotes is italic."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"`([^`]*)`", r"\\fI\1\\fR", text)
    text = re.sub(r"\b(sc_\w+)\(\)", r"\\fB\1\\fR()", text)
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def verbatim(code):
    return f".PP\n.RS 4\n.nf\n{roff(code.expandtabs(8))}\n.fi\n.RE\n"


def body(comment, label=None):
    """The paragraphs without a label, or those of one label with all that follow it."""
    page, current = "", None
    for paragraph in comment:
        found = LABEL.match(paragraph) if isinstance(paragraph, str) else None
        if found:
            current, paragraph = found[1], found[2][0].upper() + found[2][1:]
        if current != label:
            continue
        page += (
            verbatim("\n".join(paragraph))
            if isinstance(paragraph, list)
            else f".PP\n{roff(paragraph)}\n"
        )
    return page


def head(name, summary, synopsis):
    return (
        f'.TH {name.upper()} 3 "" "scopecache" "Library Functions"\n.nh\n.ad l\n'
        f'.SH NAME\n{name} \\-'
        f' {roff(summary)}\n.SH SYNOPSIS\n.nf\n{synopsis}\n.fi\n.SH DESCRIPTION\n'
    )


def see_also(names):
    return ".SH SEE ALSO\n" + ",\n".join(f".BR {name} (3)" for name in names) + "\n"


def function_page(item, header):
    text = str(item.comment)
    synopsis = "\n".join(f"\\fB{roff(one.expandtabs(8))}\\fR".replace("\n", "\\fR\n\\fB")
                         for one in item.declarations())
    page = head(
        item.functions[0], item.summary(), f"#include <scopecache/{header}.h>\n.PP\n{synopsis}"
    )
    page = page.replace(f"{item.functions[0]} \\-", f"{', '.join(item.functions)} \\-", 1) + body(
        item.comment
    )
    for label, title in SECTIONS.items():
        found = body(item.comment, label)
        page += f".SH {title}\n{found}" if found else ""
    others = sorted(set(re.findall(r"\b(sc_\w+)\(\)", text)) - set(item.functions))
    return page + see_also([f"scopecache-{header}", *others])


def table_rows(code):
    """The rows of a table of the preprocessor: the name, and the text that its last strings
    make."""
    rows = ""
    for row in re.split(r"\\\n(?=\t\w+\()", code)[1:]:
        kind, arguments = ROW.match(re.sub(r"\s*\\\n\s*", " ", row.rstrip())).groups()
        name = arguments.split(",")[1 if kind == "POINTER" else 0].strip()
        text = "".join(re.findall(r'"(.*?)"', arguments))
        rows += f".TP\n.B {name}\n{roff(text)}\n"
    return rows


def definition(code):
    """The definition of a type or a macro on a page; a macro of several lines is shown by its name
    and arguments."""
    code = re.sub(r"^#ifndef __cplusplus\n|\n#endif$", "", code)
    if re.match(r"#define SC_\w+\((X|NUMBER, TIME, POINTER)\)", code):
        return table_rows(code)
    code = re.sub(r"^(#define \w+(\([^)]*\))?)\s*\\\n.*", r"\1", code, flags=re.DOTALL)
    if not code.startswith("#"):
        code = "\n".join(line for line in code.split("\n") if not line.startswith("#"))
    return verbatim(code)


def header_page(header, opening, rest):
    """The page of a header: its opening comment, its types and macros, and the names of its
    functions."""
    summary = opening.comment[0].partition(" - ")[2].removesuffix(".")
    page = head(f"scopecache-{header}", summary, f"#include <scopecache/{header}.h>") + body(
        opening.comment[1:]
    )
    page += "".join(body([" ".join(item.comment)[5:-5]]) for item in rest if item.is_section)
    others = [item for item in rest if not item.functions and not item.is_section]
    functions = [item for item in rest if item.functions]
    if others:
        page += ".SH TYPES AND MACROS\n"
    for item in others:
        name = re.search(r"\b(?:struct|enum) (\w+)|\(\*(\w+)\)|#define (\w+)", item.code)
        page += f".SS {next(filter(None, name.groups()))}\n{body(item.comment)}"
        page += body(item.comment, "returns").replace(".PP\n", ".PP\nReturns: ", 1) + definition(
            item.code
        )
    if functions:
        page += ".SH FUNCTIONS\n"
    for item in functions:
        names = ",\n".join(f".BR {name} (3)" for name in item.functions)
        page += f".TP\n{names}\n{roff(item.comment[0].split('. ')[0].removesuffix('.'))}.\n"
    return page


def make(folder, header):
    name = header.stem
    opening, *rest = items(header.read_text(encoding="utf-8"))
    rest = [item for item in rest if not str(item.comment[0]).startswith("Private:")]
    pages = {f"scopecache-{name}": header_page(name, opening, rest)}
    for item in rest:
        if item.functions:
            pages[item.functions[0]] = function_page(item, name)
            pages |= {other: f".so man3/{item.functions[0]}.3\n" for other in item.functions[1:]}
    for page, text in pages.items():
        (folder / f"{page}.3").write_text(text, encoding="utf-8")


def main(folder, *headers):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.3"):
        old.unlink()
    for header in map(pathlib.Path, headers):
        make(folder, header)


if __name__ == "__main__":
    main(*sys.argv[1:])
