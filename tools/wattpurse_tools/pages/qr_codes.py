"""QR codes as drawings for a page."""

import qrcode
from django.utils.html import format_html
from django.utils.safestring import SafeString

_BORDER = 4


def drawing(text: str) -> SafeString:
    """Return the QR code of a text."""
    code = qrcode.QRCode(border=_BORDER)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    squares = "".join(
        f"M{column} {line}h1v1h-1z" for line, row in enumerate(rows) for column, dark in enumerate(row) if dark
    )
    return format_html(
        '<svg class="qr" role="img" aria-label="QR" viewBox="0 0 {0} {0}" shape-rendering="crispEdges">'
        '<rect width="{0}" height="{0}" fill="#fff"/><path d="{1}" fill="#000"/></svg>',
        len(rows),
        squares,
    )
