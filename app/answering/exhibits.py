"""Findings to the pieces of evidence that a model of some form is shown; pure."""

from app.answering.budget import Fit
from app.answering.findings import Findings, chosen
from app.answering.forms import Form
from app.answering.prompt import Exhibit
from app.answering.records import Dropped, Source


def exhibits(form: Form, findings: Findings) -> list[Exhibit]:
    """Return the evidence in the order of its worth: best sentences, or whole passages."""
    if form.evidence == "sentences":
        return [
            Exhibit(item.candidate.passage + 1, item.candidate.readable)
            for item in chosen(findings, form.sentences)
        ]
    return [Exhibit(source.n, source.text, _origin(source)) for source in findings.sources]


def left_out(findings: Findings, fitting: Fit) -> tuple[Dropped, ...]:
    """Say of each source, and each piece of evidence, that the model did not see it, and why."""
    unread = {exhibit.n for exhibit in fitting.left_out}
    read = {exhibit.n for exhibit in fitting.kept}
    no_room = [Dropped("no room in the model's context", n) for n in sorted(unread)]
    not_chosen = [
        Dropped(
            "shown as a source; its sentences fit the question less than those asked about", s.n
        )
        for s in findings.sources
        if s.n not in read | unread
    ]
    return (*findings.dropped, *no_room, *not_chosen)


def _origin(source: Source) -> str:
    return f"{source.document_name}, page {source.page}" if source.page else source.document_name
