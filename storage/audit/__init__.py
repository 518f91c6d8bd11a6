"""Compares what is kept in four places (catalogue, vectors, keywords, files), and repairs."""

from storage.audit.compare import audit
from storage.audit.repair import repair
from storage.audit.report import AuditReport, CollectionAudit, IndexAudit, Mention

__all__ = ["AuditReport", "CollectionAudit", "IndexAudit", "Mention", "audit", "repair"]
