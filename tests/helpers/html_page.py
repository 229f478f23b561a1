"""What a test wants to know of an HTML page."""

from html.parser import HTMLParser


class Elements(HTMLParser):
    """The elements of a page, by tag: attributes, and the text in scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self._id = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._id = dict(attributes).get("id", tag)

    def handle_endtag(self, tag):
        self._id = ""

    def handle_data(self, text):
        self.texts[self._id] = self.texts.get(self._id, "") + text
