"""The items that a response is made of, each with the events that tell it piece by piece."""

from collections.abc import Iterator
from typing import Any, ClassVar

Event = dict[str, Any]


class Item:
    """An item that grows: it begins, says deltas, and ends. `index` is its place in the output."""

    prefix: ClassVar[str]

    def __init__(self, id_: str, index: int) -> None:
        self.id, self.index = id_, index
        self.text = ""

    def shown(self, status: str) -> dict[str, Any]:
        """The item itself as it stands."""
        raise NotImplementedError

    def begin(self) -> Iterator[Event]:
        """The events before its first delta."""
        yield self._about("response.output_item.added", "in_progress")

    def delta(self, text: str) -> Event:
        """The event of some more text."""
        raise NotImplementedError

    def end(self) -> Iterator[Event]:
        """The events after its last delta."""
        yield self._about("response.output_item.done", "completed")

    def _about(self, kind: str, status: str) -> Event:
        return {"type": kind, "output_index": self.index, "item": self.shown(status)}

    def _inside(self, kind: str, **more: Any) -> Event:
        return {"type": kind, "item_id": self.id, "output_index": self.index, **more}


class Message(Item):
    """A text that the assistant says."""

    prefix = "msg"

    def shown(self, status: str) -> dict[str, Any]:
        """The message; its one part is there from the first delta on."""
        content = [] if status == "in_progress" else [self._part(self.text)]
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def begin(self) -> Iterator[Event]:
        """The item, then its one part, still empty."""
        yield from super().begin()
        yield self._inside("response.content_part.added", content_index=0, part=self._part(""))

    def delta(self, text: str) -> Event:
        """Some more text."""
        self.text += text
        kind = "response.output_text.delta"
        return self._inside(kind, content_index=0, delta=text, logprobs=[])

    def end(self) -> Iterator[Event]:
        """The text whole, then its part, then the item."""
        whole = self._part(self.text)
        kind = "response.output_text.done"
        yield self._inside(kind, content_index=0, text=self.text, logprobs=[])
        yield self._inside("response.content_part.done", content_index=0, part=whole)
        yield from super().end()

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


class Reasoning(Item):
    """What the model thought, told as the summary of its reasoning."""

    prefix = "rs"

    def shown(self, status: str) -> dict[str, Any]:
        """The item; nothing in it is encrypted, so the summary is all there is."""
        summary = [] if status == "in_progress" else [self._part(self.text)]
        return {"id": self.id, "type": "reasoning", "summary": summary}

    def begin(self) -> Iterator[Event]:
        """The item, then its one part, still empty."""
        yield from super().begin()
        kind = "response.reasoning_summary_part.added"
        yield self._inside(kind, summary_index=0, part=self._part(""))

    def delta(self, text: str) -> Event:
        """Some more thought."""
        self.text += text
        return self._inside("response.reasoning_summary_text.delta", summary_index=0, delta=text)

    def end(self) -> Iterator[Event]:
        """The thought whole, then its part, then the item."""
        kind = "response.reasoning_summary_text.done"
        yield self._inside(kind, summary_index=0, text=self.text)
        kind = "response.reasoning_summary_part.done"
        yield self._inside(kind, summary_index=0, part=self._part(self.text))
        yield from super().end()

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": "summary_text", "text": text}


class Call(Item):
    """A function that the model wants called; its text is the JSON of the arguments."""

    prefix = "fc"

    def __init__(self, id_: str, index: int, call_id: str, name: str) -> None:
        super().__init__(id_, index)
        self.call_id, self.name = call_id, name

    def shown(self, status: str) -> dict[str, Any]:
        """The call."""
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": self.text,
        }

    def delta(self, text: str) -> Event:
        """Some more of the arguments."""
        self.text += text
        return self._inside("response.function_call_arguments.delta", delta=text)

    def end(self) -> Iterator[Event]:
        """The arguments whole, then the item."""
        kind = "response.function_call_arguments.done"
        yield self._inside(kind, arguments=self.text, name=self.name)
        yield from super().end()
