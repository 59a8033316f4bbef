"""The contract as an AsyncAPI 3.0 document, made from the operations that a bridge knows. Pure."""

from bridge.asyncapi.document import document

__all__ = ["document"]
