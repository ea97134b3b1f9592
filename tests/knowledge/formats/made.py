"""Documents as office programs write them, made here about the fictional city of Yunzhu."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#: Where the one link of a package leads; its relation is r3.
LINK = "https://yunzhu.example/library"
#: Style ids as a Chinese Word gives them, and the names that never change.
STYLES = {"a3": "Title", "1": "heading 1", "2": "heading 2", "3": "heading 3"}

#: A paragraph is (style id or "", text); a table is a list of rows.
Part = tuple[str, str] | list[list[str]]


def docx(path: Path, parts: Sequence[Part], title: str = "") -> Path:
    """A document of Word."""
    body = "".join(_table(p) if isinstance(p, list) else _paragraph(*p) for p in parts)
    document = f'<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return packed(path, {"word/document.xml": document, "docProps/core.xml": _core(title)})


def packed(path: Path, files: dict[str, str | bytes]) -> Path:
    """A package of Word with these files and what must be beside them."""
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{i}"><w:name w:val="{n}"/></w:style>'
        for i, n in STYLES.items()
    )
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    always: dict[str, str | bytes] = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="r2" Type="{OFFICE}/numbering" Target="numbering.xml"/>'
        f'<Relationship Id="r3" Type="{OFFICE}/hyperlink" Target="{LINK}" TargetMode="External"/>'
        "</Relationships>",
        "word/numbering.xml": f'<w:numbering xmlns:w="{W}"><w:abstractNum w:abstractNumId="1">'
        '<w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>',
        "word/styles.xml": f'<w:styles xmlns:w="{W}">{styles}</w:styles>',
    }
    with ZipFile(path, "w", ZIP_DEFLATED) as pack:
        for name, content in (always | files).items():
            pack.writestr(name, content)
    return path


def _paragraph(style: str, text: str) -> str:
    chosen = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{chosen}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def _table(rows: list[list[str]]) -> str:
    cells = ("".join(f"<w:tc>{_paragraph('', c)}</w:tc>" for c in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def _core(title: str) -> str:
    return (
        f'<c:coreProperties xmlns:c="{PACKAGE}/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title>'
        "</c:coreProperties>"
    )


#: One line of a page: size in points, text.
Set = tuple[int, str]


def pdf(path: Path, pages: Sequence[Sequence[Set] | bytes], title: str = "") -> Path:
    """A document of a printer driver: Chinese in a font that is not embedded.

    A page is its lines, or the object that holds its content.
    """
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H"
        b"/DescendantFonts[4 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>",
    ]
    for number, lines in enumerate(pages):
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 3 0 R>>>>"
            b"/Contents %d 0 R>>" % (6 + 2 * number)
        )
        objects.append(lines if isinstance(lines, bytes) else _stream(lines))
    info = f"<</Title<feff{title.encode('utf-16-be').hex()}>>>".encode()
    return pdf_of(path, [*objects, info], info=len(objects) + 1)


def _stream(lines: Sequence[Set]) -> bytes:
    """Lines from the top, twice their size apart when the size changes, else 1.5 times."""
    y, last, parts = 760.0, 0, []
    for size, text in lines:
        y -= size * (1.5 if size == last else 2.5)
        code = text.encode("utf-16-be").hex()
        parts.append(f"BT /F {size} Tf 1 0 0 1 50 {y} Tm <{code}> Tj ET")
        last = size
    return stream(zlib.compress("\n".join(parts).encode()), b"/Filter/FlateDecode")


def stream(content: bytes, keys: bytes) -> bytes:
    """A stream object."""
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), keys, content)


def pdf_of(path: Path, objects: Sequence[bytes], info: int = 0) -> Path:
    """A PDF of these objects, the first its catalogue."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    told = b"/Info %d 0 R" % info if info else b""
    out += b"trailer<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, told)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    path.write_bytes(out)
    return path
